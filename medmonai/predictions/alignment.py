"""Aligning two tables: the same cases in the same order, the same classes in the same order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .table import Predictions, name_keys


def check_same_cases(a: Predictions, b: Predictions) -> None:
    """Check that two tables hold the same cases in the same order with the same labels (before a
    paired comparison).

    Raises:
        ValueError: the task, number of cases, an id or a label differs; the message names the first
            difference.
    """
    if a.task != b.task or a.class_names != b.class_names:
        raise ValueError(
            f"the tables have different tasks or classes: {a.task}, {a.class_names} and {b.task}, "
            f"{b.class_names}."
        )
    shared = min(len(a), len(b))
    differ = np.flatnonzero(a.ids[:shared] != b.ids[:shared])
    if differ.size:
        row = differ[0]
        hint = (
            "same ids in a different order: sort both"
            if set(a.ids) == set(b.ids)
            else "other cases"
        )
        raise ValueError(
            f"case {row} is {str(a.ids[row])!r} in one table and {str(b.ids[row])!r} in the other "
            f"({hint})."
        )
    if len(a) != len(b):
        longer = a if len(a) > len(b) else b
        raise ValueError(
            f"one table has {len(a)} cases, the other {len(b)}; {str(longer.ids[shared])!r} is in "
            "only one of them."
        )
    if (a.y_true is None) != (b.y_true is None):
        raise ValueError("one table has labels, the other has none.")
    if a.y_true is not None and b.y_true is not None and not np.array_equal(a.y_true, b.y_true):
        row = np.flatnonzero((a.y_true != b.y_true).reshape(len(a), -1).any(axis=1))[0]
        raise ValueError(
            f"case {str(a.ids[row])!r} has y_true {a.y_true[row]} in one table and "
            f"{b.y_true[row]} in the other."
        )


def align(a: Predictions, b: Predictions) -> Predictions:
    """Return table b in the order of table a, after checking that both have the same cases.

    Labels and groups must be the same; if one table has no groups (another tool wrote it), b gets
    those of a, and the caller takes a's. Classes with the same names in a different order are put
    into the order of a, labels included; if the labels then differ, it is unclear which column
    belongs to which class. Two binary tables may also name their classes differently, because equal
    labels show which column is the positive one; b gets the names of a.

    Raises:
        ValueError: the tasks or cases differ (the first ones are named), the label or group of a
            case differs, or the order of the class names contradicts the labels.

    Example:
        >>> from medmonai.task import Task
        >>> a = Predictions(
        ...     ["x", "y"], None, [[0.9, 0.1], [0.2, 0.8]], Task("binary", 2), ("normal", "sick")
        ... )
        >>> b = Predictions(
        ...     ["y", "x"], None, [[0.3, 0.7], [0.6, 0.4]], Task("binary", 2), ("normal", "sick")
        ... )
        >>> align(a, b).y_score.tolist()
        [[0.6, 0.4], [0.3, 0.7]]
    """
    same = np.array_equal(a.ids, b.ids)
    for one, other, where in () if same else ((a, b, "second"), (b, a, "first")):
        missing = one.ids[~np.isin(one.ids, other.ids)]
        if missing.size:
            more = f" and {missing.size - 3} more" if missing.size > 3 else ""
            raise ValueError(
                "the tables have different cases: "
                f"{', '.join(map(repr, missing[:3].tolist()))}{more} not in the {where} table; "
                "compare predictions of the same split."
            )
    if same:
        order = np.arange(len(b))
    else:
        by_id = np.argsort(b.ids)
        order = by_id[np.searchsorted(b.ids, a.ids, sorter=by_id)]
    aligned = Predictions(
        a.ids,
        None if b.y_true is None else b.y_true[order],
        b.y_score[order],
        b.task,
        b.class_names,
        a.groups if b.groups is None else b.groups[order],
        b.named,
    )
    aligned = _in_order_of(a, aligned)
    if a.task.kind == b.task.kind == "binary" and a.y_true is not None:
        aligned = replace(aligned, class_names=a.class_names)
    check_same_cases(a, aligned)
    if a.groups is not None and aligned.groups is not None:  # b gets those of a
        ours, theirs = (
            np.unique(groups, return_inverse=True)[1] for groups in (a.groups, aligned.groups)
        )
        pairs = np.unique(np.stack([ours, theirs]), axis=1).shape[1]
        if not pairs == ours.max() + 1 == theirs.max() + 1:
            raise ValueError(
                "the tables assign cases to different groups; give both the same patients or "
                "lesions."
            )
    return replace(aligned, groups=aligned.groups if a.groups is None else a.groups)


def _in_order_of(a: Predictions, b: Predictions) -> Predictions:
    """Return b, which has the cases of a, with its classes in the order of a if both name the same
    ones.
    """
    if a.task != b.task or a.y_true is None or b.y_true is None or not moved_names(a, b):
        return b
    turned = b if not _same_names(a, b) else b.in_class_order(a.class_names)
    if turned is b or not np.array_equal(a.y_true, turned.labels):
        raise ValueError(_contradiction(a, b))
    return turned


def in_one_order(a: Predictions, b: Predictions) -> tuple[Predictions, Predictions]:
    """Return two tables of different cases with their classes in the same order.

    Labels of different cases cannot show which column belongs to which class. A table is therefore
    reordered only if its labels are class names (in a multilabel task they always are): b if
    possible, else a.

    Raises:
        ValueError: a class has a different position in the other table, and the labels of both are
            numbers.
    """
    if a.task != b.task or not moved_names(a, b):
        return a, b
    if _same_names(a, b):
        if b.named or not b.task.exclusive:
            return a, b.in_class_order(a.class_names)
        if a.named:
            return a.in_class_order(b.class_names), b
    raise ValueError(_contradiction(a, b))


def moved_names(a: Predictions, b: Predictions) -> list[str]:
    """Return the classes of table b that have a different position in table a."""
    place = {name: c for c, name in enumerate(name_keys(a.class_names))}
    return [
        name
        for c, (name, key) in enumerate(zip(b.class_names, name_keys(b.class_names)))
        if place.get(key, c) != c
    ]


def _same_names(a: Predictions, b: Predictions) -> bool:
    return sorted(name_keys(a.class_names)) == sorted(name_keys(b.class_names))


def _contradiction(a: Predictions, b: Predictions) -> str:
    return (
        f"one table has its score columns in the order {', '.join(a.class_names)}, the other "
        f"{', '.join(b.class_names)}: the first column belongs to label 0, the next to label 1, so "
        "a number in y_true would mean two different classes. Put the columns in the order of the "
        "labels, or use class names in y_true."
    )
