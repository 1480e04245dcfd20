"""DeLong's covariance: hand value, the O(m n) definition, invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmonai.metrics import auc_influence, auc_score, delong_covariance, delong_variance


def covariance_by_definition(y_true, y_scores):
    """DeLong, DeLong & Clarke-Pearson 1988, eq. 4-6, with the kernel psi written out for all
    pairs.
    """
    x, y = y_scores[y_true == 1], y_scores[y_true == 0]
    psi = (x[:, None] > y[None]) + 0.5 * (x[:, None] == y[None])
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    return np.cov(v10, rowvar=False, ddof=1) / len(x) + np.cov(v01, rowvar=False, ddof=1) / len(y)


@st.composite
def several_scores(draw):
    y_true = draw(
        st.lists(st.integers(0, 1), min_size=4, max_size=40).filter(
            lambda y: 2 <= sum(y) <= len(y) - 2
        )
    )
    seed, levels = draw(st.integers(0, 10_000)), draw(st.sampled_from([2, 5, 1000]))
    return np.array(y_true), np.random.default_rng(seed).integers(
        0, levels, (len(y_true), 3)
    ) / levels


def test_by_hand():
    # psi = [[1, 0], [1, 1]]: V10 = (.5, 1), V01 = (1, .5), each of variance 1/8; 1/8 / 2 + 1/8 /
    # 2 = 1/8.
    assert delong_variance([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == pytest.approx(0.125, abs=1e-15)


@settings(max_examples=150, deadline=None)
@given(several_scores())
def test_equals_the_definition(data):
    y_true, y_scores = data
    expected = covariance_by_definition(y_true, y_scores)
    np.testing.assert_allclose(delong_covariance(y_true, y_scores), expected, atol=1e-14)
    assert delong_variance(y_true, y_scores[:, 1]) == pytest.approx(expected[1, 1], abs=1e-14)


@settings(max_examples=50, deadline=None)
@given(several_scores())
def test_influence_sums_to_zero_and_carries_the_auc(data):
    aucs, influence = auc_influence(*data)
    np.testing.assert_allclose(influence.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_array_equal(aucs, [auc_score(data[0], column) for column in data[1].T])


@settings(max_examples=50, deadline=None)
@given(several_scores())
def test_invariances(data):
    y_true, y_scores = data
    expected = delong_covariance(y_true, y_scores)
    order = np.random.default_rng(0).permutation(len(y_true))
    np.testing.assert_allclose(
        delong_covariance(y_true[order], y_scores[order]), expected, atol=1e-14
    )
    np.testing.assert_array_equal(delong_covariance(y_true, np.exp(y_scores)), expected)
    np.testing.assert_allclose(delong_covariance(1 - y_true, -y_scores), expected, atol=1e-14)


@pytest.mark.parametrize("y_true", [[0, 0, 1], [0, 1, 1], [0, 0, 0]])
def test_fewer_than_two_of_a_class_is_nan(y_true):
    assert np.isnan(delong_variance(y_true, [0.1, 0.2, 0.3]))


def test_bad_input():
    with pytest.raises(ValueError, match="y_score has 1 NaN"):
        delong_covariance([0, 1], [[0.1, np.nan], [0.2, 0.3]])
    with pytest.raises(ValueError, match=r"y_score has shape \(3, 1\); 2 labels need \(2, K\)"):
        delong_variance([0, 1], [0.1, 0.2, 0.3])
