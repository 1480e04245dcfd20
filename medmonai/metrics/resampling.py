"""Bootstrap of whatever is a sum over cases, by case or by group, and the intervals that come from
it.

A metric of summed features (counts, losses) needs no table to be resampled: a bootstrap table is a
weighted sum of the features of cases, or of groups. Cases with the same features are drawn
together, by a multinomial.
"""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.special import ndtr, ndtri

CELLS = 4_000_000  # of one chunk of weights: 32 MB


def wilson(
    successes: ArrayLike, n: ArrayLike, *, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of a proportion, elementwise; NaN where n = 0.

    Args:
        successes: 0 to n, whole or not.
        n: trials.
        confidence: nominal coverage.

    Returns:
        Low and high ends, of the arguments' shape.

    References:
        Wilson, JASA 22:209 (1927), doi:10.1080/01621459.1927.10502953; equal to
        `scipy.stats.binomtest(...).proportion_ci`.

    Example:
        >>> [round(float(end), 4) for end in wilson(9, 10)]
        [0.5958, 0.9821]
    """
    k = np.asarray(successes, dtype=np.float64)
    trials = np.asarray(n, dtype=np.float64)
    z2 = ndtri((1 + confidence) / 2) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.sqrt(z2 * (k * (trials - k) / trials + z2 / 4))
        low = (k + z2 / 2 - half) / (trials + z2)
        high = (k + z2 / 2 + half) / (trials + z2)
    return np.where(k == 0, 0 * low, np.clip(low, 0, 1)), np.where(
        k == trials, 1 + 0 * low, np.clip(high, 0, 1)
    )


@overload
def by_group(features: np.ndarray, groups: np.ndarray | None) -> np.ndarray: ...


@overload
def by_group(features: sparse.csr_array, groups: np.ndarray | None) -> sparse.csr_array: ...


def by_group(
    features: np.ndarray | sparse.csr_array, groups: np.ndarray | None
) -> np.ndarray | sparse.csr_array:
    """Sum features (N, F), or (N,), within each group: (G, F), or (G,). Without groups they stay as
    they are.
    """
    if groups is None:
        return features
    number = np.unique(groups, return_inverse=True)[1]
    member = sparse.csr_array((np.ones(len(number)), (number, np.arange(len(number)))))
    return member @ features


def random_numbers(seed: int) -> np.random.Generator:
    """Return the generator of a seed.

    Raises:
        ValueError: a negative seed.
    """
    if seed < 0:
        raise ValueError(f"seed={seed}; a whole number from 0 on is needed.")
    return np.random.default_rng(seed)


def resampled_totals(
    features: np.ndarray | sparse.csr_array,
    *,
    repetitions: int,
    seed: int,
    multiplicity: np.ndarray | None = None,
) -> np.ndarray:
    """Column sums of bootstrap tables: draw as many units as there are, with replacement, and add
    up their features.

    Args:
        features: (K, F), one row per case, a group, or a kind of case.
        repetitions: tables to draw.
        seed: of the draws.
        multiplicity: (K,) units that have each row; default one.

    Returns:
        (repetitions, F) float64.
    """
    rng = random_numbers(seed)
    rows = features.shape[0]  # pyright: ignore[reportOptionalSubscript]  # SciPy has no stubs: a sparse shape seems optional
    multiplicity = np.ones(rows, dtype=np.int64) if multiplicity is None else multiplicity
    units = int(multiplicity.sum())
    chunk = max(1, CELLS // max(rows, 1))
    parts = []
    for start in range(0, repetitions, chunk):
        count = min(chunk, repetitions - start)
        if 4 * rows < units:
            weights = rng.multinomial(units, multiplicity / units, size=count)
        else:
            row_of = np.repeat(np.arange(rows), multiplicity)
            weights = np.stack(
                [
                    np.bincount(row_of[rng.integers(0, units, units)], minlength=rows)
                    for _ in range(count)
                ]
            )
        parts.append(np.asarray((features.T @ weights.T.astype(np.float64)).T))
    return np.concatenate(parts)


def bca_ends(
    estimate: float,
    draws: np.ndarray,
    jackknife: np.ndarray,
    multiplicity: np.ndarray,
    *,
    confidence: float,
) -> tuple[float, float]:
    """Ends of the bias-corrected and accelerated (BCa) bootstrap interval; undefined draws (NaN)
    are left out.

    Args:
        estimate: of the whole table.
        draws: (R,) the metric of bootstrap tables.
        jackknife: (K,) the metric without one unit of each kind.
        multiplicity: (K,) units of each kind.
        confidence: nominal coverage.

    Returns:
        Low and high; NaN where no draw is defined. Never beside the estimate, as percentiles of few
        cases can be.

    References:
        Efron, JASA 82:171 (1987), doi:10.1080/01621459.1987.10478410; `scipy.stats.bootstrap` uses
        the same formulas.
    """
    draws = draws[~np.isnan(draws)]
    kept = ~np.isnan(jackknife)
    if not len(draws):
        return np.nan, np.nan
    jackknife = jackknife[kept]
    multiplicity = multiplicity[kept]
    # ties are many: counts are whole numbers
    below = ((draws < estimate).mean() + (draws <= estimate).mean()) / 2
    bias = ndtri(np.clip(below, 0.5 / len(draws), 1 - 0.5 / len(draws)))
    apart = jackknife @ multiplicity / max(multiplicity.sum(), 1) - jackknife
    spread = (multiplicity @ apart**2) ** 1.5
    acceleration = multiplicity @ apart**3 / (6 * spread) if spread > 0 else 0.0
    shifted = bias + ndtri([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = np.quantile(
        draws, ndtr(bias + shifted / np.maximum(1 - acceleration * shifted, 1e-3))
    )
    return float(min(low, estimate)), float(max(high, estimate))


def basic_ends(estimate: float, draws: np.ndarray, *, confidence: float) -> tuple[float, float]:
    """Ends of the basic (reverse percentile) interval: the estimate minus the errors of the
    bootstrap tables.

    For a metric that noise pushes up, such as a calibration error: bootstrap tables are noisier
    than the table, and their percentiles would lie above the estimate. The estimate has the same
    bias, and the interval can lie below it.
    """
    below, above = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(2 * estimate - above), float(2 * estimate - below)


def entry(
    estimate: float,
    ends: tuple[float, float],
    *,
    confidence: float,
    method: str,
    n: int,
    flags: tuple[str, ...] = (),
) -> dict[str, Any]:
    """One metric as it stands in JSON: None for NaN, `flags` only where there are any."""
    values = [None if np.isnan(value) else float(value) for value in (estimate, *ends)]
    numbers = dict(
        zip(("estimate", "low", "high"), values), confidence=confidence, method=method, n=int(n)
    )
    return numbers | ({"flags": list(flags)} if flags else {})
