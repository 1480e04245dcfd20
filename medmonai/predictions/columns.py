"""From the columns of a file to a predictions table: which columns are scores and labels, and what
their cells mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from medmonai.tables import TextTable, decimal_mark, number_of, tidy
from medmonai.task import Task

from .labels import class_labels, truth_labels
from .table import Predictions, sums_to_one

_NAMES = ("id", "group", "y_true", "score")
_BEGINNINGS = ("score_", "y_true_")


def predictions_of(table: TextTable, task: Task | None) -> Predictions:
    """Return the predictions in a table; see `read_predictions`.

    Raises:
        ValueError: a missing or repeated column, or an invalid value; the message names row and
            column.
    """
    columns = _known_columns(table)
    if "id" not in columns:
        raise ValueError(f"columns {list(table.columns)}; a table needs a column 'id'.")
    scored = [name for name in columns if name == "score" or name.startswith("score_")]
    labelled = [name for name in columns if name == "y_true" or name.startswith("y_true_")]
    if not scored:
        raise ValueError(f"no score column among {list(table.columns)}; name them score_<class>.")
    _check_order(scored)
    names = [name.removeprefix("score_") for name in scored]
    y_score = _scores({name: columns[name] for name in scored}, table.lines)
    task = task or _infer_task(len(names), labelled, y_score)
    if task.kind == "binary" and len(names) == 1:
        names = ["negative", "positive"] if scored == ["score"] else [f"not {names[0]}", names[0]]
        probable = y_score.min() >= 0 and y_score.max() <= 1
        y_score = np.hstack([1 - y_score if probable else np.zeros_like(y_score), y_score])
    wanted = ["y_true"] if task.exclusive else [f"y_true_{name}" for name in names]
    if labelled and labelled != wanted:
        raise ValueError(
            f"label columns {labelled}; a {task.kind} table with the scores {scored} needs "
            f"{wanted}."
        )
    y_true = None
    named = False
    if labelled and task.exclusive:
        y_true, named = class_labels(columns["y_true"], table.lines, task, names)
    elif labelled:
        y_true = np.stack(
            [truth_labels(columns[name], table.lines, name) for name in labelled], axis=1
        )
    groups = columns.get("group")
    groups = np.asarray(groups) if groups and any(groups) else None
    return Predictions(
        np.asarray(columns["id"]), y_true, y_score, task, tuple(names), groups, named
    )


def _known_columns(table: TextTable) -> dict[str, Sequence[str]]:
    """Return the known columns, in the order of the file, by the names that they have in
    `write_predictions`.

    The names id, group, y_true and score match in any case and with invisible characters around
    them. So do the class names after score_ and y_true_, as long as they remain distinct.
    """
    known = {own: name for own in table.columns if (name := _known(own))}
    # exact spelling first: "id" goes before "ID"
    spelled = {own for own, name in known.items() if own == name}
    known = {
        own: name
        for own, name in known.items()
        if own in spelled or name not in spelled or name not in _NAMES
    }
    if len(set(known.values())) < len(known):  # classes "a" and "a ": as they are written
        known = {own: own if own.startswith(_BEGINNINGS) else name for own, name in known.items()}
    names = list(known.values())
    twice = [own for own, name in known.items() if own in table.repeated or names.count(name) > 1]
    if twice:
        raise ValueError(
            f"columns {list(table.columns)}: {twice[0]!r} occurs more than once; column names must "
            "be unique."
        )
    return {known[own]: values for own, values in table.columns.items() if own in known}


def _known(own: str) -> str:
    plain = tidy(own)
    if plain.casefold() in _NAMES:
        return plain.casefold()
    return next(
        (
            start + plain[len(start) :]
            for start in _BEGINNINGS
            if plain.casefold().startswith(start)
        ),
        "",
    )


def _check_order(scored: list[str]) -> None:
    """Refuse score columns whose numbers contradict their positions, since the labels would be
    ambiguous.
    """
    numbers = [name.removeprefix("score_") for name in scored]
    if not all(number.isdecimal() and number.isascii() for number in numbers):
        return
    places = list(map(int, numbers))
    if places == [0] or (sorted(places) == list(range(len(places))) and places != sorted(places)):
        raise ValueError(
            f"score columns {scored}: the first one belongs to label 0, the next to label 1, and "
            "so on; put all numbered columns in that order, or name them by class."
        )


def _scores(columns: Mapping[str, Sequence[str]], lines: Sequence[int]) -> np.ndarray:
    """Return the scores (N, C); they all use the same decimal mark."""
    try:
        mark = decimal_mark(text for texts in columns.values() for text in texts)
    except ValueError as error:
        raise ValueError(f"columns {list(columns)}: {error}") from None
    scores = np.empty((len(lines), len(columns)))
    for c, (name, texts) in enumerate(columns.items()):
        for row, text in enumerate(texts):
            value = scores[row, c] = number_of(text, mark=mark)
            if math.isnan(value):
                raise ValueError(
                    f"row {lines[row]}, column {name!r}: {text!r} is not a finite number."
                )
    return scores


def _infer_task(count: int, labelled: list[str], y_score: np.ndarray) -> Task:
    if labelled and labelled != ["y_true"]:
        return Task("multilabel", count)
    if (
        not labelled
        and count > 1
        and not sums_to_one(y_score, Task("binary" if count == 2 else "multiclass", count))
    ):
        raise ValueError(
            "there are no labels, and a case's scores do not sum to 1: multiclass or multilabel? "
            "Pass task=."
        )
    return Task("binary", 2) if count <= 2 else Task("multiclass", count)
