"""Ranks with ties in the middle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from medmonai.metrics.ranking.midranks import midranks


@pytest.mark.parametrize("shape", [(0,), (1,), (50,), (50, 3), (50, 1), (4, 0), (0, 2)])
@pytest.mark.parametrize("levels", [1, 5, 10**6])
def test_midranks_are_those_of_scipy(shape, levels):
    values = np.random.default_rng(len(shape) + levels).integers(0, levels, shape) / 7
    ranks = midranks(values)
    assert ranks.dtype == np.float64 and ranks.shape == shape
    np.testing.assert_array_equal(ranks, rankdata(values, axis=0) if values.size else values)


def test_infinite_scores_and_both_zeros_are_values():
    np.testing.assert_array_equal(
        midranks(np.array([np.inf, -0.0, -np.inf, 0.0, np.inf])), [4.5, 2.5, 1, 2.5, 4.5]
    )
