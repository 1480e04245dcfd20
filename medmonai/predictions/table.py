"""The predictions table: scores of N cases, with ids, groups and labels, and the checks that make it safe to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from medmonai.task import Task


@dataclass(frozen=True, eq=False)
class Predictions:
    """Scores of N cases, with their labels where these are known.

    Args:
        ids: (N,) one name a case, all different; stored as str.
        y_true: labels as ``Task.check_labels`` takes them, or None where there are none (inference).
        y_score: (N, num_classes), finite; stored as float64. Column c belongs to class c: a binary task has (1 - p, p).
            Scores outside [0, 1] are taken as logits. Of two logits of a binary task only the difference z says something
            (their softmax is its sigmoid): they are stored as (0, z).
        task: the task the labels and scores belong to.
        class_names: one name a class (or label), all different.
        groups: (N,) patient, lesion or site of each case, stored as str; None where unknown.

    Raises:
        ValueError: lengths that differ, no case, an empty or repeated id, an empty group, a line break in a text, a
            score that is not finite, labels outside the task, not one name a class, a repeated name.

    Example:
        >>> p = Predictions(["a", "b"], [0, 1], [[0.9, 0.1], [0.2, 0.8]], Task("binary", 2), ("normal", "sick"))
        >>> p.positive_scores.tolist()
        [0.1, 0.8]
    """

    ids: np.ndarray
    y_true: np.ndarray | None
    y_score: np.ndarray
    task: Task
    class_names: tuple[str, ...]
    groups: np.ndarray | None = None

    def __post_init__(self) -> None:
        names = tuple(_texts(self.class_names, "class_names", empty=True).tolist())
        if len(names) != self.task.num_classes or len(set(names)) != len(names):
            raise ValueError(f"class_names={names}; a {self.task.kind} task of {self.task.num_classes} classes needs "
                             "one name a class, all different.")
        ids = _texts(self.ids, "ids")
        scores = np.array(self.y_score, dtype=np.float64)
        if scores.shape != (len(ids), self.task.num_classes):
            raise ValueError(f"y_score has shape {scores.shape}; {len(ids)} ids and a {self.task.kind} task need "
                             f"({len(ids)}, {self.task.num_classes}).")
        if not np.isfinite(scores).all():
            row, column = np.argwhere(~np.isfinite(scores))[0]
            raise ValueError(f"y_score[{row}, {column}] is {scores[row, column]} (id {str(ids[row])!r}); it must be finite.")
        if self.task.kind == "binary" and not _in_unit_interval(scores):
            scores = np.stack([np.zeros(len(scores)), scores[:, 1] - scores[:, 0]], axis=1)
        labels = None if self.y_true is None else self.task.check_labels(np.asarray(self.y_true), name="y_true")
        groups = None if self.groups is None else _texts(self.groups, "groups")
        for name, column in (("y_true", labels), ("groups", groups)):
            if column is not None and len(column) != len(ids):
                raise ValueError(f"{name} has {len(column)} entries for {len(ids)} ids; one a case is needed.")
        unique, counts = np.unique(ids, return_counts=True)
        if len(unique) != len(ids):
            raise ValueError(f"ids must be unique; {str(unique[counts > 1][0])!r} occurs {counts.max()} times.")
        for column in (ids, labels, scores, groups):
            if column is not None:
                column.flags.writeable = False
        vars(self).update(ids=ids, y_true=labels, y_score=scores, class_names=names, groups=groups)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def score_kind(self) -> Literal["probabilities", "logits"]:
        """What the scores are: ``probabilities`` where all lie in [0, 1], else ``logits``."""
        return "probabilities" if _in_unit_interval(self.y_score) else "logits"

    @property
    def positive_scores(self) -> np.ndarray:
        """Scores (N,) of the positive class of a binary task.

        Raises:
            ValueError: the task is not binary.
        """
        if self.task.kind != "binary":
            raise ValueError(f"a {self.task.kind} task has no positive_scores (no one class is positive); use y_score[:, c].")
        return self.y_score[:, 1]

    def predicted_names(self, decided: np.ndarray | None = None) -> list[str]:
        """Name of the decided class for each case; the labels of a multilabel task are joined by "; ".

        Args:
            decided: (N,) class numbers, or (N, L) of 0 and 1, as `medmonai.metrics.decide` returns them; by default the
                highest score, for binary and multilabel tasks what is above 0.5, as MedMNIST counts.
        """
        if decided is None:
            above = self.y_score > 0.5
            decided = {"multilabel": above, "binary": above[:, -1]}.get(self.task.kind, self.y_score.argmax(axis=1))
        if self.task.kind == "multilabel":
            return ["; ".join(name for name, yes in zip(self.class_names, row) if yes) for row in decided.tolist()]
        return [self.class_names[int(c)] for c in decided.tolist()]


def _in_unit_interval(scores: np.ndarray) -> bool:
    return bool(scores.min() >= 0 and scores.max() <= 1)


def _texts(values: Sequence | np.ndarray, name: str, *, empty: bool = False) -> np.ndarray:
    texts = np.asarray(values)
    if texts.ndim != 1 or not texts.size:
        raise ValueError(f"{name} have shape {texts.shape}; (N,) with at least one is needed.")
    texts = texts.astype(str)
    if not empty and (texts == "").any():
        raise ValueError(f"{name}[{int(np.argmax(texts == ''))}] is empty; give every case one.")
    broken = next((text for text in texts.tolist() if "\n" in text or "\r" in text), None)
    if broken is not None:  # one case is one line of the file
        raise ValueError(f"{name} hold {broken!r}; a line break is not allowed.")
    return texts


def check_same_cases(a: Predictions, b: Predictions) -> None:
    """Check that two tables hold the same cases in the same order with the same labels (before a paired comparison).

    Raises:
        ValueError: another task, number of cases, id or label; the first difference is named.
    """
    if a.task != b.task or a.class_names != b.class_names:
        raise ValueError(f"tables of two tasks: {a.task}, {a.class_names} and {b.task}, {b.class_names}.")
    shared = min(len(a), len(b))
    differ = np.flatnonzero(a.ids[:shared] != b.ids[:shared])
    if differ.size:
        row = differ[0]
        hint = "the same ids in another order: sort both" if set(a.ids) == set(b.ids) else "other cases"
        raise ValueError(f"case {row} is {str(a.ids[row])!r} in one table, {str(b.ids[row])!r} in the other ({hint}).")
    if len(a) != len(b):
        longer = a if len(a) > len(b) else b
        raise ValueError(f"one table has {len(a)} cases, the other {len(b)}; {str(longer.ids[shared])!r} is in one only.")
    if (a.y_true is None) != (b.y_true is None):
        raise ValueError("one table has labels, the other has none.")
    if a.y_true is not None and not np.array_equal(a.y_true, b.y_true):
        row = np.flatnonzero((a.y_true != b.y_true).reshape(len(a), -1).any(axis=1))[0]
        raise ValueError(f"case {str(a.ids[row])!r} has y_true {a.y_true[row]} in one table, {b.y_true[row]} in the "
                         "other.")


def align(a: Predictions, b: Predictions) -> Predictions:
    """Return table b in the order of table a, after checking that both hold the same cases.

    Labels and groups must be the same; where one table has no groups (another tool wrote it), b gets those of a, and
    the caller takes a's. Two binary tables may name their classes differently, because equal labels show which column is
    the positive one; b gets the names of a.

    Raises:
        ValueError: another task, other cases (the first are named), another label or group of a case.

    Example:
        >>> a = Predictions(["x", "y"], None, [[0.9, 0.1], [0.2, 0.8]], Task("binary", 2), ("normal", "sick"))
        >>> b = Predictions(["y", "x"], None, [[0.3, 0.7], [0.6, 0.4]], Task("binary", 2), ("normal", "sick"))
        >>> align(a, b).y_score.tolist()
        [[0.6, 0.4], [0.3, 0.7]]
    """
    same = np.array_equal(a.ids, b.ids)
    for one, other, where in () if same else ((a, b, "second"), (b, a, "first")):
        missing = one.ids[~np.isin(one.ids, other.ids)]
        if missing.size:
            more = f" and {missing.size - 3} more" if missing.size > 3 else ""
            raise ValueError(f"the tables hold other cases: {', '.join(map(repr, missing[:3].tolist()))}{more} not in the "
                             f"{where} table; compare predictions of the same split.")
    if same:
        order = np.arange(len(b))
    else:
        by_id = np.argsort(b.ids)
        order = by_id[np.searchsorted(b.ids, a.ids, sorter=by_id)]
    names = a.class_names if a.task.kind == b.task.kind == "binary" and a.y_true is not None else b.class_names
    found = Predictions(a.ids, None if b.y_true is None else b.y_true[order], b.y_score[order], b.task, names,
                        a.groups if b.groups is None else b.groups[order])
    check_same_cases(a, found)
    if a.groups is not None:
        ours, theirs = (np.unique(groups, return_inverse=True)[1] for groups in (a.groups, found.groups))
        pairs = np.unique(np.stack([ours, theirs]), axis=1).shape[1]
        if not pairs == ours.max() + 1 == theirs.max() + 1:
            raise ValueError("the tables put the cases into other groups; give both the same patients or lesions.")
    return replace(found, groups=found.groups if a.groups is None else a.groups)
