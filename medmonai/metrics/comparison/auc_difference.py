"""DeLong's test: the difference of two AUCs on the same cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import stdtrit

from medmonai.metrics.ranking import (
    Interval,
    auc_interval,
    class_auc_influence,
    influence_freedom,
    macro_auc_interval,
    one_vs_rest,
    zero_variance,
)
from medmonai.metrics.resampling import by_group
from medmonai.task import Task

from .paired_tests import ZERO, PairedDifference, from_error


def delong_test(
    y_true: np.ndarray,
    score_a: np.ndarray,
    score_b: np.ndarray,
    task: Task,
    *,
    confidence: float = 0.95,
    groups: np.ndarray | None = None,
) -> PairedDifference:
    """DeLong's test of two AUCs on the same cases, or of two means of one-vs-rest AUCs.

    With the influence u_i of case i on AUC_a minus that on AUC_b (added up within groups): z =
    (AUC_a - AUC_b) / sqrt(sum u_i^2), against the normal distribution; interval difference -+ z SE.
    With groups Student's t replaces it, with the degrees of freedom of `influence_freedom`, because
    groups are few and uneven.

    Where the variance of the difference is zero (both separate perfectly, or rank all cases alike)
    p is 1 for equal AUCs, undefined otherwise, and the interval comes from the two single ones as
    if independent: sqrt of the sum of squared distances to their ends (MOVER, Zou & Donner 2008,
    doi:10.1002/sim.3095). It is wide, but not a false [0, 0]. Where that holds for some classes of
    a mean only (flag ``zero_variance_classes``), they widen the interval as in
    `macro_auc_interval`, and p is that of a standard error as much larger.

    Args:
        y_true: labels of the task, (N,) or (N, L).
        score_a: (N, num_classes) of model a.
        score_b: (N, num_classes) of model b.
        task: what the labels mean; of a binary task class 1 counts.
        confidence: nominal coverage of the interval.
        groups: (N,) patient or lesion.

    Raises:
        ValueError: no class with both positive and negative cases; labels or scores that do not fit
            the task.

    References:
        DeLong, DeLong & Clarke-Pearson, Biometrics 44:837 (1988); with groups Obuchowski,
        Biometrics 53:567 (1997).
    """
    singles = [
        macro_auc_interval(y_true, s, task, confidence=confidence, groups=groups)
        for s in (score_a, score_b)
    ]
    if np.isnan(singles[0].estimate):
        raise ValueError(
            "y_true has no class with both positive and negative cases; an AUC cannot be compared "
            "on it."
        )
    parts = [class_auc_influence(y_true, score, task) for score in (score_a, score_b)]
    each = by_group(parts[0][1] - parts[1][1], groups)
    still = zero_variance(each)
    influence = (each if still.all() else each[:, ~still]).sum(axis=1) / each.shape[1]
    difference = singles[0].estimate - singles[1].estimate
    error = float(np.sqrt(influence @ influence))
    flags = tuple(
        f for f in singles[0].flags if f in ("few_positives", "few_negatives", "absent_class")
    )
    method = "delong" if groups is None else "delong_by_group"
    if not error > ZERO:
        return replace(_from_singles(*singles), flags=(*flags, "zero_variance"))
    freedom = np.inf if groups is None else influence_freedom(influence)
    if not still.any():
        return replace(
            from_error(difference, error, freedom, confidence), method=method, flags=flags
        )
    columns = one_vs_rest(y_true, score_a, task)[0]
    hidden = 0.0
    for c in parts[0][2][still]:
        a, b = (
            auc_interval(columns[:, c], np.asarray(s)[:, c], confidence=confidence, groups=groups)
            for s in (score_a, score_b)
        )
        own = _from_singles(a, b)
        hidden += max(own.difference - own.low, own.high - own.difference) / len(still)
    error = float(np.hypot(error, hidden / stdtrit(freedom, 0.5 + confidence / 2)))
    return replace(
        from_error(difference, error, freedom, confidence),
        method=f"{method}_and_single_intervals",
        flags=(*flags, "zero_variance_classes"),
    )


def _from_singles(a: Interval, b: Interval) -> PairedDifference:
    difference = a.estimate - b.estimate
    low = difference - np.hypot(a.estimate - a.low, b.high - b.estimate)
    high = difference + np.hypot(a.high - a.estimate, b.estimate - b.low)
    return PairedDifference(
        difference,
        float(max(low, -1)),
        float(min(high, 1)),
        1.0 if abs(difference) < ZERO else None,
        "mover_of_single_intervals",
    )
