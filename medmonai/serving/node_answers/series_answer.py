"""From a complete series to its answer: select, predict, explain, report."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from medmonai.data.files import DecodedCase, read_case
from medmonai.deployment import GivenCase, Model, predict_batch, read_given
from medmonai.engines import NoTargetLayer
from medmonai.serving.views import decided_map

from .captures import captures
from .instances import Instance, read_instance
from .report import Answered, Identity, structured_report
from .selection import Selection

if TYPE_CHECKING:
    from pydicom import Dataset


logger = logging.getLogger("medmonai.dicom_node")


class NotAnswered(ValueError):
    """A series that the model does not answer; the message says why."""


@dataclass(frozen=True, eq=False)
class _Case:
    given: GivenCase
    images: Sequence[Instance]
    decoded: DecodedCase


def answer_series(
    folder: Path, model: Model, *, selection: Selection, identity: Identity
) -> Iterator[Dataset]:
    """Yield the results for a series, the report last.

    The images are decoded and predicted as by `medmonai predict`, a volume as one case, each image
    of a series of single images as a case of its own.

    Args:
        folder: the instances of the series.
        model: a loaded model.
        selection: which series it answers.
        identity: names the model in the results.

    Raises:
        NotAnswered: a series that is not selected, or cannot be read.
    """
    series = [read_instance(path) for path in sorted(folder.glob("*.dcm"))]
    images = selection.images(series)
    refused = selection.refusal(series, images)
    if refused:
        raise NotAnswered(refused)
    cases, unread = _cases(folder, images, model)
    if not cases:
        raise NotAnswered(f"it cannot be read: {'; '.join(unread)}")
    remarks = selection.remarks(images)
    if unread:
        remarks.append(f"{len(unread)} of {len(images)} images cannot be read")
    answered = []
    number = 1
    for case in cases:
        (predicted,) = predict_batch(model, [(case.given, case.decoded)])
        flags = "; ".join([*filter(None, [predicted.flag]), *remarks])
        predicted = replace(predicted, flag=flags)
        answered.append(Answered(predicted, case.images))
        try:
            values = decided_map(model, case.given, case.decoded, predicted)
        except NoTargetLayer:
            continue
        except Exception as error:  # the report goes out without pictures
            logger.error("no saliency pictures: %s", type(error).__name__)
            continue
        for image in captures(case.decoded, values, case.images, identity, first=number):
            yield image
            number += 1
    yield structured_report(answered, model, identity)


def _cases(folder: Path, images: Sequence[Instance], model: Model) -> tuple[list[_Case], list[str]]:
    """Return the cases of a series that can be read, and why others cannot."""
    if len(model.form.spatial_size) == 3:
        place = images[0].path if len(images) == 1 else folder
        given = [(place, tuple(images))]
    else:
        given = [(one.path, (one,)) for one in images]
    cases = []
    unread = []
    for place, of in given:
        case = GivenCase(place.name, read=partial(read_case, place))
        decoded = read_given(case, model)
        if isinstance(decoded, DecodedCase):
            cases.append(_Case(case, of, decoded))
        else:
            unread.append(decoded)
    return cases, unread
