"""Paired bootstrap of metrics of decisions, on counts: every resample of the cases is one table of
counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from medmonai.metrics.decisions import MEANS, METRICS, ClassMean, ResampledCounts
from medmonai.metrics.resampling import by_group, resampled_totals
from medmonai.task import Task

from .accuracy_difference import bonett_price
from .paired_tests import ZERO, PairedDifference, from_resamples

# shares of cases that do not depend on what a model decides
_OF_SAME_CASES = ("recall", "specificity", "accuracy")


def decision_test(
    metric: str,
    y_true: np.ndarray,
    decided: tuple[np.ndarray, np.ndarray],
    task: Task,
    *,
    confidence: float = 0.95,
    groups: np.ndarray | None = None,
    repetitions: int = 2000,
    seed: int = 0,
) -> PairedDifference:
    """Difference of a metric of decisions by the paired bootstrap, by group where there are groups.

    The same as `paired_bootstrap` up to the random draws, at the cost of counting once: a case, or
    a group, is its counts under both models, and cases that were decided alike are drawn together.

    Where the difference does not vary from one resample to the next, neither for the metric (flag
    ``zero_variance``; p is 1 for equal values, else undefined) nor, in a mean over classes or
    labels, for some of these (``zero_variance_classes``), the interval is widened as in
    `summarize_decisions`, and p is that of a standard error as much larger. A class hides as much
    as the interval of Bonett & Price (see `accuracy_test`) allows on its cases or, for precision,
    F1, MCC and kappa, the single intervals of the two models as if independent (MOVER, see
    `delong_test`).

    Args:
        metric: one that `summarize_decisions` has for this kind of task, such as
            ``balanced_accuracy``, ``f1``, ``macro_f1`` or ``mcc``.
        y_true: labels of the task, (N,) or (N, L).
        decided: decisions of model a and of model b, each of the same shape.
        task: what they mean.
        confidence: nominal coverage of the interval.
        groups: (N,) patient or lesion.
        repetitions: resamples.
        seed: of the resampling.

    Raises:
        ValueError: an unknown metric, labels of another task, a metric that is undefined on these
            cases.

    Example:
        >>> y, sure, poor = (
        ...     np.array([0, 1] * 20),
        ...     np.array([0, 1] * 20),
        ...     np.array([0, 1, 1, 0] * 10),
        ... )
        >>> decision_test("balanced_accuracy", y, (sure, poor), Task("binary", 2)).difference
        0.5
    """
    value = METRICS[task.kind].get(metric)
    if value is None:
        raise ValueError(
            f"metric={metric!r} is not a metric of a {task.kind} task's decisions; use one of "
            f"{', '.join(METRICS[task.kind])}."
        )
    y_true = task.check_labels(y_true, name="y_true")
    shape = (task.num_classes,) * 2 if task.exclusive else (task.num_classes + 1, 2, 2)
    features, multiplicity = _counts(y_true, decided, task, shape, groups)

    def differences(totals: np.ndarray) -> np.ndarray:
        values = value(totals.reshape(-1, 2, *shape))
        return values[:, 0] - values[:, 1]

    difference = differences(multiplicity @ features)[0]
    drawn = differences(
        resampled_totals(features, repetitions=repetitions, seed=seed, multiplicity=multiplicity)
    )
    test = from_resamples(
        float(difference), drawn, confidence=confidence, grouped=groups is not None
    )
    of_both = (groups is not None, len(y_true), confidence, seed, repetitions)
    a, b = (
        ResampledCounts(one.reshape(-1, *shape), multiplicity, *of_both)
        for one in np.split(features, 2, axis=1)
    )
    mean = MEANS[task.kind].get(metric)
    still = np.nanmax(drawn) - np.nanmin(drawn) < ZERO
    if still and mean is None:
        hidden = _mover(*(one.interval(metric, value, support=one.rarest()) for one in (a, b)))
    else:
        hidden = 0.0 if mean is None else _hidden(mean, (a, b))
    widened = _widened(test, hidden, confidence)
    if still:
        p_value = 1.0 if abs(difference) < ZERO else None
        return replace(widened, p_value=p_value, flags=(*test.flags, "zero_variance"))
    return replace(widened, flags=(*test.flags, "zero_variance_classes")) if hidden > 0 else test


def _counts(
    y_true: np.ndarray,
    decided: tuple[np.ndarray, np.ndarray],
    task: Task,
    shape: tuple[int, ...],
    groups: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts of each case, or group, under both models, side by side, and how many have
    the same: cases that were decided alike are one row.
    """
    a, b = (_codes(y_true, task.check_labels(labels, name="decisions"), task) for labels in decided)
    columns = np.hstack([a, b + np.prod(shape)])
    multiplicity = None
    if groups is None:
        columns, multiplicity = np.unique(columns, axis=0, return_counts=True)
    features = np.zeros((len(columns), 2 * np.prod(shape)))
    np.put_along_axis(features, columns, 1.0, axis=1)
    features = by_group(features, groups)
    if multiplicity is None:
        multiplicity = np.ones(len(features), dtype=np.int64)
    return features, multiplicity


def _hidden(mean: ClassMean, models: tuple[ResampledCounts, ResampledCounts]) -> float:
    """How far from a difference of means the truth may lie by the parts whose difference does not
    vary.
    """
    (a, b), hidden = models, 0.0
    values = [mean.values(one.total) for one in models]
    changes = [mean.values(one.total - one.features) - own for one, own in zip(models, values)]
    still = ResampledCounts.still(changes[0] - changes[1]) & ~np.isnan(values[0] - values[1])
    shares = np.maximum(mean.shares(a.total), mean.shares(b.total))
    for p in np.flatnonzero(still & (shares > 0)):
        if mean.part in _OF_SAME_CASES:
            difference = values[0][p] - values[1][p]
            n = a.units_in(mean, int(p))
            low, high = bonett_price(
                max(difference, 0) * n, max(-difference, 0) * n, n, confidence=a.confidence
            )
            hidden += shares[p] * max(difference - low, high - difference)
        else:
            hidden += shares[p] * _mover(*(one.part(mean, int(p)) for one in models))
    return float(hidden)


def _mover(a: dict[str, Any], b: dict[str, Any]) -> float:
    """Distance of a difference to the further end of its interval, from two single ones as if
    independent (MOVER).
    """
    ends = [(one["estimate"] - one["low"], one["high"] - one["estimate"]) for one in (a, b)]
    return float(max(np.hypot(ends[0][0], ends[1][1]), np.hypot(ends[0][1], ends[1][0])))


def _widened(test: PairedDifference, hidden: float, confidence: float) -> PairedDifference:
    """Move the ends further apart, and take the p value of a standard error that is as much
    larger.
    """
    d = test.difference
    quantile = ndtri(0.5 + confidence / 2)
    p = test.p_value
    assert p is not None  # resamples give one
    low = d - np.hypot(d - test.low, hidden)
    high = d + np.hypot(test.high - d, hidden)
    z = -ndtri(p / 2)
    p = (
        float(2 * ndtr(-abs(d) / np.hypot(abs(d) / z, hidden / quantile)))
        if z > 0 and d != 0
        else p
    )
    return replace(
        test,
        low=float(low),
        high=float(high),
        p_value=p,
        method=f"{test.method}_and_single_intervals",
    )


def _codes(y_true: np.ndarray, decided: np.ndarray, task: Task) -> np.ndarray:
    """Cells that a case adds 1 to, in the layout of `decision_summary`: (N, 1), or (N, L + 1) of a
    multilabel task.
    """
    if task.exclusive:
        return (y_true * task.num_classes + decided)[:, None]
    right = (y_true == decided).all(axis=1, keepdims=True)
    return np.hstack([2 * y_true + decided, 2 + right]) + 4 * np.arange(task.num_classes + 1)
