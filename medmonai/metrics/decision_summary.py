"""What a table's decisions at one operating point are worth: every metric with its interval, overall and per class."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import norm

from medmonai.predictions import Predictions

from . import counting
from .decisions import OperatingPoint, decide
from .intervals import FEW
from .resampling import bca_ends, by_group, entry, resampled_totals, wilson

Metric = Callable[[np.ndarray], np.ndarray]
SHARES = ("accuracy", "subset_accuracy", "recall", "specificity", "precision")  # of independent cases: Wilson
PER_CLASS: dict[str, Metric] = {
    "recall": lambda two: counting.recall(two)[..., 1],
    "specificity": lambda two: counting.specificity(two)[..., 1],
    "precision": lambda two: counting.precision(two)[..., 1],
    "f1": lambda two: counting.f1(two)[..., 1],
}
EXCLUSIVE: dict[str, Metric] = {"accuracy": counting.accuracy, "balanced_accuracy": counting.balanced_accuracy}
AVERAGED: dict[str, Metric] = {
    "macro_recall": lambda c: counting.recall(c, average="macro"),
    "macro_specificity": lambda c: counting.specificity(c, average="macro"),
    "macro_precision": lambda c: counting.precision(c, average="macro"),
    "macro_f1": lambda c: counting.f1(c, average="macro"),
    "weighted_f1": lambda c: counting.f1(c, average="weighted"),
}
CHANCE: dict[str, Metric] = {"mcc": counting.mcc, "cohen_kappa": counting.cohen_kappa}
ONE_CLASS: dict[str, Metric] = {**PER_CLASS, **EXCLUSIVE, **CHANCE}  # one class against the rest
ORDINAL: dict[str, Metric] = {"quadratic_kappa": lambda c: counting.cohen_kappa(c, weights="quadratic")}
# Counts of a multilabel table: a 2 x 2 matrix a label, and a last one with all cases in row 1, right where all labels are.
MULTILABEL: dict[str, Metric] = {
    "subset_accuracy": lambda c: PER_CLASS["recall"](c[..., -1, :, :]),
    "label_accuracy": lambda c: counting.accuracy(c[..., :-1, :, :]).mean(axis=-1),
    **{f"macro_{name}": lambda c, metric=metric: _macro(metric, c[..., :-1, :, :]) for name, metric in PER_CLASS.items()},
    **{f"micro_{name}": lambda c, metric=metric: metric(c[..., :-1, :, :].sum(axis=-3))
       for name, metric in PER_CLASS.items() if name != "specificity"},
    **{f"macro_{name}": lambda c, metric=metric: _macro(metric, c[..., :-1, :, :])
       for name, metric in {"balanced_accuracy": counting.balanced_accuracy, **CHANCE}.items()},
}
METRICS = {"binary": {**EXCLUSIVE, **PER_CLASS, **CHANCE}, "multiclass": {**EXCLUSIVE, **AVERAGED, **CHANCE},
           "ordinal": {**EXCLUSIVE, **AVERAGED, **CHANCE, **ORDINAL}, "multilabel": MULTILABEL}


def summarize_decisions(
    predictions: Predictions, point: OperatingPoint, *, confidence: float = 0.95, seed: int = 0, repetitions: int = 2000
) -> dict[str, Any]:
    """Metrics of a labelled table at an operating point that was fixed before, with intervals.

    Shares of independent cases have Wilson's interval, all else the BCa bootstrap of the confusion counts. With groups,
    whole groups are resampled, for shares too. Where no bootstrap table differs (no error at all, one class decided
    throughout), that would be a false [1, 1]: counts are then drawn from a table with z^2/2 cases added to the diagonal of
    each class and as many to its errors (Agresti & Coull 1998, doi:10.1080/00031305.1998.10480550), with a group counting
    as one case; method ``smoothed_bootstrap``, flag ``zero_variance``.

    Args:
        predictions: a table with labels.
        point: from `choose_operating_point` on other cases, or `default_operating_point`.
        confidence: nominal coverage.
        seed: of the bootstrap.
        repetitions: bootstrap tables.

    Returns:
        JSON-able, undefined values are None:

        - ``operating_point``, ``confusion_matrix`` (rows are true; multilabel: {label: [[tn, fp], [fn, tp]]});
        - ``overall`` {metric: {estimate, low, high, confidence, method, n, flags}}; recall, specificity, precision and
          f1 of a binary table are those of class 1; ``macro_``, ``micro_`` and ``weighted_`` as in `counting.recall`;
          ``quadratic_kappa`` for grades; ``subset_accuracy`` counts cases with all labels right;
        - ``per_class`` {name: {metric: ..., "support": cases}}, each class against the rest.

        ``n`` is what a share is a share of, else the cases. ``flags`` (only where there are any): ``few_cases`` (below
        10 cases, or groups, of the class or, overall, of the rarest class), ``zero_variance``, ``undefined``,
        ``undefined_resamples`` (over 1 %).

    Raises:
        ValueError: a table without labels, a confidence outside (0, 1), a point of another task.

    Example:
        >>> from medmonai.metrics.decisions import default_operating_point
        >>> from medmonai.task import Task
        >>> p = Predictions(["a", "b"], [0, 1], [[0.9, 0.1], [0.4, 0.6]], Task("binary", 2), ("normal", "sick"))
        >>> summarize_decisions(p, default_operating_point(p.task))["overall"]["accuracy"]["estimate"]
        1.0
    """
    if predictions.y_true is None:
        raise ValueError("predictions have no y_true; metrics need labels.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}; a number between 0 and 1 is needed, such as 0.95.")
    counts = _Resampled(*_unit_counts(predictions, decide(predictions, point)), predictions.groups is not None,
                        len(predictions), confidence, seed, repetitions)
    kind, names = predictions.task.kind, predictions.class_names
    matrices = counts.total.astype(int).tolist()
    found = {
        "operating_point": point.as_dict(),
        "confusion_matrix": dict(zip(names, matrices)) if kind == "multilabel" else matrices,
        "overall": {name: counts.interval(name, metric, support=counts.rarest()) for name, metric in METRICS[kind].items()},
        "per_class": {name: _one_class(counts, c, kind == "multilabel") for c, name in enumerate(names)},
    }
    parts = [("", found["overall"]), *((f" of {name!r}", own) for name, own in found["per_class"].items())]
    undefined = [metric + label for label, own in parts for metric, value in own.items()
                 if metric != "support" and value["estimate"] is None]
    if undefined:
        warnings.warn(f"undefined (NaN), no case to count: {', '.join(undefined)}.", UserWarning, stacklevel=2)
    return found


def _one_class(counts: _Resampled, c: int, multilabel: bool) -> dict[str, Any]:
    def two(all_counts: np.ndarray) -> np.ndarray:
        return all_counts[..., c, :, :] if multilabel else counting.one_vs_rest_matrices(all_counts)[..., c, :, :]

    cases, support = int(two(counts.total)[1].sum()), counts.units_with(c)
    return {name: counts.interval(name, lambda all_counts, metric=metric: metric(two(all_counts)), support=support,
                                  two=two(counts.total)) for name, metric in ONE_CLASS.items()} | {"support": cases}


def _unit_counts(predictions: Predictions, y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confusion counts of each kind of unit (K, C, C) or (K, L + 1, 2, 2), and how many units (cases, groups) are so."""
    task, y_true = predictions.task, predictions.y_true
    if task.exclusive:
        code, kinds, shape = y_true * task.num_classes + y_pred, task.num_classes**2, (task.num_classes,) * 2
        columns = code[:, None]
    else:
        right = (y_true == y_pred).all(axis=1, keepdims=True)
        columns, shape = np.hstack([2 * y_true + y_pred, 2 + right]), (task.num_classes + 1, 2, 2)
        kinds = 4 * columns.shape[1]
        columns = columns + 4 * np.arange(columns.shape[1])
    if predictions.groups is None:  # cases that were decided alike are one kind
        columns, multiplicity = np.unique(columns, axis=0, return_counts=True)
    features = np.zeros((len(columns), kinds))
    np.put_along_axis(features, columns, 1.0, axis=1)
    if predictions.groups is not None:
        features = by_group(features, predictions.groups)
        multiplicity = np.ones(len(features), dtype=np.int64)
    return features.reshape(-1, *shape), multiplicity


def _macro(metric: Metric, labels: np.ndarray) -> np.ndarray:
    """Mean over the labels that occur, true or decided, where 0/0 counts 0."""
    occurs = labels.sum(axis=(-2, -1)) > labels[..., 0, 0]
    total = np.where(occurs, np.nan_to_num(metric(labels)), 0).sum(axis=-1)
    return np.divide(total, occurs.sum(axis=-1), out=np.full(total.shape, np.nan), where=occurs.any(axis=-1))


@dataclass(frozen=True, eq=False)
class _Resampled:
    """Counts of kinds of units, their bootstrap tables, and intervals of any metric that reads counts."""

    features: np.ndarray
    multiplicity: np.ndarray
    grouped: bool
    cases: int
    confidence: float
    seed: int
    repetitions: int

    @cached_property
    def total(self) -> np.ndarray:
        return np.tensordot(self.multiplicity, self.features, axes=1)

    @cached_property
    def draws(self) -> np.ndarray:
        flat = resampled_totals(self.features.reshape(len(self.features), -1), repetitions=self.repetitions,
                                seed=self.seed, multiplicity=self.multiplicity)
        return flat.reshape(-1, *self.total.shape)

    @cached_property
    def smoothed(self) -> np.ndarray:
        """Bootstrap tables of the counts with pseudo-cases added; a group counts as one case."""
        size, added = self.total.shape[-1], norm.ppf((1 + self.confidence) / 2) ** 2 / 2
        counts = self.total * (self.multiplicity.sum() / self.cases)
        share = np.where(np.eye(size, dtype=bool), added, added / (size - 1))
        counts = (counts + np.where(counts.sum(axis=-1, keepdims=True) > 0, share, 0)).reshape(-1, size * size)
        rng = np.random.default_rng(self.seed)
        drawn = [rng.multinomial(round(one.sum()), one / one.sum(), size=self.repetitions) for one in counts]
        return np.stack(drawn, axis=1).reshape(self.repetitions, *self.total.shape)

    def units_with(self, c: int) -> int:
        """Units with a case of class c, or with label c."""
        of_class = self.features[:, c] if self.total.ndim == 2 else self.features[:, c, 1]
        return int(self.multiplicity @ (of_class.sum(axis=-1) > 0))

    def rarest(self) -> int:
        """Units with a case of the rarest class or label that has any."""
        found = (self.units_with(c) for c in range(len(self.total) - (self.total.ndim == 3)))
        return min((count for count in found if count), default=0)

    def interval(self, name: str, metric: Metric, *, support: int, two: np.ndarray | None = None) -> dict[str, Any]:
        estimate, options = float(metric(self.total)), {"confidence": self.confidence}
        k, n = self._share(name, two)
        flags = ("few_cases",) if min(support, n) < FEW else ()
        if np.isnan(estimate):
            return entry(estimate, (np.nan, np.nan), method="undefined", n=n, flags=("undefined",), **options)
        if name in SHARES and not self.grouped:
            low, high = wilson(k, n, **options)
            return entry(estimate, (float(low), float(high)), method="wilson", n=n, flags=flags, **options)
        draws = metric(self.draws)
        defined = draws[~np.isnan(draws)]
        flags += ("undefined_resamples",) if len(defined) < 0.99 * len(draws) else ()
        if not len(defined) or np.ptp(defined) < 1e-12:
            tail = (1 - self.confidence) / 2
            low, high = np.nanquantile(metric(self.smoothed), [tail, 1 - tail])
            ends, method, flags = (min(low, estimate), max(high, estimate)), "smoothed_bootstrap", (*flags, "zero_variance")
        else:
            kept = metric(self.total - self.features)
            ends = bca_ends(estimate, draws, kept, self.multiplicity, **options)
            method = "bca_group_bootstrap" if self.grouped else "bca_bootstrap"
        return entry(estimate, ends, method=method, n=n, flags=flags, **options)

    def _share(self, name: str, two: np.ndarray | None) -> tuple[float, int]:
        """Numerator and denominator of a metric that is a share of cases; of others the cases."""
        if name == "subset_accuracy":
            return self.total[-1, 1, 1], self.cases
        two = self.total if two is None else two
        if name == "accuracy":
            return np.trace(two), self.cases
        if name not in SHARES:
            return np.nan, self.cases
        (tn, fp), (fn, tp) = two
        k, other = {"recall": (tp, fn), "specificity": (tn, fp), "precision": (tp, fp)}[name]
        return k, int(k + other)
