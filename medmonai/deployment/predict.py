"""`medmonai predict`: from a model and other images to probabilities, decisions and flags."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from medmonai.atomic_files import replacing
from medmonai.data.containers import UnreadableImageError
from medmonai.data.decoding import check_jobs
from medmonai.data.files import DecodedCase

from .exported import ExportedModel, is_exported, load_exported
from .inputs import GivenCase, given_cases
from .model import Model, load_model
from .scoring import scored

_AHEAD = 2  # images a thread that are decoded before they are needed


@dataclass(frozen=True)
class PredictedCase:
    """What a model says of one image.

    Args:
        id: path of the image inside the folder that was named, or what the table says.
        probabilities: calibrated, one per class; () where the image cannot be read.
        decision: the class that is decided at the stored operating point; several labels are
            joined with "; "; "" where the image cannot be read.
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


def open_model(model: str | Path) -> Model | ExportedModel:
    """Load a trained model from a folder (`load_model`) or from a file that `medmonai export` wrote
    (`load_exported`).

    Args:
        model: the folder or the file.

    Raises:
        FileNotFoundError, ImportError, ValueError: see both.
    """
    return load_exported(model) if is_exported(model) else load_model(model)


def predict(
    model: str | Path | Model | ExportedModel, images: str | Path, /, **options: Any
) -> Iterator[PredictedCase]:
    """Yield what a model says of each image, in the order of a table or of the names of the files.

    The images are decoded by the function that decoded those of the training. A batch and the few
    images that are decoded ahead of it are in memory at a time, whatever the number of files. An
    image that cannot be found or read, or has another number of axes than the model's, is a case
    with a flag, and the others go on.

    - probabilities: softmax or sigmoid of the mean logits of the members, after the temperature
      that is stored with the weights.
    - decision: at the stored operating point, on the scores before the temperature.
    - flag: gray values, a size or a spacing unlike the training images', by rule; see `Familiar`.
      Of a model with covariates, also a category or a missing value that no training case had, or
      a number outside the training's range.

    MONAI's `Evaluator` needs a workflow of handlers for this, and reads no decision.

    Args:
        model: a folder, see `load_model`, a file that `medmonai export` wrote, or a loaded model.
        images: an image file, a folder of images, the folder of a DICOM series, an npz file, or a
            table (CSV, .xlsx) of images without labels. A model with covariates needs a table that
            has them in columns named as in the training.
        **options: how a table is read, such as image_column="file", id_column="case" and
            image_folders="scans"; see `medmonai.data.list_unlabeled_table`.

    Raises:
        FileNotFoundError: no such model, or no image at the path.
        ValueError: a folder of npz files, or a table that is refused.

    Example:
        >>> for case in predict("fit", "new_images"):  # doctest: +SKIP
        ...     print(case.id, case.probabilities, case.decision, case.flag)
    """
    ready = open_model(model) if isinstance(model, (str, Path)) else model
    return _predicted(ready, given_cases(Path(images).expanduser(), ready, options))


def _predicted(model: Model | ExportedModel, cases: Iterator[GivenCase]) -> Iterator[PredictedCase]:
    for batch in decoded_batches(model, cases):
        yield from predict_batch(model, batch)
        del batch  # its images, before those of the next one are waited for


def decoded_batches(
    model: Model | ExportedModel, cases: Iterator[GivenCase]
) -> Iterator[list[tuple[GivenCase, DecodedCase | str]]]:
    """Yield cases in batches, each case with its image or why there is none, as `read_given`
    returns it. Threads decode the images of the next batch.

    Args:
        model: a loaded model; it says what images become, and how many are in a batch.
        cases: names the images.
    """
    jobs = check_jobs(None)
    with ThreadPoolExecutor(jobs) as pool:
        waiting: deque[tuple[GivenCase, Future[DecodedCase | str]]] = deque()

        def submit(count: int) -> None:
            for case in islice(cases, count):
                waiting.append((case, pool.submit(read_given, case, model)))

        try:
            submit(model.batch_size + _AHEAD * jobs)
            while waiting:
                batch = [waiting.popleft() for _ in range(min(model.batch_size, len(waiting)))]
                submit(len(batch))
                yield [(case, one.result()) for case, one in batch]
        finally:  # an error, or the consumer stopped: what has not started is not decoded
            pool.shutdown(wait=True, cancel_futures=True)


def read_given(case: GivenCase, model: Model | ExportedModel) -> DecodedCase | str:
    """Return a decoded case, or why it cannot be decoded; "" where there is nothing to decode.

    Args:
        case: names the image.
        model: says what it becomes.
    """
    if case.read is None:
        return ""
    try:
        return case.read(model.form)
    except UnreadableImageError as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read: {error.strerror or type(error).__name__}"
    except ValueError as error:  # not what the network takes: the others go on
        if model.form.intensity_range is None and "intensity_range" in str(error):
            return f"{case.id} holds more than 8 bits, and the model takes 8"
        return str(error)


def predict_batch(
    model: Model | ExportedModel, batch: Sequence[tuple[GivenCase, DecodedCase | str]]
) -> Iterator[PredictedCase]:
    """Yield what a model says of the images of one batch.

    Args:
        model: a loaded model.
        batch: cases, each with its image or why there is none, as `read_given` returns it.
    """
    decoded = [(given, one) for given, one in batch if isinstance(one, DecodedCase)]
    results = iter(scored(model, decoded))
    for given, case in batch:
        if isinstance(case, str):
            flag = "; ".join(filter(None, (given.flag, case)))
            yield PredictedCase(given.id, probabilities=(), decision="", spread=0.0, flag=flag)
            continue
        unlike = [] if model.familiar is None else model.familiar.differences(case)
        if model.covariates is not None:
            unlike += model.covariates.remarks(given.covariates)
        probabilities, decision, spread = next(results)
        said = [given.flag, *unlike, *(f"such files {remark}" for remark in case.remarks)]
        yield PredictedCase(
            given.id,
            probabilities=probabilities,
            decision=decision,
            spread=spread,
            flag="; ".join(filter(None, said)),
        )


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
