"""Ranks with ties in the middle, the base of every AUC here."""

from __future__ import annotations

import numpy as np


def midranks(values: np.ndarray) -> np.ndarray:
    """Rank the rows of each column from 1; equal values share the mean of their ranks.

    Equal to `scipy.stats.rankdata(values, axis=0)`. `import scipy.stats` alone takes .6 s of CPU, a
    quarter of what `medmonai evaluate` may take in all.

    Args:
        values: (N,) or (N, K), without NaN.

    Returns:
        float64 of the same shape: multiples of 1/2.

    Example:
        >>> midranks(np.array([0.3, 0.1, 0.3])).tolist()
        [2.5, 1.0, 2.5]
    """
    values = np.asarray(values)
    if values.ndim > 1:
        return (
            np.stack([midranks(column) for column in values.T], axis=1)
            if values.shape[1]
            else np.empty(values.shape)
        )
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = (
        np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        if len(values)
        else np.empty(0, int)
    )
    counts = np.diff(np.r_[starts, len(values)])
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(starts + (counts + 1) / 2, counts)
    return ranks
