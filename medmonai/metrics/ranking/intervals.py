"""Confidence intervals of the AUC from DeLong's variance on the logit scale: one class, or the mean
over classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from scipy.special import betaincinv, expit, logit, ndtri, stdtrit

from medmonai.metrics.resampling import by_group
from medmonai.notebook import Card, InNotebook, number
from medmonai.task import Task

from .delong import auc_influence, class_auc_influence, influence_freedom
from .ranking import check_binary, one_vs_rest, warn_undefined

Method = Literal["logit_delong_t", "logit_delong", "wald"]
FEW = 10  # cases of the rarer class below which an interval is flagged


@dataclass(frozen=True, repr=False)
class Interval(InNotebook):
    """An estimate with its confidence interval, and what to know before quoting it.

    Args:
        estimate: the value itself; NaN where undefined.
        low: lower end.
        high: upper end.
        confidence: nominal coverage, such as 0.95.
        method: how the ends were found; ``clopper_pearson_pairs`` where the variance is zero or
            undefined.
        n_positive: positive cases (of a mean over classes: of the class with fewest).
        n_negative: negative cases (likewise).
        flags: any of ``one_class``, ``absent_class``, ``few_positives``, ``few_negatives`` (below
            10 cases, or groups), ``zero_variance``, ``variance_undefined``,
            ``zero_variance_classes`` (of a mean over classes: some of them, not all, separate
            perfectly, have constant scores or a single case), ``clipped``.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    method: str
    n_positive: int
    n_negative: int
    flags: tuple[str, ...] = ()

    def __repr__(self) -> str:
        flags = f"; {', '.join(self.flags)}" if self.flags else ""
        return (
            f"Interval({number(self.estimate)}, {self.confidence:.0%} {number(self.low)} to "
            f"{number(self.high)}, {self.method}, {self.n_positive} positive, {self.n_negative} "
            f"negative{flags})"
        )

    def _card(self) -> Card:
        return Card(
            f"{number(self.estimate)} ({number(self.low)} to {number(self.high)})",
            {"confidence": f"{self.confidence:.0%}", "method": self.method}
            | {"positive": self.n_positive, "negative": self.n_negative}
            | {"flags": ", ".join(self.flags)},
        )


def auc_interval(
    y_true: np.ndarray,
    y_score: np.ndarray,
    *,
    confidence: float = 0.95,
    method: Method = "logit_delong_t",
    groups: np.ndarray | None = None,
) -> Interval:
    """AUC with a confidence interval from DeLong's variance.

    - ``logit_delong_t``: expit(logit(A) -+ t SE / (A (1 - A))), t the quantile of Student's
      distribution with the degrees of freedom of the variance itself (`influence_freedom`). Near an
      AUC of 1 a few misranked cases make the whole variance, and SE is as uncertain as if there
      were only those; the normal quantile ignores that.
    - ``logit_delong``: the normal quantile z instead; never wider.
    - ``wald``: A -+ z SE clipped to [0, 1], for comparison with other tools.

    Simulated coverage at an AUC of .985, 43 positives, 339 negatives, binormal: .94, .91 and .85 of
    nominal .95. Scores of another shape can cover less. docs/results/auc_intervals.md has the
    table, and what else was tried.

    Where the variance is zero (perfect separation, constant scores) or undefined (one case of a
    class), DeLong would give [A, A]. Instead: Clopper-Pearson on k = min(m, n) disjoint
    positive-negative pairs. For A = 1 this is a guarantee: k independent pairs are all in order
    with probability AUC^k, so low = (alpha/2)^(1/k). Elsewhere it is the same rule with A k
    successes.

    Args:
        y_true: (N,) in {0, 1}.
        y_score: (N,) higher for the positive class.
        confidence: nominal coverage, between 0 and 1.
        method: one of the three above.
        groups: (N,) patient or lesion; influences are added within a group first, so that cases of
            one patient do not count as independent (Obuchowski 1997, doi:10.2307/2533958, without
            its factor for few groups), and the degrees of freedom are those of the groups. Covers
            better than a percentile bootstrap over groups (same page).

    Returns:
        The interval; NaN with a warning if a class is absent.

    Raises:
        ValueError: an unknown method, a confidence outside (0, 1), labels or scores that
            `auc_score` refuses.

    Example:
        >>> auc_interval([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]).flags
        ('few_positives', 'few_negatives', 'zero_variance')
    """
    y_true, y_score = check_binary(y_true, y_score)
    _check(confidence, method, groups, len(y_true))
    aucs, influence = auc_influence(y_true, y_score[:, None])
    counts = (int(y_true.sum()), int(len(y_true) - y_true.sum()))
    if 0 in counts:
        warn_undefined([f"{counts[0]} positive and {counts[1]} negative cases"])
        return Interval(np.nan, np.nan, np.nan, confidence, method, *counts, ("one_class",))
    plain = Interval(float(aucs[0]), np.nan, np.nan, confidence, method, *counts)
    return _with_ends(plain, by_group(influence[:, 0], groups), independent_counts(y_true, groups))


def macro_auc_interval(
    y_true: np.ndarray,
    y_score: np.ndarray,
    task: Task,
    *,
    confidence: float = 0.95,
    method: Method = "logit_delong_t",
    groups: np.ndarray | None = None,
    class_names: tuple[str, ...] | None = None,
) -> Interval:
    """Mean of the one-vs-rest AUCs with a confidence interval, on the logit scale.

    The variance of the mean is the sum of the squared influences on it (`macro_auc_influence`). It
    holds the covariance between the classes, which share all cases; averaging the intervals of the
    classes would not. Classes without positive or without negative cases are left out and flagged.

    A class that separates perfectly (or has constant scores, or a single case) has no part in that
    variance, although its own interval is wide. Such classes widen the interval by the mean
    distance D to the ends of their own intervals (see `auc_interval`), as if they all erred
    together: low = A - sqrt((A - L)^2 + D^2), with L the end that the other classes give (MOVER,
    Zou & Donner 2008, doi:10.1002/sim.3095). Flag ``zero_variance_classes``.

    Args:
        y_true: labels of the task, (N,) or (N, L).
        y_score: (N, num_classes).
        task: what the labels mean; of a binary task the interval is that of class 1.
        confidence: nominal coverage, between 0 and 1.
        method: as for `auc_interval`.
        groups: as for `auc_interval`.
        class_names: used in warnings; default the class numbers.

    Returns:
        The interval; `n_positive` and `n_negative` are those of the rarest class.

    Raises:
        ValueError: an unknown method, a confidence outside (0, 1), labels or scores that do not fit
            the task.
    """
    columns, y_score = one_vs_rest(y_true, y_score, task)
    _check(confidence, method, groups, len(columns))
    if task.kind == "binary":
        return auc_interval(
            columns[:, 1], y_score[:, 1], confidence=confidence, method=method, groups=groups
        )
    positives = columns.sum(axis=0)
    aucs, influences, defined = class_auc_influence(y_true, y_score, task)
    names = class_names or tuple(range(task.num_classes))
    warn_undefined(
        [
            f"class {names[c]!r} has {positives[c]} of {len(columns)} cases"
            for c in range(task.num_classes)
            if c not in defined
        ]
    )
    flags = ("absent_class",) if defined.size < task.num_classes else ()
    if not defined.size:
        return Interval(np.nan, np.nan, np.nan, confidence, method, 0, 0, flags)
    counts = (int(positives[defined].min()), int((len(columns) - positives[defined]).min()))
    independent = np.array([independent_counts(columns[:, c], groups) for c in defined])
    plain = Interval(float(np.mean(aucs)), np.nan, np.nan, confidence, method, *counts, flags)
    influences = by_group(influences, groups)
    still = zero_variance(influences)
    if still.all() or not still.any():
        return _with_ends(plain, influences.mean(axis=1), independent.min(axis=0))
    moving = _with_ends(
        plain, influences[:, ~still].sum(axis=1) / len(defined), independent.min(axis=0)
    )
    ends = [
        _pair_ends(auc, pairs, confidence) for auc, pairs in zip(aucs[still], independent[still, 2])
    ]
    apart = np.abs(np.array(ends) - aucs[still, None]).sum(axis=0) / len(defined)
    return widened(moving, *apart)


def zero_variance(influences: np.ndarray) -> np.ndarray:
    """Whether each column (G, K) of influences is zero but for rounding, or NaN: (K,)."""
    return ~(np.sqrt((influences**2).sum(axis=0)) > 1e-12)


def widened(interval: Interval, below: float, above: float) -> Interval:
    """Move the ends of a mean further apart by what classes without variance may hide, below and
    above the estimate.
    """
    a = interval.estimate
    low = a - np.hypot(a - interval.low, below)
    high = a + np.hypot(interval.high - a, above)
    return replace(
        interval,
        low=float(max(low, 0.0)),
        high=float(min(high, 1.0)),
        method=f"{interval.method}_and_clopper_pearson_pairs",
        flags=(*interval.flags, "zero_variance_classes"),
    )


def _check(confidence: float, method: str, groups: np.ndarray | None, cases: int) -> None:
    if not 0 < confidence < 1:
        raise ValueError(
            f"confidence={confidence}; a number between 0 and 1 is needed, such as 0.95."
        )
    if method not in get_args(Method):
        raise ValueError(f"method={method!r} is unknown; use one of {', '.join(get_args(Method))}.")
    if groups is not None and np.shape(groups) != (cases,):
        raise ValueError(
            f"groups have shape {np.shape(groups)} for {cases} cases; ({cases},) is needed."
        )


def few_flags(independent: Sequence[int]) -> list[str]:
    """Flags of an interval from `independent_counts`."""
    return [
        name for name, count in zip(("few_positives", "few_negatives"), independent) if count < FEW
    ]


def logit_ends(estimate: float, half: float) -> tuple[float, float]:
    """Ends of an interval that is `half` wide to either side, laid out on the logit scale; never
    outside (0, 1).

    Args:
        estimate: inside (0, 1).
        half: quantile times standard error, on the scale of the estimate.
    """
    half /= estimate * (1 - estimate)
    return float(expit(logit(estimate) - half)), float(expit(logit(estimate) + half))


def independent_counts(y_true: np.ndarray, groups: np.ndarray | None) -> tuple[int, int, int]:
    """Cases (groups) with a positive, with a negative, and pairs of them without one case (group)
    in two pairs.
    """
    positive = y_true == 1
    groups = np.arange(len(y_true)) if groups is None else np.asarray(groups)
    m = len(np.unique(groups[positive]))
    n = len(np.unique(groups[~positive]))
    return m, n, min(m, n, max(1, len(np.unique(groups)) // 2))


def _pair_ends(a: float, pairs: int, confidence: float) -> tuple[float, float]:
    """Clopper-Pearson ends of an AUC of which nothing is known but that of `pairs` pairs a share of
    a is in order.
    """
    tail = (1 - confidence) / 2
    low = betaincinv(a * pairs, (1 - a) * pairs + 1, tail) if a > 0 else 0.0
    high = betaincinv(a * pairs + 1, (1 - a) * pairs, 1 - tail) if a < 1 else 1.0
    return low, high


def _with_ends(
    plain: Interval, influence: np.ndarray, independent: tuple[int, int, int]
) -> Interval:
    a = plain.estimate
    tail = (1 - plain.confidence) / 2
    error = np.sqrt(influence @ influence)
    flags = [*plain.flags, *few_flags(independent)]
    method = plain.method
    half = ndtri(1 - tail) * error
    if not error > 1e-12:  # zero but for rounding, or NaN
        flags.append("variance_undefined" if np.isnan(error) else "zero_variance")
        method = "clopper_pearson_pairs"
        pairs = independent[2]
        low, high = _pair_ends(a, pairs, plain.confidence)
    elif method == "wald":
        low = max(a - half, 0.0)
        high = min(a + half, 1.0)
        flags += ["clipped"] if a - half < 0 or a + half > 1 else []
    else:
        if method == "logit_delong_t":
            half = stdtrit(influence_freedom(influence), 1 - tail) * error
        low, high = logit_ends(a, half)
    return replace(plain, low=float(low), high=float(high), method=method, flags=tuple(flags))
