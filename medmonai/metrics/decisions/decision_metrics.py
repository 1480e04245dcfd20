"""Metrics of decisions by kind of task, as functions of confusion counts, and what those are made
of that are means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from . import counting

Metric = Callable[[np.ndarray], np.ndarray]
# of independent cases: Wilson
SHARES = ("accuracy", "subset_accuracy", "recall", "specificity", "precision")
PER_CLASS: dict[str, Metric] = {
    "recall": lambda two: counting.recall(two)[..., 1],
    "specificity": lambda two: counting.specificity(two)[..., 1],
    "precision": lambda two: counting.precision(two)[..., 1],
    "f1": lambda two: counting.f1(two)[..., 1],
}
EXCLUSIVE: dict[str, Metric] = {
    "accuracy": counting.accuracy,
    "balanced_accuracy": counting.balanced_accuracy,
}
AVERAGED: dict[str, Metric] = {
    "macro_recall": lambda c: counting.recall(c, average="macro"),
    "macro_specificity": lambda c: counting.specificity(c, average="macro"),
    "macro_precision": lambda c: counting.precision(c, average="macro"),
    "macro_f1": lambda c: counting.f1(c, average="macro"),
    "weighted_f1": lambda c: counting.f1(c, average="weighted"),
}
CHANCE: dict[str, Metric] = {"mcc": counting.mcc, "cohen_kappa": counting.cohen_kappa}
ONE_CLASS: dict[str, Metric] = {**PER_CLASS, **EXCLUSIVE, **CHANCE}  # one class against the rest
ORDINAL: dict[str, Metric] = {
    "quadratic_kappa": lambda c: counting.cohen_kappa(c, weights="quadratic")
}
# Counts of a multilabel table: a 2 x 2 matrix a label, and a last one with all cases in row 1,
# right where all labels are.
MULTILABEL: dict[str, Metric] = {
    "subset_accuracy": lambda c: PER_CLASS["recall"](c[..., -1, :, :]),
    "label_accuracy": lambda c: counting.accuracy(c[..., :-1, :, :]).mean(axis=-1),
    **{
        f"macro_{name}": lambda c, metric=metric: _macro(metric, c[..., :-1, :, :])
        for name, metric in PER_CLASS.items()
    },
    **{
        f"micro_{name}": lambda c, metric=metric: metric(c[..., :-1, :, :].sum(axis=-3))
        for name, metric in PER_CLASS.items()
        if name != "specificity"
    },
    **{
        f"macro_{name}": lambda c, metric=metric: _macro(metric, c[..., :-1, :, :])
        for name, metric in {"balanced_accuracy": counting.balanced_accuracy, **CHANCE}.items()
    },
}
METRICS = {
    "binary": {**EXCLUSIVE, **PER_CLASS, **CHANCE},
    "multiclass": {**EXCLUSIVE, **AVERAGED, **CHANCE},
    "ordinal": {**EXCLUSIVE, **AVERAGED, **CHANCE, **ORDINAL},
    "multilabel": MULTILABEL,
}


# of a 2 x 2 matrix
PARTS: dict[str, Metric] = {**PER_CLASS, "accuracy": counting.accuracy, **CHANCE}


@dataclass(frozen=True)
class ClassMean:
    """A metric as the weighted mean of another one over 2 x 2 matrices, one for each class or
    label.

    Args:
        part: name in `PARTS` of the metric that is averaged.
        matrices: takes counts, returns (..., P, 2, 2).
        weights: takes the P matrices of one table, returns (P,); they need not add up to 1.
    """

    part: str
    matrices: Callable[[np.ndarray], np.ndarray]
    weights: Callable[[np.ndarray], np.ndarray]

    def values(self, counts: np.ndarray) -> np.ndarray:
        """Value of each part (..., P); NaN where it is undefined, which counts 0 or is left out in
        the mean.
        """
        return PARTS[self.part](self.matrices(counts))

    def shares(self, counts: np.ndarray) -> np.ndarray:
        """Weight of each part in the mean (P,); they add up to 1."""
        weights = np.asarray(self.weights(self.matrices(counts)), dtype=np.float64)
        return weights / max(weights.sum(), 1e-300)

    def within(self, part_of: Callable[[np.ndarray], np.ndarray]) -> ClassMean:
        """The same mean of what `part_of` takes from the counts."""
        return replace(self, matrices=lambda counts: self.matrices(part_of(counts)))


def _support(two: np.ndarray) -> np.ndarray:
    return two[..., 1, :].sum(axis=-1)


def _present(two: np.ndarray) -> np.ndarray:
    return _support(two) > 0


def _occurs(two: np.ndarray) -> np.ndarray:
    """Whether a class or label occurs, true or decided."""
    return two.sum(axis=(-2, -1)) > two[..., 0, 0]


def _macro(metric: Metric, labels: np.ndarray) -> np.ndarray:
    """Mean over the labels that occur, true or decided, where 0/0 counts 0."""
    occurs = _occurs(labels)
    total = np.where(occurs, np.nan_to_num(metric(labels)), 0).sum(axis=-1)
    return np.divide(
        total, occurs.sum(axis=-1), out=np.full(total.shape, np.nan), where=occurs.any(axis=-1)
    )


def _labels(counts: np.ndarray) -> np.ndarray:
    return counts[..., :-1, :, :]


def _sides(counts: np.ndarray) -> np.ndarray:
    """Each label's two sides as classes of their own: (..., 2 L, 2, 2)."""
    sides = counting.one_vs_rest_matrices(_labels(counts))
    return sides.reshape(*sides.shape[:-4], -1, 2, 2)


def _side_weights(sides: np.ndarray) -> np.ndarray:
    pairs = sides.reshape(-1, 2, 2, 2)
    present = _present(pairs)
    return (
        _occurs(pairs[:, 1])[:, None] * present / np.maximum(present.sum(axis=1, keepdims=True), 1)
    ).ravel()


BALANCED = ClassMean("recall", counting.one_vs_rest_matrices, _present)
_OF_CLASSES = {
    "balanced_accuracy": BALANCED,
    "weighted_f1": ClassMean("f1", counting.one_vs_rest_matrices, _support),
    **{
        f"macro_{name}": ClassMean(name, counting.one_vs_rest_matrices, _occurs)
        for name in PER_CLASS
    },
}
MEANS: dict[str, dict[str, ClassMean]] = {
    "binary": {"balanced_accuracy": BALANCED},
    "multiclass": _OF_CLASSES,
    "ordinal": _OF_CLASSES,
    "multilabel": {
        "label_accuracy": ClassMean("accuracy", _labels, lambda two: np.ones(len(two))),
        "macro_balanced_accuracy": ClassMean("recall", _sides, _side_weights),
        **{f"macro_{name}": ClassMean(name, _labels, _occurs) for name in (*PER_CLASS, *CHANCE)},
    },
}
