"""The difference of two accuracies on the same cases, and McNemar's test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import betainc, ndtri

from medmonai.metrics.resampling import by_group

from .paired_tests import ZERO, PairedDifference, from_error


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
    return replace(from_error(difference, float(error), units - 1, confidence), method=method)


def bonett_price(only_a: float, only_b: float, n: int, *, confidence: float) -> tuple[float, float]:
    """Ends of the difference of two shares of the same n cases, of which `only_a` and `only_b` are
    right in one alone.
    """
    a = (only_a + 1) / (n + 2)
    b = (only_b + 1) / (n + 2)
    half = ndtri(0.5 + confidence / 2) * np.sqrt((a + b - (a - b) ** 2) / (n + 2))
    return float(max(a - b - half, -1)), float(min(a - b + half, 1))
