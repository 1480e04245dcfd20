"""The bootstrap of sums: SciPy as the reference for the intervals, known moments for the draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import binomtest, bootstrap

from medmonai.metrics.resampling import (
    basic_ends,
    bca_ends,
    by_group,
    entry,
    resampled_totals,
    wilson,
)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_wilson_is_scipys(confidence):
    for n in (1, 7, 50, 10**6):
        for k in sorted({0, 1, n // 3, n - 1, n}):
            ends = binomtest(k, n).proportion_ci(confidence, method="wilson")
            low, high = wilson(k, n, confidence=confidence)
            assert low == pytest.approx(ends.low, abs=1e-12)
            assert high == pytest.approx(ends.high, abs=1e-12)
    low, high = wilson([0, 3], [0, 3])
    assert np.isnan([low[0], high[0]]).all()
    assert high[1] == 1


def test_bca_of_a_mean_is_scipys():
    x = np.random.default_rng(0).exponential(size=60)
    draws = resampled_totals(x[:, None], repetitions=40000, seed=1)[:, 0] / 60
    jackknife = (x.sum() - x) / 59
    low, high = bca_ends(x.mean(), draws, jackknife, np.ones(60), confidence=0.95)
    ends = bootstrap((x,), np.mean, method="BCa", n_resamples=40000, rng=2).confidence_interval
    assert (low, high) == pytest.approx((ends.low, ends.high), rel=0.01)
    percentile = np.quantile(draws, [0.025, 0.975])
    assert low > percentile[0] + 0.01  # BCa is not the percentile interval of a skewed mean
    assert high > percentile[1] + 0.01


def test_kinds_of_cases_are_like_single_cases():
    single, times = np.array([[1.0, 0.0], [1.0, 2.0], [1.0, 5.0]]), np.array([60, 30, 10])
    by_kind = resampled_totals(single, repetitions=4000, seed=0, multiplicity=times)
    by_case = resampled_totals(np.repeat(single, times, axis=0), repetitions=4000, seed=0)
    assert (by_kind[:, 0] == 100).all() and (by_case[:, 0] == 100).all()
    expected, sd = 110, np.sqrt(100) * np.std(np.repeat(single[:, 1], times))
    for draws in (by_kind[:, 1], by_case[:, 1]):
        assert draws.mean() == pytest.approx(expected, abs=4 * sd / np.sqrt(4000))
        assert draws.std() == pytest.approx(sd, rel=0.05)


def test_chunks_and_sparse_features_change_nothing(monkeypatch):
    features = np.random.default_rng(0).normal(size=(50, 4))
    whole = resampled_totals(features, repetitions=30, seed=3)
    np.testing.assert_allclose(
        resampled_totals(sparse.csr_array(features), repetitions=30, seed=3), whole, atol=1e-12
    )
    monkeypatch.setattr("medmonai.metrics.resampling.CELLS", 100)
    np.testing.assert_allclose(
        resampled_totals(features, repetitions=30, seed=3), whole, atol=1e-12
    )
    assert (resampled_totals(features, repetitions=30, seed=4) != whole).any()


def test_sums_by_group():
    features = np.arange(8.0).reshape(4, 2)
    assert by_group(features, np.array(["b", "a", "b", "a"])).tolist() == [[8, 10], [4, 6]]
    assert by_group(features[:, 0], np.array([7, 3, 7, 3])).tolist() == [8, 4]
    assert by_group(features, None) is features


def test_basic_interval_turns_the_errors_round():
    draws = np.linspace(2, 6, 101)  # biased upwards around an estimate of 3
    assert basic_ends(3.0, draws, confidence=0.9) == pytest.approx((0.2, 3.8))


def test_undefined_draws():
    nan = np.full(5, np.nan)
    assert np.isnan(bca_ends(0.5, nan, nan, np.ones(5), confidence=0.95)).all()
    draws = np.append(np.linspace(0, 1, 201), nan)
    assert bca_ends(0.5, draws, nan, np.ones(5), confidence=0.9) == pytest.approx(
        (0.05, 0.95), abs=0.01
    )


def test_entries_are_json():
    found = entry(
        np.float64(0.5),
        (np.nan, np.nan),
        confidence=0.9,
        method="m",
        n=np.int64(3),
        flags=("few_cases",),
    )
    assert found == {
        "estimate": 0.5,
        "low": None,
        "high": None,
        "confidence": 0.9,
        "method": "m",
        "n": 3,
        "flags": ["few_cases"],
    }
    assert type(found["n"]) is int and type(found["estimate"]) is float
