"""Two models on the same cases: the difference of a metric, its interval and a p value; for any
metric by the bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from medmonai.metrics.resampling import random_numbers
from medmonai.notebook import Card, InNotebook, number

ZERO = 1e-12  # a standard error below this is rounding


@dataclass(frozen=True, repr=False)
class PairedDifference(InNotebook):
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

    def __repr__(self) -> str:
        flags = f"; {', '.join(self.flags)}" if self.flags else ""
        return (
            f"PairedDifference({self.difference:+.4f}, {number(self.low)} to {number(self.high)}, "
            f"p {number(self.p_value)}, {self.method}{flags})"
        )

    def _card(self) -> Card:
        return Card(
            f"Difference {self.difference:+.4f} ({number(self.low)} to {number(self.high)})",
            {
                "p": number(self.p_value),
                "method": self.method,
                "flags": ", ".join(self.flags),
            },
        )


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
    difference = float(metric(y_true, output_a) - metric(y_true, output_b))
    if np.isnan(difference):
        raise ValueError("the metric is undefined (NaN) on these cases; compare another one.")
    rng = random_numbers(seed)
    unit = np.arange(len(y_true)) if groups is None else np.unique(groups, return_inverse=True)[1]
    members = np.split(np.argsort(unit, kind="stable"), np.cumsum(np.bincount(unit))[:-1])
    differences = np.empty(repetitions)
    for r in range(repetitions):
        drawn = rng.integers(0, len(members), len(members))
        rows = drawn if groups is None else np.concatenate([members[g] for g in drawn])
        differences[r] = metric(y_true[rows], output_a[rows]) - metric(y_true[rows], output_b[rows])
    return from_resamples(
        difference, differences, confidence=confidence, grouped=groups is not None
    )


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


def from_error(
    difference: float, error: float, freedom: float, confidence: float
) -> PairedDifference:
    """Return interval and p value by Student's t from a standard error above 0; the method is the
    caller's to name.
    """
    half = stdtrit(freedom, 0.5 + confidence / 2) * error
    p_value = 2 * stdtr(freedom, -abs(difference) / error)
    return PairedDifference(
        difference,
        float(max(difference - half, -1)),
        float(min(difference + half, 1)),
        float(p_value),
        "",
    )
