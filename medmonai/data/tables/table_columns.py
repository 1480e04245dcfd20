"""Labels and groups from the columns of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medmonai.data.class_names import folded, is_blank, spelling_note, task_of
from medmonai.data.positive_class import ordered_classes, require_binary
from medmonai.tables import TextTable
from medmonai.task import Task

_ZERO_ONE = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}


@dataclass(frozen=True)
class TableLabels:
    """The content of the label columns.

    Args:
        labels: (N,) or (N, L).
        class_names: class names in the order of the labels.
        task: what is predicted.
        note: sentence on spellings treated as one; "" if there were none.
    """

    labels: np.ndarray
    class_names: tuple[str, ...]
    task: Task
    note: str = ""


def labels_of(
    table: TextTable,
    label_column: str | Sequence[str],
    rows: Sequence[int],
    *,
    class_names: Sequence[str] | Mapping[str, str] | None,
    task: Task | str,
    positive_class: str | None = None,
) -> TableLabels:
    """Return the labels of some rows.

    A class whose name also stands for a missing value ("none", "NA"; see `is_blank`) must be in
    `class_names`.

    Raises:
        ValueError: a blank label, a label that `class_names` lacks, fewer than two classes, a value
            other than 0 and 1 in the columns of a multilabel task, class names that list these
            columns in a different order, or a positive class that `ordered_classes` refuses.
    """
    if not isinstance(label_column, str):
        require_binary(Task("multilabel", len(label_column)), positive_class)
        return _multilabel(table, tuple(label_column), rows, class_names, task)
    values = table.column(label_column, "label_column")
    blank = blank_labels(table, [label_column], rows, class_names=class_names)
    if blank:
        said = values[blank[0]]
        hint = f", or name {said!r} in class_names if it is a class" if said else ""
        raise ValueError(
            f"{table.name}: {label_column} is blank in {len(blank)} rows ({table.places(blank)}"
            f"{f', {said!r}' if said else ''}); fill it in, leave these rows out with "
            "blank_labels='skip' in columns (--blank_labels skip, of a bundle "
            f"--listing#columns#blank_labels skip){hint}."
        )
    counts = Counter(values[row] for row in rows)
    names, label_of = ordered_classes(counts, class_names, positive_class)
    if len(names) < 2:
        raise ValueError(
            f"{table.name}: {label_column} holds one class, {', '.join(map(repr, names))}; two are "
            "needed."
        )
    of_spelling = {spelling: label_of[folded(spelling)] for spelling in counts}
    labels = np.fromiter((of_spelling[values[row]] for row in rows), np.int64, len(rows))
    kind = task_of(task, len(names))
    require_binary(kind, positive_class)
    return TableLabels(labels, names, kind, spelling_note(counts))


def blank_labels(
    table: TextTable,
    columns: Sequence[str],
    rows: Sequence[int],
    *,
    class_names: Sequence[str] | Mapping[str, str] | None,
) -> list[int]:
    """Return the rows with a blank label; a class that `class_names` has is none."""
    meant = {folded(str(name)) for name in class_names or ()} - {""}
    labels = [table.column(column, "label_column") for column in columns]
    return [
        row
        for row in rows
        if any(is_blank(values[row]) and folded(values[row]) not in meant for values in labels)
    ]


def _multilabel(
    table: TextTable,
    columns: tuple[str, ...],
    rows: Sequence[int],
    class_names: Sequence[str] | Mapping[str, str] | None,
    task: Task | str,
) -> TableLabels:
    if task not in ("auto", "multilabel", Task("multilabel", len(columns))):
        raise ValueError(
            f"label_column names {len(columns)} columns and task is {task!r}; several columns are "
            "a multilabel task."
        )
    labels = np.empty((len(rows), len(columns)), np.int64)
    for c, column in enumerate(columns):
        values = table.column(column, "label_column")
        wrong = [row for row in rows if values[row].casefold() not in _ZERO_ONE]
        if wrong:
            raise ValueError(
                f"{table.name}: {column} holds {values[wrong[0]]!r} ({table.places(wrong)}); 0 or "
                "1 is needed: decide what it means, or take the rows out."
            )
        labels[:, c] = [_ZERO_ONE[values[row].casefold()] for row in rows]
    names = (
        tuple(class_names.get(c, c) for c in columns)
        if isinstance(class_names, Mapping)
        else tuple(class_names or columns)
    )
    if len(names) != len(columns):
        raise ValueError(
            f"class_names={names!r} and {len(columns)} label columns; give one name per column."
        )
    check_column_names(names, columns)
    return TableLabels(labels, names, Task("multilabel", len(columns)))


def check_column_names(class_names: Sequence[str], columns: Sequence[str]) -> None:
    """Raise ValueError if a label would be shown under another column's name; names must follow the
    order of the columns.

    Example:
        >>> check_column_names(["b", "a"], ["a", "b"])  # doctest: +NORMALIZE_WHITESPACE
        Traceback (most recent call last):
        ValueError: class_names=['b', 'a'] name the columns a, b in another order; give both in one
            order.
    """
    places = {folded(column): c for c, column in enumerate(columns)}
    if any(places.get(folded(str(name)), c) != c for c, name in enumerate(class_names)):
        raise ValueError(
            f"class_names={list(class_names)} name the columns {', '.join(columns)} in another "
            "order; give both in one order."
        )


def groups_of(
    table: TextTable, column: str, rows: Sequence[int], ids: np.ndarray, *, own: bool
) -> np.ndarray:
    """Return the group (N,) of some rows.

    Args:
        table: the table.
        column: column of the groups.
        rows: the rows.
        ids: (N,) their ids.
        own: whether each row with a blank (`is_blank`: "NA", "nan", ...) is a group of its own.

    Raises:
        ValueError: a blank group, unless `own`.
    """
    values = table.identifiers(column, "group_column")
    blank = [row for row in rows if is_blank(values[row])]
    if blank and not own:
        said = f", {values[blank[0]]!r}" if values[blank[0]] else ""
        raise ValueError(
            f"{table.name}: {column} is blank in {len(blank)} rows ({table.places(blank)}{said}); "
            "fill it in, or set blank_groups='own' in columns (--blank_groups own, of a bundle "
            "--listing#columns#blank_groups own) if each of them is another patient."
        )
    return np.array(
        [
            f"own: {case}" if is_blank(values[row]) else values[row]
            for row, case in zip(rows, ids.tolist())
        ]
    )
