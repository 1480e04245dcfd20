"""`medmonai predict`: from a model and other images to probabilities, decisions and flags."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from medmonai.atomic_files import replacing
from medmonai.data.containers import UnreadableImageError
from medmonai.data.decoding import check_jobs, image_files
from medmonai.data.files import DecodedCase, read_case
from medmonai.metrics import apply_temperature, decide
from medmonai.predictions import Predictions

from .model import Model, load_model

_AHEAD = 4  # batches that are decoded together


@dataclass(frozen=True)
class PredictedCase:
    """What a model says of one image.

    Args:
        id: path of the image inside the folder that was named.
        probabilities: calibrated, one per class; () where the image cannot be read.
        decision: the class that is decided at the stored operating point; several labels are
            joined with "|"; "" where the image cannot be read.
        spread: standard deviation over the members of the ensemble of the probability of the
            decided class (multilabel: the largest); 0 of a single network.
        flag: why the result deserves no trust; "" where nothing was noticed.
    """

    id: str
    _: KW_ONLY
    probabilities: tuple[float, ...]
    decision: str
    spread: float
    flag: str


def predict(model: str | Path | Model, images: str | Path) -> Iterator[PredictedCase]:
    """Yield what a model says of each image at a path, in the order of their names.

    The images are decoded by the function that decoded those of the training. A few batches are in
    memory at a time, whatever the number of files. An image that cannot be read, or has another
    number of axes than the model's, is a case with a flag, and the others go on.

    - probabilities: softmax or sigmoid of the mean logits of the members, after the temperature
      that is stored with the weights.
    - decision: at the stored operating point, on the scores before the temperature.
    - flag: grey values or a size unlike the training images', by rule; see `Familiar`.

    MONAI's `Evaluator` needs a workflow of handlers for this, and reads no decision.

    Args:
        model: a folder, see `load_model`, or a loaded model.
        images: an image file, a folder of images or the folder of a DICOM series.

    Raises:
        FileNotFoundError: no such model, or no image at the path.
        ValueError: images of several kinds, or an npz file.

    Example:
        >>> for case in predict("fit", "new_images"):  # doctest: +SKIP
        ...     print(case.id, case.probabilities, case.decision, case.flag)
    """
    ready = model if isinstance(model, Model) else load_model(model)
    ids, files = image_files(Path(images), spatial_dims=len(ready.form.spatial_size))
    return _predicted(ready, list(zip(ids, files)))


def _predicted(model: Model, named: Sequence[tuple[str, Path]]) -> Iterator[PredictedCase]:
    rest = iter(named)
    with ThreadPoolExecutor(check_jobs(None)) as pool:
        while chunk := list(islice(rest, model.batch_size * _AHEAD)):
            read = list(pool.map(lambda one: _read(one[1], model), chunk))
            for start in range(0, len(chunk), model.batch_size):
                part = slice(start, start + model.batch_size)
                yield from _of_batch(model, [name for name, _ in chunk[part]], read[part])


def _read(path: Path, model: Model) -> DecodedCase | str:
    try:
        return read_case(path, model.form)
    except UnreadableImageError as error:
        return str(error)
    except ValueError as error:  # not what the network takes: the others go on
        if model.form.intensity_range is None and "intensity_range" in str(error):
            return f"{path.name} holds more than 8 bits, and the model takes 8"
        return str(error)


def _of_batch(
    model: Model, ids: Sequence[str], read: Sequence[DecodedCase | str]
) -> Iterator[PredictedCase]:
    cases = {name: case for name, case in zip(ids, read) if isinstance(case, DecodedCase)}
    scored = _scored(model, cases) if cases else {}
    for name, case in zip(ids, read):
        if isinstance(case, str):
            yield PredictedCase(name, probabilities=(), decision="", spread=0.0, flag=case)
            continue
        unlike = (
            []
            if model.familiar is None
            else model.familiar.differences(case.image, case.size, colored=case.kind.colour)
        )
        probabilities, decision, spread = scored[name]
        flag = "; ".join([*unlike, *(f"such files {remark}" for remark in case.remarks)])
        yield PredictedCase(
            name, probabilities=probabilities, decision=decision, spread=spread, flag=flag
        )


def _scored(
    model: Model, cases: dict[str, DecodedCase]
) -> dict[str, tuple[tuple[float, ...], str, float]]:
    images = torch.from_numpy(np.stack([case.image for case in cases.values()]))
    with torch.inference_mode():
        x = model.preprocessing(images.to(model.device))
        logits = torch.stack([model.inferer(x, member) for member in model.members])
    members = [_table(model, one.double().cpu()) for one in logits]
    whole = _table(model, logits.double().mean(dim=0).cpu())
    decided = decide(whole, model.point)
    names = whole.predicted_names(decided)
    calibrated = apply_temperature(whole, model.temperature).y_score
    spreads = np.std([apply_temperature(one, model.temperature).y_score for one in members], axis=0)
    chosen = (
        spreads[np.arange(len(spreads)), decided] if model.task.exclusive else spreads.max(axis=1)
    )
    return {
        name: (tuple(row.tolist()), decision, float(spread))
        for name, row, decision, spread in zip(cases, calibrated, names, chosen)
    }


def _table(model: Model, logits: torch.Tensor) -> Predictions:
    scores = model.task.probabilities(logits).numpy()
    # Numbers stand for the paths, which may hold anything.
    ids = np.arange(len(scores)).astype(str)
    return Predictions(ids, None, scores, model.task, model.class_names)


def write_predicted(
    cases: Iterator[PredictedCase],
    path: str | Path,
    *,
    class_names: Sequence[str],
    overwrite: bool = False,
) -> tuple[int, int]:
    """Write predicted cases as CSV (id, score_<class>..., predicted, spread, flag); return how many
    there were, and how many of them have no scores.

    Args:
        cases: as `predict` yields them; each is written when it comes.
        path: the file.
        class_names: of the model.
        overwrite: replace an existing file.

    Raises:
        FileExistsError: the file exists and `overwrite` is False.
    """
    count = 0
    unread = 0
    with (
        replacing(path, overwrite=overwrite) as temporary,
        # names that are not UTF-8 are written as escapes
        open(temporary, "w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        header = [f"score_{name}" for name in class_names]
        writer.writerow(["id", *header, "predicted", "spread", "flag"])
        for case in cases:
            scores = case.probabilities or [""] * len(class_names)
            spread = case.spread if case.probabilities else ""
            writer.writerow([case.id, *scores, case.decision, spread, case.flag])
            count += 1
            unread += not case.probabilities
    return count, unread
