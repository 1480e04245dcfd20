"""Bootstrap of confusion counts, by case or by group, and the interval of any metric that reads
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtri

from medmonai.metrics.ranking import FEW
from medmonai.metrics.resampling import bca_ends, entry, random_numbers, resampled_totals, wilson

from .decision_metrics import CHANCE, SHARES, ClassMean, Metric

ZERO = 1e-12  # a difference below this is rounding


@dataclass(frozen=True, eq=False)
class ResampledCounts:
    """Counts of kinds of units, their bootstrap tables, and intervals of any metric that reads
    counts.
    """

    features: np.ndarray
    multiplicity: np.ndarray
    grouped: bool
    cases: int
    confidence: float
    seed: int
    repetitions: int

    @cached_property
    def total(self) -> np.ndarray:
        """Counts of the table."""
        return np.tensordot(self.multiplicity, self.features, axes=1)

    @cached_property
    def draws(self) -> np.ndarray:
        """Counts of bootstrap tables (repetitions, ...)."""
        flat = resampled_totals(
            self.features.reshape(len(self.features), -1),
            repetitions=self.repetitions,
            seed=self.seed,
            multiplicity=self.multiplicity,
        )
        return flat.reshape(-1, *self.total.shape)

    @cached_property
    def smoothed(self) -> np.ndarray:
        """Bootstrap tables of the counts with pseudo-cases added; a group counts as one case."""
        size = self.total.shape[-1]
        added = ndtri((1 + self.confidence) / 2) ** 2 / 2
        counts = self.total * (self.multiplicity.sum() / self.cases)
        share = np.where(np.eye(size, dtype=bool), added, added / (size - 1))
        counts = (counts + np.where(counts.sum(axis=-1, keepdims=True) > 0, share, 0)).reshape(
            -1, size * size
        )
        rng = random_numbers(self.seed)
        drawn = [
            rng.multinomial(round(one.sum()), one / one.sum(), size=self.repetitions)
            for one in counts
        ]
        return np.stack(drawn, axis=1).reshape(self.repetitions, *self.total.shape)

    def units_with(self, c: int) -> int:
        """Units with a case of class c, or with label c."""
        of_class = self.features[:, c] if self.total.ndim == 2 else self.features[:, c, 1]
        return int(self.multiplicity @ (of_class.sum(axis=-1) > 0))

    def rarest(self) -> int:
        """Units with a case of the rarest class or label that has any."""
        units = (self.units_with(c) for c in range(len(self.total) - (self.total.ndim == 3)))
        return min((count for count in units if count), default=0)

    def interval(
        self,
        name: str,
        metric: Metric,
        *,
        support: int,
        two: np.ndarray | None = None,
        mean: ClassMean | None = None,
    ) -> dict[str, Any]:
        """Entry of a metric for JSON, see `summarize_decisions`.

        Args:
            name: of the metric; those of `SHARES` have Wilson's interval where cases are
                independent.
            metric: reads counts.
            support: units that the metric is about; few are flagged.
            two: 2 x 2 matrix that a share is read from; default the counts.
            mean: what the metric is made of, if it is a mean over classes: classes without variance
                then widen it.
        """
        estimate = float(metric(self.total))
        options = {"confidence": self.confidence}
        k, n = self._share(name, two)
        flags = ("few_cases",) if min(support, n) < FEW else ()
        if np.isnan(estimate):
            return entry(
                estimate, (np.nan, np.nan), method="undefined", n=n, flags=("undefined",), **options
            )
        if name in SHARES and not self.grouped:
            low, high = wilson(k, n, **options)
            return entry(
                estimate, (float(low), float(high)), method="wilson", n=n, flags=flags, **options
            )
        draws = metric(self.draws)
        defined = draws[~np.isnan(draws)]
        flags += ("undefined_resamples",) if len(defined) < 0.99 * len(draws) else ()
        if not len(defined) or np.ptp(defined) < ZERO:
            tail = (1 - self.confidence) / 2
            low, high = np.nanquantile(metric(self.smoothed), [tail, 1 - tail])
            ends = (min(low, estimate), max(high, estimate))
            method = "smoothed_bootstrap"
            flags = (*flags, "zero_variance")
        else:
            kept = metric(self.total - self.features)
            ends = bca_ends(estimate, draws, kept, self.multiplicity, **options)
            method = "bca_group_bootstrap" if self.grouped else "bca_bootstrap"
            below, above = (0.0, 0.0) if mean is None else self.hidden(mean)
            if mean is not None and max(below, above) > 0:
                lowest = -1.0 if mean.part in CHANCE else 0.0
                ends = (
                    max(float(estimate - np.hypot(estimate - ends[0], below)), lowest),
                    min(float(estimate + np.hypot(ends[1] - estimate, above)), 1.0),
                )
                method = f"{method}_and_single_intervals"
                flags = (*flags, "zero_variance_classes")
        return entry(estimate, ends, method=method, n=n, flags=flags, **options)

    def hidden(self, mean: ClassMean) -> tuple[float, float]:
        """How far below and above a mean the truth may lie by its parts without variance, as if
        they all erred together.

        The mean distance to the ends of their own intervals. Parts that are undefined add nothing.
        """
        values = mean.values(self.total)
        shares = mean.shares(self.total)
        still = self.still(mean.values(self.total - self.features) - values) & ~np.isnan(values)
        apart = np.zeros(2)
        for p in np.flatnonzero(still & (shares > 0)):
            own = self.part(mean, int(p))
            apart += shares[p] * np.array(
                [own["estimate"] - own["low"], own["high"] - own["estimate"]]
            )
        return float(apart[0]), float(apart[1])

    def part(self, mean: ClassMean, p: int) -> dict[str, Any]:
        """Entry of one part of a mean."""
        return self.interval(
            mean.part,
            lambda counts: mean.values(counts)[..., p],
            support=self.cases,
            two=mean.matrices(self.total)[p],
        )

    def units_in(self, mean: ClassMean, p: int) -> int:
        """Units with a case that the part of a mean is a share of."""
        two = mean.matrices(self.features)[:, p]
        of = {"recall": two[:, 1], "specificity": two[:, 0]}.get(
            mean.part, two.reshape(len(two), -1)
        )
        return int(self.multiplicity @ (of.sum(axis=-1) > 0))

    @staticmethod
    def still(changes: np.ndarray) -> np.ndarray:
        """Whether each column (K, P) of changes, by leaving out one unit, is zero but for rounding
        or undefined: (P,).
        """
        return np.asarray(~(np.abs(changes) > ZERO).any(axis=0))

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
