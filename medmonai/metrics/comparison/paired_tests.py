"""Two models on the same cases: the difference, its interval and a p value, for AUC, accuracy and
any other metric.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betainc, ndtri, stdtr, stdtrit

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

ZERO = 1e-12  # a standard error below this is rounding


@dataclass(frozen=True)
class PairedDifference:
    """A metric of model a minus that of model b on the same cases.

    Args:
        difference: a - b.
        low: lower end of the interval.
        high: upper end.
        p_value: two-sided, of no difference; None where the test is undefined.
        method: what gave interval and p value.
        flags: any of ``few_positives``, ``few_negatives``, ``absent_class``, ``zero_variance``,
            ``zero_variance_classes``, ``undefined_resamples``.
    """

    difference: float
    low: float
    high: float
    p_value: float | None
    method: str
    flags: tuple[str, ...] = ()


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
            _from_error(difference, error, freedom, confidence), method=method, flags=flags
        )
    columns = one_vs_rest(y_true, score_a, task)[0]
    options = {"confidence": confidence, "groups": groups}
    hidden = 0.0
    for c in parts[0][2][still]:
        own = _from_singles(
            *(
                auc_interval(columns[:, c], np.asarray(s)[:, c], **options)
                for s in (score_a, score_b)
            )
        )
        hidden += max(own.difference - own.low, own.high - own.difference) / len(still)
    error = float(np.hypot(error, hidden / stdtrit(freedom, 0.5 + confidence / 2)))
    return replace(
        _from_error(difference, error, freedom, confidence),
        method=f"{method}_and_single_intervals",
        flags=(*flags, "zero_variance_classes"),
    )


def mcnemar(right_a: np.ndarray, right_b: np.ndarray, *, exact: bool = False) -> float:
    """P value of McNemar's test: do two models answer equally many cases right?

    Of the b + c cases that only one of the two has right, b is binomial with p = 1/2 where they are
    equally good. The two-sided mid-p value counts the observed outcome half (Fagerland, Lydersen &
    Laake 2013, doi:10.1186/1471-2288-13-91); the exact one counts it in full and is conservative.

    Args:
        right_a: (N,) bool, model a is right.
        right_b: (N,) bool, model b is right.
        exact: the exact p value instead of the mid-p.

    Returns:
        0 to 1; 1 where the two are right on the same cases.

    Example:
        >>> mcnemar([True] * 6 + [False], [False] * 6 + [True], exact=True)
        0.125
    """
    right_a = np.asarray(right_a, bool)
    right_b = np.asarray(right_b, bool)
    only_a = int((right_a & ~right_b).sum())
    only_b = int((right_b & ~right_a).sum())
    fewer = min(only_a, only_b)
    total = only_a + only_b
    if only_a == only_b:
        return 1.0
    # Twice P(X <= fewer), or P(X <= fewer) + P(X < fewer); a binomial tail is an incomplete beta
    # function.
    at_most, below = betainc([total - fewer, total - fewer + 1], [fewer + 1, fewer or 1], 0.5) * [
        1,
        fewer > 0,
    ]
    return float(2 * at_most if exact else at_most + below)


def accuracy_test(
    right_a: np.ndarray,
    right_b: np.ndarray,
    *,
    confidence: float = 0.95,
    groups: np.ndarray | None = None,
) -> PairedDifference:
    """Difference of two accuracies on the same cases.

    Right answers that are yes or no, without groups: McNemar's mid-p and the interval of Bonett &
    Price (2012, doi:10.3102/1076998611411915): one case is added to each kind of disagreement, then
    the normal formula. With groups, or with shares of right labels: mean of the case differences,
    its standard error over groups, Student's t with G - 1 degrees of freedom.

    Args:
        right_a: (N,) bool, or share of right labels.
        right_b: (N,) likewise.
        confidence: nominal coverage of the interval.
        groups: (N,) patient or lesion.

    Example:
        >>> accuracy_test([True, True, False, True], [True, False, False, True]).difference
        0.25
    """
    a = np.asarray(right_a, float)
    b = np.asarray(right_b, float)
    n = len(a)
    each = a - b
    difference = float(each.mean())
    if groups is None and np.isin(each, (-1, 0, 1)).all():
        low, high = bonett_price((each == 1).sum(), (each == -1).sum(), n, confidence=confidence)
        return PairedDifference(difference, low, high, mcnemar(a == 1, b == 1), "mcnemar_mid_p")
    totals = by_group((each - difference) / n, groups)
    units = len(totals)
    error = np.sqrt(totals @ totals * units / (units - 1)) if units > 1 else 0.0
    method = "paired_t" if groups is None else "paired_t_by_group"
    if not error > ZERO:  # the same answers, or one group
        return PairedDifference(
            difference, -1.0, 1.0, 1.0 if difference == 0 else None, method, ("zero_variance",)
        )
    return replace(_from_error(difference, float(error), units - 1, confidence), method=method)


def bonett_price(only_a: float, only_b: float, n: int, *, confidence: float) -> tuple[float, float]:
    """Ends of the difference of two shares of the same n cases, of which `only_a` and `only_b` are
    right in one alone.
    """
    a = (only_a + 1) / (n + 2)
    b = (only_b + 1) / (n + 2)
    half = ndtri(0.5 + confidence / 2) * np.sqrt((a + b - (a - b) ** 2) / (n + 2))
    return float(max(a - b - half, -1)), float(min(a - b + half, 1))


def paired_bootstrap(
    metric: Callable[[np.ndarray, np.ndarray], float],
    y_true: np.ndarray,
    output_a: np.ndarray,
    output_b: np.ndarray,
    *,
    confidence: float = 0.95,
    groups: np.ndarray | None = None,
    repetitions: int = 2000,
    seed: int = 0,
) -> PairedDifference:
    """Difference of any metric by resampling the cases (with groups: whole groups), the same draw
    for both models.

    Percentile interval; p = 2 (1 + the smaller count of differences on one side of 0) /
    (repetitions + 1).

    Args:
        metric: takes (y_true, output) of the drawn cases, higher is better; NaN where undefined.
        y_true: (N, ...).
        output_a: (N, ...) scores or decisions of model a, whatever `metric` takes.
        output_b: (N, ...) of model b.
        confidence: nominal coverage of the interval.
        groups: (N,) patient or lesion.
        repetitions: resamples.
        seed: of the resampling.

    Raises:
        ValueError: the metric is undefined on all cases or on all resamples.
    """
    y_true, output_a, output_b = map(np.asarray, (y_true, output_a, output_b))
    found = float(metric(y_true, output_a) - metric(y_true, output_b))
    if np.isnan(found):
        raise ValueError("the metric is undefined (NaN) on these cases; compare another one.")
    rng = np.random.default_rng(seed)
    unit = np.arange(len(y_true)) if groups is None else np.unique(groups, return_inverse=True)[1]
    members = np.split(np.argsort(unit, kind="stable"), np.cumsum(np.bincount(unit))[:-1])
    differences = np.empty(repetitions)
    for r in range(repetitions):
        drawn = rng.integers(0, len(members), len(members))
        rows = drawn if groups is None else np.concatenate([members[g] for g in drawn])
        differences[r] = metric(y_true[rows], output_a[rows]) - metric(y_true[rows], output_b[rows])
    return from_resamples(found, differences, confidence=confidence, grouped=groups is not None)


def from_resamples(
    difference: float, differences: np.ndarray, *, confidence: float, grouped: bool
) -> PairedDifference:
    """Percentile interval and p value of resampled differences (B,); undefined (NaN) ones are left
    out and flagged.

    Raises:
        ValueError: the difference, or all resampled ones, are NaN.
    """
    kept = differences[~np.isnan(differences)]
    if np.isnan(difference) or not kept.size:
        raise ValueError("the metric is undefined (NaN) on these cases; compare another one.")
    low, high = np.quantile(kept, [0.5 - confidence / 2, 0.5 + confidence / 2])
    fewer = min((kept <= 0).sum(), (kept >= 0).sum())
    method = "paired_bootstrap_by_group" if grouped else "paired_bootstrap"
    # of few cases the percentiles can lie beside it
    low = min(low, difference)
    high = max(high, difference)
    return PairedDifference(
        difference,
        float(low),
        float(high),
        float(min(1.0, 2 * (1 + fewer) / (len(kept) + 1))),
        method,
        () if kept.size == differences.size else ("undefined_resamples",),
    )


def _from_error(
    difference: float, error: float, freedom: float, confidence: float
) -> PairedDifference:
    half = stdtrit(freedom, 0.5 + confidence / 2) * error
    p_value = 2 * stdtr(freedom, -abs(difference) / error)
    return PairedDifference(
        difference,
        float(max(difference - half, -1)),
        float(min(difference + half, 1)),
        float(p_value),
        "",
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
