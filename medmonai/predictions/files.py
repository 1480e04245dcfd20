"""The predictions table as a CSV file.

Columns: ``id, group, y_true, score_<class>, ...`` (multilabel: one ``y_true_<label>`` column a label). The group column
is empty without groups; a table of unlabelled cases has no ``y_true``. Scores read back bit for bit.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medmonai.task import Task
from medmonai.whole_files import replacing

from .table import Predictions


def write_predictions(
    predictions: Predictions, path: str | Path, *, overwrite: bool = False, predicted: Sequence[str] | None = None
) -> None:
    """Write the table as CSV: whole or not at all.

    Args:
        predictions: the table; without labels the ``y_true`` column is left out.
        path: the file to write; its folder must exist.
        overwrite: replace an existing file.
        predicted: a column ``predicted`` with these names, one a case, such as `Predictions.predicted_names()`. A multilabel
            table without labels cannot be told from a multiclass one: read it with ``task=``.

    Raises:
        FileExistsError: `path` exists and `overwrite` is False.
        FileNotFoundError: the folder does not exist.
    """
    header, columns = ["id", "group"], [predictions.ids.tolist()]
    columns.append([""] * len(predictions) if predictions.groups is None else predictions.groups.tolist())
    if predictions.y_true is not None:
        exclusive = predictions.task.exclusive
        header += ["y_true"] if exclusive else [f"y_true_{name}" for name in predictions.class_names]
        columns += [predictions.y_true.tolist()] if exclusive else predictions.y_true.T.tolist()
    header += [f"score_{name}" for name in predictions.class_names]
    columns += predictions.y_score.T.tolist()  # Python floats: csv writes their repr, which reads back exactly
    if predicted is not None:
        header.append("predicted")
        columns.append(list(predicted))
    with replacing(path, overwrite=overwrite) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(zip(*columns))


def read_predictions(path: str | Path, *, task: Task | None = None) -> Predictions:
    """Read a table of `write_predictions`, or of another tool with the same column names.

    Without `task`: ``y_true_<label>`` columns mean multilabel; one score column (``score`` or ``score_<name>``) means
    binary and is taken as the positive class's p, completed to (1 - p, p), or, where it leaves [0, 1], as its logit z,
    completed to (0, z); two score columns mean binary, more mean multiclass. Pass `task` for ordinal tables, and for
    multilabel ones without labels. Other columns are ignored.

    The order of the score columns is the order of the labels 0, 1, ...; columns numbered otherwise are refused. ``y_true``
    may hold class names instead of numbers. What spreadsheets write is read too: semicolons or tabs between cells, decimal
    commas beside them, empty last lines, spaces and capitals in the names id, group, y_true.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a missing or repeated column, a bad value; file, row and column are named (the header is row 1).
    """
    try:
        header, rows = _read_cells(path)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV table in UTF-8 ({error}).") from None
    for row, cells in enumerate(rows, start=2):
        if len(cells) != len(header):
            raise ValueError(f"{path}: row {row} has {len(cells)} cells; the header has {len(header)} columns.")
    if len(set(header)) != len(header) or "id" not in header or not rows:
        raise ValueError(f"{path}: columns {header} and {len(rows)} cases; a table needs a column 'id', no column "
                         "twice and at least one case.")
    columns = dict(zip(header, zip(*rows)))
    try:
        return _from_columns(columns, task)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def _read_cells(path: str | Path) -> tuple[list[str], list[list[str]]]:
    """Return header and rows, whichever of comma, semicolon and tab stands between the cells."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        text = file.read()
    for delimiter in (",", ";", "\t", ","):  # the last: a comma, to name the columns in the error
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) or [[]]
        known = {name: name.strip().lower() for name in header if name.strip().lower() in ("id", "group", "y_true")}
        if "id" in known.values():
            break
    names = [known.get(name, name) for name in header]
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    numbers = [i for i, name in enumerate(names) if name.startswith(("score", "y_true")) and delimiter != ","]
    for cells in rows:
        for i in numbers:
            if i < len(cells):
                cells[i] = cells[i].replace(",", ".")
    return names, rows


def _check_order(scored: list[str]) -> None:
    """Refuse score columns that are numbered, but not as their places say: which label is which?"""
    numbers = [name.removeprefix("score_") for name in scored]
    if not all(number.isdecimal() and number.isascii() for number in numbers):
        return
    places = list(map(int, numbers))
    if places == [0] or (sorted(places) == list(range(len(places))) and places != sorted(places)):
        raise ValueError(f"score columns {scored}: the first one belongs to label 0, the next to label 1, and so on; put "
                         "numbered columns into that order, all of them, or name them by class.")


def _named(columns: dict[str, Sequence[str]], class_names: Sequence[str]) -> bool:
    """Whether y_true holds class names."""
    texts = {text.strip() for text in columns.get("y_true", ())}
    return bool(texts) and texts <= set(class_names) and not all(text.isdecimal() for text in texts)


def _labels(columns: dict[str, Sequence[str]], name: str, class_names: Sequence[str]) -> np.ndarray:
    """Return label numbers; class names become their numbers."""
    texts = [text.strip() for text in columns[name]]
    if name == "y_true" and _named(columns, class_names):
        return np.array([list(class_names).index(text) for text in texts], dtype=float)
    return _numbers(columns, name)


def _from_columns(columns: dict[str, Sequence[str]], task: Task | None) -> Predictions:
    scored = [name for name in columns if name == "score" or name.startswith("score_")]
    _check_order(scored)
    labelled = [name for name in columns if name == "y_true" or name.startswith("y_true_")]
    if not scored:
        raise ValueError(f"no score column among {list(columns)}; name them score_<class>.")
    names = [name.removeprefix("score_") for name in scored]
    y_score = np.stack([_numbers(columns, name) for name in scored], axis=1)
    y_true = np.stack([_labels(columns, name, names) for name in labelled], axis=1) if labelled else None
    named = _named(columns, names)
    if task is None:
        task = _infer_task(len(names), labelled, y_score)
    if task.kind == "binary" and len(names) == 1:
        names = ["negative", "positive"] if scored == ["score"] else [f"not {names[0]}", names[0]]
        probable = y_score.min() >= 0 and y_score.max() <= 1
        y_score = np.hstack([1 - y_score if probable else np.zeros_like(y_score), y_score])
    wanted = ["y_true"] if task.exclusive else [f"y_true_{name}" for name in names]
    if labelled and labelled != wanted:
        raise ValueError(f"label columns {labelled}; a {task.kind} table with the scores {scored} needs {wanted}.")
    for name, values in zip(labelled, y_true.T if labelled else ()):
        wrong = ~np.isin(values, np.arange(task.num_classes if task.exclusive else 2))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(f"row {row + 2}, column {name!r}: {columns[name][row]!r} is not a label of a {task.kind} "
                             f"task of {task.num_classes}; use 0 to {task.num_classes - 1 if task.exclusive else 1}.")
    groups = columns.get("group")
    groups = groups if groups and any(groups) else None
    return Predictions(columns["id"], y_true, y_score, task, tuple(names), groups, named)


def _infer_task(count: int, labelled: list[str], y_score: np.ndarray) -> Task:
    if labelled and labelled != ["y_true"]:
        return Task("multilabel", count)
    if not labelled and count > 1 and np.abs(y_score.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError("no labels, and a case's scores do not add up to 1: multiclass or multilabel? Pass task=.")
    return Task("binary", 2) if count <= 2 else Task("multiclass", count)


def _numbers(columns: dict[str, Sequence[str]], name: str) -> np.ndarray:
    values = np.empty(len(columns[name]))
    for row, text in enumerate(columns[name]):
        try:
            values[row] = float(text)
        except ValueError:
            values[row] = np.nan
        if not np.isfinite(values[row]):
            raise ValueError(f"row {row + 2}, column {name!r}: {text!r} is not a finite number.")
    return values
