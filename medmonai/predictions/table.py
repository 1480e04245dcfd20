"""The predictions table: scores of N cases, with ids, groups and labels, and the checks that make
it safe to read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from medmonai.notebook import Card, InNotebook, number, one_line
from medmonai.task import Task

ROUNDING = 0.0005  # rounding error of a probability written with three decimals


@dataclass(frozen=True, eq=False, repr=False)
class Predictions(InNotebook):
    """Scores of N cases, with their labels if known.

    Args:
        ids: (N,) one name per case, all unique; stored as str.
        y_true: labels as ``Task.check_labels`` takes them, or None if there are none (inference).
        y_score: (N, num_classes), finite; stored as float64. Column c belongs to class c: a binary
            task has (1 - p, p). Scores outside [0, 1] are treated as logits. Of two logits of a
            binary task, only the difference z matters (their softmax is its sigmoid); they are
            stored as (0, z).
        task: the task the labels and scores belong to.
        class_names: one name per class (or label), all unique.
        groups: (N,) patient, lesion or site of each case, stored as str; None if unknown.
        named: whether the labels were class names in the file, so that they do not depend on the
            order of its columns.

    Raises:
        ValueError: different lengths, no cases, an empty or repeated id, an empty group, a line
            break in a text, a non-finite score, labels outside the task, a number of names other
            than one per class, or a repeated name.

    Example:
        >>> p = Predictions(
        ...     ["a", "b"], [0, 1], [[0.9, 0.1], [0.2, 0.8]], Task("binary", 2), ("normal", "sick")
        ... )
        >>> p.positive_scores.tolist()
        [0.1, 0.8]
    """

    ids: np.ndarray
    y_true: np.ndarray | None
    y_score: np.ndarray
    task: Task
    class_names: tuple[str, ...]
    groups: np.ndarray | None = None
    named: bool = False

    def __post_init__(self) -> None:
        names = tuple(_texts(self.class_names, "class_names", empty=True).tolist())
        if len(names) != self.task.num_classes or len(set(names)) != len(names):
            raise ValueError(
                f"class_names={names}; a {self.task.kind} task of {self.task.num_classes} classes "
                "needs one name per class, all unique."
            )
        ids = _texts(self.ids, "ids")
        scores = np.array(self.y_score, dtype=np.float64)
        if scores.shape != (len(ids), self.task.num_classes):
            raise ValueError(
                f"y_score has shape {scores.shape}; {len(ids)} ids and a {self.task.kind} task "
                f"need ({len(ids)}, {self.task.num_classes})."
            )
        if not np.isfinite(scores).all():
            row, column = np.argwhere(~np.isfinite(scores))[0]
            raise ValueError(
                f"y_score[{row}, {column}] is {scores[row, column]} (id {str(ids[row])!r}); it "
                "must be finite."
            )
        if self.task.kind == "binary" and not _in_unit_interval(scores):
            scores = np.stack([np.zeros(len(scores)), scores[:, 1] - scores[:, 0]], axis=1)
        labels = (
            None
            if self.y_true is None
            else self.task.check_labels(np.asarray(self.y_true), name="y_true")
        )
        groups = None if self.groups is None else _texts(self.groups, "groups")
        for name, column in (("y_true", labels), ("groups", groups)):
            if column is not None and len(column) != len(ids):
                raise ValueError(
                    f"{name} has {len(column)} entries for {len(ids)} ids; one per case is needed."
                )
        unique, counts = np.unique(ids, return_counts=True)
        if len(unique) != len(ids):
            raise ValueError(
                f"ids must be unique; {str(unique[counts > 1][0])!r} occurs {counts.max()} times."
            )
        for column in (ids, labels, scores, groups):
            if column is not None:
                column.flags.writeable = False
        vars(self).update(ids=ids, y_true=labels, y_score=scores, class_names=names, groups=groups)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        groups = "" if self.groups is None else f" in {len(np.unique(self.groups))} groups"
        said = "no labels" if self.y_true is None else str(self._class_counts())
        return one_line(
            f"Predictions({len(self)} cases{groups}, {self.task.kind} {self.score_kind}, {said})",
            most=500,
        )

    def _class_counts(self) -> dict[str, int]:
        hot = self.task.one_hot(self.labels)
        return dict(zip(self.class_names, hot.sum(axis=0).astype(int).tolist()))

    def _card(self) -> Card:
        counts = {} if self.y_true is None else self._class_counts()
        groups = None if self.groups is None else len(np.unique(self.groups))
        return Card(
            f"Predictions: {len(self)} cases",
            {"task": self.task.kind, "scores": self.score_kind, "groups": groups},
            header=("class", "cases", "mean score"),
            rows=[
                (name, counts.get(name, "unknown"), number(mean))
                for name, mean in zip(self.class_names, self.y_score.mean(axis=0))
            ],
        )

    @property
    def labels(self) -> np.ndarray:
        """The labels `y_true`; the table must have them.

        Raises:
            ValueError: the table has none.
        """
        if self.y_true is None:
            raise ValueError("the predictions have no y_true; use a table with labels.")
        return self.y_true

    @property
    def score_kind(self) -> Literal["probabilities", "logits"]:
        """What the scores are: ``probabilities`` if all are in [0, 1], else ``logits``."""
        return "probabilities" if _in_unit_interval(self.y_score) else "logits"

    @property
    def calibratable(self) -> bool:
        """Whether the scores are valid probabilities: in [0, 1] and, for exclusive classes, summing
        to 1.
        """
        return self.score_kind == "probabilities" and sums_to_one(self.y_score, self.task)

    @property
    def positive_scores(self) -> np.ndarray:
        """Scores (N,) of the positive class of a binary task.

        Raises:
            ValueError: the task is not binary.
        """
        if self.task.kind != "binary":
            raise ValueError(
                f"a {self.task.kind} task has no positive_scores (no single class is positive); "
                "use y_score[:, c]."
            )
        return self.y_score[:, 1]

    @property
    def positive_class(self) -> str | None:
        """Name of the positive class of a binary task, the last one; None for other tasks."""
        return self.class_names[1] if self.task.kind == "binary" else None

    def in_class_order(self, class_names: Sequence[str]) -> Predictions:
        """Return the table with its classes in a different order; columns and labels move together.

        Raises:
            ValueError: the names differ from those of the table (ignoring case and surrounding
                spaces).

        Example:
            >>> p = Predictions(
            ...     ["a", "b"],
            ...     [0, 1],
            ...     [[0.9, 0.1], [0.2, 0.8]],
            ...     Task("binary", 2),
            ...     ("normal", "sick"),
            ... )
            >>> turned = p.in_class_order(("sick", "normal"))
            >>> turned.y_true.tolist(), turned.y_score.tolist()
            ([1, 0], [[0.1, 0.9], [0.8, 0.2]])
        """
        ours, wanted = map(name_keys, (self.class_names, class_names))
        if sorted(ours) != sorted(wanted):
            raise ValueError(
                f"class_names={tuple(class_names)}; the table has the classes {self.class_names}."
            )
        order = [ours.index(name) for name in wanted]
        labels = self.y_true
        if labels is not None:
            labels = np.argsort(order)[labels] if self.task.exclusive else labels[:, order]
        return replace(
            self, y_true=labels, y_score=self.y_score[:, order], class_names=tuple(class_names)
        )

    def with_positive_class(self, name: str) -> Predictions:
        """Return the table of a binary task with the named class as the positive one, which is the
        last.

        Raises:
            ValueError: the task is not binary, or has no class of that name.
        """
        if self.task.kind != "binary":
            raise ValueError(
                f"positive_class={name!r}, but this is a {self.task.kind} task: every class is "
                "evaluated against the rest; omit it."
            )
        matches = [own for own in self.class_names if name_keys([own]) == name_keys([str(name)])]
        if not matches:
            raise ValueError(
                f"positive_class={name!r} is not a class of the table; it has "
                f"{' and '.join(self.class_names)}."
            )
        return self.in_class_order(sorted(self.class_names, key=lambda own: own == matches[-1]))

    def predicted_names(self, decided: np.ndarray | None = None) -> list[str]:
        """Name of the predicted class of each case; the labels of a multilabel task are joined
        by "; ".

        Args:
            decided: (N,) class numbers, or (N, L) of 0 and 1, as `medmonai.metrics.decide` returns
                them; by default the highest score, or for binary and multilabel tasks scores above
                0.5, as in MedMNIST.
        """
        if decided is None:
            above = self.y_score > 0.5
            highest = self.y_score.argmax(axis=1)
            decided = np.asarray(
                {"multilabel": above, "binary": above[:, -1]}.get(self.task.kind, highest)
            )
        if self.task.kind == "multilabel":
            return [
                "; ".join(name for name, yes in zip(self.class_names, row) if yes)
                for row in decided.tolist()
            ]
        return [self.class_names[int(c)] for c in decided.tolist()]


def name_keys(names: Sequence[str]) -> list[str]:
    """Return the keys by which class names are compared: stripped and in lower case, if they remain
    distinct.
    """
    keys = [unicodedata.normalize("NFC", name.strip().casefold()) for name in names]
    return keys if len(set(keys)) == len(keys) else list(names)


def sums_to_one(y_score: np.ndarray, task: Task) -> bool:
    """Whether the scores of each case sum to 1, as probabilities of mutually exclusive classes
    must.

    Each score may be off by 0.0005, like one written with three decimals. Scores of labels that are
    not mutually exclusive may have any sum.

    Args:
        y_score: (N, num_classes).
        task: what the columns are.

    Example:
        >>> sums_to_one(np.array([[0.333, 0.333, 0.333]]), Task("multiclass", 3))
        True
        >>> sums_to_one(np.array([[0.9, 0.8, 0.7]]), Task("multiclass", 3))
        False
    """
    return not task.exclusive or bool(
        np.abs(y_score.sum(axis=1) - 1).max(initial=0) <= ROUNDING * y_score.shape[1] + 1e-9
    )


def _in_unit_interval(scores: np.ndarray) -> bool:
    return bool(scores.min() >= 0 and scores.max() <= 1)


def _texts(values: Sequence | np.ndarray, name: str, *, empty: bool = False) -> np.ndarray:
    texts = np.asarray(values)
    if texts.ndim != 1 or not texts.size:
        raise ValueError(f"{name} have shape {texts.shape}; (N,) with at least one is needed.")
    texts = texts.astype(str)
    if not empty and (texts == "").any():
        raise ValueError(f"{name}[{int(np.argmax(texts == ''))}] is empty; every case needs one.")
    broken = next((text for text in texts.tolist() if "\n" in text or "\r" in text), None)
    if broken is not None:  # one line of the file per case
        raise ValueError(f"{name} contain {broken!r}; line breaks are not allowed.")
    return texts
