"""What a model and a ruler say about the labeled cases of a site."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from medmonai.data.duplicates import image_keys, labeled_digests
from medmonai.data.files import DecodedCase
from medmonai.deployment import (
    GivenCase,
    Model,
    decoded_batches,
    measurements,
    uncalibrated,
)
from medmonai.predictions import Predictions

from .labeled import LabeledCases
from .locking import rows_of


@dataclass(frozen=True, eq=False)
class MeasuredCases:
    """Scores and measurements of N cases.

    Args:
        table: scores before the temperature, on which decisions are made, with labels and patients.
        members: (M, N, num_classes) scores of each member.
        images: (N,) digest of the pixels that the network saw.
        digests: (N,) digest of pixels and label, as in cases.csv of a run.
        values: name -> (N,) a measurement of the images, NaN where a file does not state it.
        unlike: (N,) how an image differs from the training images; "" where it does not.
        unreadable: id -> why the image could not be decoded.
    """

    table: Predictions
    members: np.ndarray
    images: np.ndarray
    digests: np.ndarray
    values: dict[str, np.ndarray]
    unlike: np.ndarray
    unreadable: dict[str, str]

    def __len__(self) -> int:
        return len(self.table)

    def subset(self, rows: np.ndarray) -> MeasuredCases:
        """Return the cases at some rows (or where a mask is true)."""
        return replace(
            self,
            table=rows_of(self.table, rows),
            members=self.members[:, rows],
            images=self.images[rows],
            digests=self.digests[rows],
            values={name: values[rows] for name, values in self.values.items()},
            unlike=self.unlike[rows],
        )


def measure(model: Model, cases: LabeledCases, *, skip_unreadable: bool = False) -> MeasuredCases:
    """Decode and score the labeled cases of a site, a batch at a time.

    Args:
        model: a loaded model.
        cases: of the site.
        skip_unreadable: leave out images that cannot be read.

    Raises:
        ValueError: images that cannot be read, unless `skip_unreadable`; no image that can be read.
    """
    numbers = {id(case): row for row, case in enumerate(cases.cases)}
    columns: dict[str, list] = defaultdict(list)
    unreadable: dict[str, str] = {}
    for batch in decoded_batches(model, iter(cases.cases)):
        good: list[tuple[GivenCase, DecodedCase]] = []
        for given, case in batch:
            if isinstance(case, str):
                unreadable[given.id] = case
            else:
                good.append((given, case))
        if not good:
            continue
        whole, members = uncalibrated(model, good)
        columns["rows"] += [numbers[id(given)] for given, _ in good]
        columns["scores"].append(whole.y_score)
        columns["members"].append(np.stack([one.y_score for one in members]))
        columns["keys"].append(image_keys(np.stack([case.image for _, case in good])))
        columns["values"] += [measurements(case) for _, case in good]
        columns["unlike"] += [_unlike(model, given, case) for given, case in good]
    if (unreadable and not skip_unreadable) or not columns["rows"]:
        first, reason = next(iter(unreadable.items()))
        raise ValueError(
            f"{cases.source.name}: {len(unreadable)} of {len(cases)} images cannot be read, first "
            f"{first}: {reason}; mend or remove them, or leave them out: --skip_unreadable true."
        )
    rows = np.array(columns["rows"])
    keys = np.concatenate(columns["keys"])
    labels = cases.labels[rows]
    return MeasuredCases(
        Predictions(
            np.array([cases.cases[row].id for row in rows]),
            labels,
            np.concatenate(columns["scores"]),
            model.task,
            model.class_names,
            groups=None if cases.groups is None else np.asarray(cases.groups)[rows],
        ),
        np.concatenate(columns["members"], axis=1),
        np.array([key.tobytes().hex() for key in keys]),
        labeled_digests(keys, labels),
        {name: np.array([one[name] for one in columns["values"]]) for name in columns["values"][0]},
        np.array(columns["unlike"]),
        unreadable,
    )


def _unlike(model: Model, given: GivenCase, case: DecodedCase) -> str:
    said = [] if model.familiar is None else model.familiar.differences(case)
    if model.covariates is not None:
        said += model.covariates.remarks(given.covariates)
    return "; ".join(said)
