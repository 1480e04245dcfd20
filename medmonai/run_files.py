"""The files of a run folder, read with advice on what to do if one of them is damaged."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medmonai.atomic_files import read_json

_EVALUATE = "delete it and evaluate again by repeating the run's command"
_TRAIN = "restore it from a copy, or train in another folder"
_PIECE = 2**20
# What to do if a file of a run folder is damaged.
_WHAT_TO_DO = {
    "metrics.json": _EVALUATE,
    "data.json": f"{_EVALUATE}, once metrics.json is deleted too",
    "saliency.json": f"{_EVALUATE}, once metrics.json is deleted too",
    "evaluation.json": _EVALUATE,
    "config.json": _TRAIN,
    "run.json": _TRAIN,
    "history.csv": _TRAIN,
    "splits.csv": _TRAIN,
    "cases.csv": _TRAIN,
    "cases_evaluated.csv": _TRAIN,
    "test_opened.json": (
        "restore it from a copy, or evaluate with another --output_dir and --ckpt_path"
    ),
    "evaluate_config.json": (
        "restore it from a copy, or evaluate with another --output_dir and --ckpt_path"
    ),
    "decision.json": (
        "delete it and metrics.json and evaluate again, or name another file with --decision_path"
    ),
    "plan.json": "run the study again to rewrite it; no cell is lost",
    "cell.json": "run the study again to rewrite it",
    "outcome.json": "delete it",
}
_OTHERWISE = "replace it with a good copy"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits; it is read in pieces.

    pooch's `file_hash` does the same, but importing it takes a light command .1 s.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def read_record(path: str | Path) -> dict[str, Any]:
    """Return the content of a JSON file of a run folder, or an empty dictionary if there is no
    file.

    Raises:
        ValueError: the file is damaged; the message gives its path, what is wrong and what to do.
    """
    path = Path(path)
    return read_json(path, what_to_do=_WHAT_TO_DO.get(path.name, _OTHERWISE))


@contextmanager
def parts_of(path: str | Path) -> Iterator[None]:
    """Turn errors in the block about a missing or mistyped part of a file into one line that names
    the file.

    Raises:
        ValueError: see above.

    Example:
        >>> with parts_of("RUN/plan.json"):  # doctest: +NORMALIZE_WHITESPACE
        ...     {}["cells"]
        Traceback (most recent call last):
        ValueError: RUN/plan.json is damaged (it lacks 'cells'); run the study again to rewrite it;
            no cell is lost.
    """
    path = Path(path)
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, csv.Error) as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        reason = (
            f"it lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        )
        raise ValueError(
            f"{path} is damaged ({reason}); {_WHAT_TO_DO.get(path.name, _OTHERWISE)}."
        ) from error


def read_text(path: str | Path) -> str:
    """Return the text of a file of a run folder, UTF-8 with or without a byte-order mark.

    Raises:
        ValueError: it is damaged.
    """
    with parts_of(path):
        return Path(path).read_text(encoding="utf-8-sig")
