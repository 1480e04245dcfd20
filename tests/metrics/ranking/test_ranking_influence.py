"""Influences: derivatives of scikit-learn's weighted metrics, DeLong's where they meet, and the
jackknife.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from medmonai.metrics import (
    auc_influence,
    average_precision_influence,
    partial_auc_influence,
    partial_auc_score,
)

TABLE = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), min_size=4, max_size=40).filter(
    lambda t: len({y for y, _ in t}) == 2
)


def drawn(n=300, seed=0, digits=9):
    rng = np.random.default_rng(seed)
    y_true = (rng.random(n) < 0.3).astype(int)
    return y_true, np.round(rng.normal(size=n) + 1.5 * y_true, digits)


def derivatives(score, y_true, y_score, step=1e-5, **options):
    """Derivative of a metric by the weight of each case."""
    found = []
    for case in range(len(y_true)):
        ends = []
        for weight in (1 + step, 1 - step):
            weights = np.ones(len(y_true))
            weights[case] = weight
            ends.append(score(y_true, y_score, sample_weight=weights, **options))
        found.append((ends[0] - ends[1]) / (2 * step))
    return np.array(found)


@given(TABLE)
# sixths do not add up to 1, then a positive
@example([(0, 3), (0, 2), (0, 2), (0, 1), (0, 2), (0, 2), (1, 0)])
@settings(max_examples=15, deadline=None)
def test_derivatives_of_scikit_learns_metrics_with_ties(table):
    y_true, y_score = map(np.array, zip(*table))
    np.testing.assert_allclose(
        average_precision_influence(y_true, y_score),
        derivatives(sk.average_precision_score, y_true, y_score),
        atol=1e-8,
    )
    # between two negatives: where the threshold jumps, there is no derivative
    for max_fpr in (0.0871, 0.4567, 1.0):
        np.testing.assert_allclose(
            partial_auc_influence(y_true, y_score, max_fpr=max_fpr),
            derivatives(sk.roc_auc_score, y_true, y_score, max_fpr=max_fpr),
            atol=1e-8,
        )


def test_by_hand():
    # Precisions 1 and 2/3 at the positives: AP 5/6. The negative stands above the second only:
    # -(2/3) / 3 / 2.
    np.testing.assert_allclose(
        average_precision_influence([1, 0, 1], [3, 2, 1]), [5 / 36, -1 / 9, -1 / 36], atol=1e-15
    )


@pytest.mark.parametrize("digits", [0, 9])
def test_the_whole_area_has_delongs_influence(digits):
    y_true, y_score = drawn(digits=digits)
    counts = np.where(y_true == 1, y_true.sum(), len(y_true) - y_true.sum())
    delong = auc_influence(y_true, y_score[:, None])[1][:, 0] * np.sqrt((counts - 1) / counts)
    np.testing.assert_allclose(
        partial_auc_influence(y_true, y_score, max_fpr=1), delong, atol=1e-15
    )


@pytest.mark.parametrize("digits", [0, 9])
def test_sum_is_zero_and_only_the_order_counts(digits):
    y_true, y_score = drawn(digits=digits)
    for own in (average_precision_influence, lambda y, s: partial_auc_influence(y, s, max_fpr=0.1)):
        found = own(y_true, y_score)
        assert abs(found.sum()) < 1e-12
        np.testing.assert_allclose(own(y_true, np.exp(y_score)), found, atol=1e-15)
        order = np.random.default_rng(1).permutation(len(y_true))
        np.testing.assert_allclose(own(y_true[order], y_score[order]), found[order], atol=1e-15)


def test_error_is_the_jackknifes():
    y_true, y_score = drawn(600)
    partial_auc = partial(partial_auc_score, max_fpr=0.1)
    for own, score in (
        (average_precision_influence(y_true, y_score), sk.average_precision_score),
        (partial_auc_influence(y_true, y_score, max_fpr=0.1), partial_auc),
    ):
        without = np.array([score(np.delete(y_true, i), np.delete(y_score, i)) for i in range(600)])
        error = np.sqrt(599 / 600 * np.sum((without - without.mean()) ** 2))
        assert np.sqrt(own @ own) == pytest.approx(error, rel=0.03)


def test_one_class_is_nan():
    assert np.isnan(average_precision_influence([1, 1], [0.1, 0.2])).all()
    assert np.isnan(partial_auc_influence([0, 0], [0.1, 0.2], max_fpr=0.1)).all()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: partial_auc_influence([0, 1], [0, 1], max_fpr=1.5), "max_fpr=1.5"),
        (lambda: average_precision_influence([0, 1], [0, np.nan]), "1 NaN"),
        (lambda: average_precision_influence([0, 2], [0, 1]), "y_true range from 0 to 2"),
    ],
)
def test_bad_arguments(call, match):
    with pytest.raises(ValueError, match=match):
        call()
