"""Counting metrics against scikit-learn, by hand, and over leading dimensions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from medmonai.metrics.decisions import counting
from medmonai.metrics.decisions.counting import one_vs_rest_matrices

PAIRS = (
    (counting.recall, sk.recall_score),
    (counting.precision, sk.precision_score),
    (counting.f1, sk.f1_score),
)


@st.composite
def labels(draw):
    classes = draw(st.integers(2, 6))
    n = draw(st.integers(1, 60))
    pairs = draw(
        st.lists(
            st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)),
            min_size=n,
            max_size=n,
        )
    )
    return (*np.array(pairs).T, classes)


@given(labels())
@settings(max_examples=60, deadline=None)
def test_equal_to_scikit_learn(case):
    y_true, y_pred, classes = case
    names = range(classes)
    counts = sk.confusion_matrix(y_true, y_pred, labels=names)
    np.testing.assert_array_equal(
        one_vs_rest_matrices(counts), sk.multilabel_confusion_matrix(y_true, y_pred, labels=names)
    )
    same = {"rtol": 0, "atol": 1e-12}
    np.testing.assert_allclose(counting.accuracy(counts), sk.accuracy_score(y_true, y_pred), **same)
    for ours, theirs in PAIRS:
        each = theirs(y_true, y_pred, labels=names, average=None, zero_division=np.nan)
        np.testing.assert_allclose(ours(counts), each, **same)
        for average in ("macro", "weighted", "micro"):
            np.testing.assert_allclose(
                ours(counts, average=average),
                theirs(y_true, y_pred, average=average, zero_division=0),
                **same,
            )
    recall = counting.recall(counts)
    np.testing.assert_allclose(counting.balanced_accuracy(counts), np.nanmean(recall), **same)
    if len(set(y_true)) > 1 and len(set(y_pred)) > 1:
        np.testing.assert_allclose(
            counting.mcc(counts), sk.matthews_corrcoef(y_true, y_pred), **same
        )
    if len({*y_true, *y_pred}) > 1:
        for weights in (None, "linear", "quadratic"):
            np.testing.assert_allclose(
                counting.cohen_kappa(counts, weights=weights),
                sk.cohen_kappa_score(y_true, y_pred, labels=names, weights=weights),
                **same,
            )


def test_balanced_accuracy_is_scikit_learns():
    y_true, y_pred = [0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 0, 2]
    assert counting.balanced_accuracy(sk.confusion_matrix(y_true, y_pred)) == pytest.approx(
        sk.balanced_accuracy_score(y_true, y_pred), abs=1e-15
    )


def test_specificity_is_the_recall_of_the_rest():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 4, (2, 200))
    counts = sk.confusion_matrix(y_true, y_pred)
    wanted = [sk.recall_score(y_true != c, y_pred != c) for c in range(4)]
    np.testing.assert_allclose(counting.specificity(counts), wanted, atol=1e-15)
    np.testing.assert_allclose(
        counting.specificity(counts, average="macro"), np.mean(wanted), atol=1e-15
    )


def test_by_hand():
    counts = [[50, 10], [5, 35]]
    assert counting.recall(counts).tolist() == [50 / 60, 35 / 40]
    assert counting.specificity(counts).tolist() == [35 / 40, 50 / 60]
    assert counting.precision(counts)[1] == 35 / 45
    assert counting.f1(counts)[1] == 70 / 85
    assert counting.mcc(counts) == pytest.approx((50 * 35 - 10 * 5) / np.sqrt(60 * 40 * 55 * 45))
    assert counting.cohen_kappa(counts) == pytest.approx((0.85 - 0.51) / (1 - 0.51))


@pytest.mark.parametrize(
    "metric",
    [
        counting.accuracy,
        counting.balanced_accuracy,
        counting.recall,
        counting.precision,
        counting.specificity,
        counting.f1,
        counting.mcc,
        counting.cohen_kappa,
    ],
)
def test_leading_dimensions_are_computed_one_by_one(metric):
    counts = np.random.default_rng(0).integers(0, 9, (4, 3, 5, 5))
    counts[0, 0, 2] = 0  # an absent class
    one_by_one = [[metric(counts[i, j]) for j in range(3)] for i in range(4)]
    np.testing.assert_array_equal(metric(counts), one_by_one)


def test_undefined_values_are_nan():
    counts = [[7, 0], [3, 0]]
    assert np.isnan(counting.precision(counts)[1])
    assert np.isnan(counting.mcc(counts))
    assert counting.recall(counts)[1] == 0
    assert counting.cohen_kappa(counts) == 0
    # a class that is never decided hides behind no average
    assert counting.precision(counts, average="macro") == 0.35
    assert np.isnan(counting.accuracy(np.zeros((2, 2))))
    absent = [[5, 1, 0], [1, 5, 0], [0, 0, 0]]
    assert counting.f1(absent, average="macro") == pytest.approx(5 / 6)


def test_large_counts_stay_exact():
    counts = np.array([[10**9, 3], [7, 10**9]])
    assert counting.cohen_kappa(counts) == pytest.approx(1 - 10 / (10**9 + 5), rel=1e-15)


def test_multilabel_counts():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 2, (2, 80, 5))
    counts = sk.multilabel_confusion_matrix(y_true, y_pred)
    pooled = counts.sum(axis=0)
    for ours, theirs in PAIRS:
        np.testing.assert_allclose(
            ours(counts)[:, 1], theirs(y_true, y_pred, average=None), atol=1e-12
        )
        assert ours(pooled)[1] == pytest.approx(theirs(y_true, y_pred, average="micro"), abs=1e-12)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: counting.recall(np.ones((2, 3))), r"shape \(2, 3\)"),
        (lambda: counting.f1(np.ones((2, 2)), average="mean"), "average='mean'"),
        (lambda: counting.cohen_kappa(np.ones((2, 2)), weights="cubic"), "weights='cubic'"),
    ],
)
def test_bad_arguments(call, match):
    with pytest.raises(ValueError, match=match):
        call()
