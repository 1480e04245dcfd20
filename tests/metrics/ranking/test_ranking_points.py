"""Average precision, partial AUC and points on the curves: scikit-learn, hand-made tables, ties."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from medmonai.metrics import (
    auc_score,
    average_precision_score,
    cut_counts,
    partial_auc_score,
    precision_recall_points,
    roc_points,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)

SCORE = st.sampled_from(
    [-1e300, -2.0, -0.0, 0.0, 5e-324, 0.3, 0.5, np.nextafter(0.5, 1), 1.0, 1e300]
)
TABLE = st.lists(st.tuples(st.integers(0, 1), SCORE), min_size=2, max_size=40).filter(
    lambda t: len({y for y, _ in t}) == 2
)


@given(TABLE)
@settings(max_examples=80, deadline=None)
def test_areas_are_those_of_our_curves(table):
    y_true, y_score = map(np.array, zip(*table))
    recall, precision, _ = precision_recall_points(y_true, y_score)
    steps = np.sum(np.diff(recall, prepend=0) * precision)
    assert average_precision_score(y_true, y_score) == pytest.approx(steps, abs=1e-12)
    fpr, tpr = roc_points(y_true, y_score)
    for max_fpr in (0.05, 0.1, 0.5, 1.0):
        x = np.union1d(fpr[fpr <= max_fpr], max_fpr)
        lines = [np.interp((a + b) / 2, fpr, tpr) * (b - a) for a, b in pairwise(x)]
        chance = max_fpr**2 / 2
        wanted = 0.5 + (sum(lines) - chance) / (max_fpr - chance) / 2
        assert partial_auc_score(y_true, y_score, max_fpr=max_fpr) == pytest.approx(
            wanted, abs=1e-12
        )


@given(TABLE)
@settings(max_examples=80, deadline=None)
def test_points_are_scikit_learns(table):
    y_true, y_score = map(np.array, zip(*table))
    precision, recall, _ = sk.precision_recall_curve(y_true, y_score)
    ours = precision_recall_points(y_true, y_score)
    np.testing.assert_allclose(ours[0][::-1], recall[:-1], atol=1e-12)
    np.testing.assert_allclose(ours[1][::-1], precision[:-1], atol=1e-12)


@given(TABLE)
@settings(max_examples=80, deadline=None)
def test_each_threshold_cuts_where_it_says(table):
    y_true, y_score = map(np.array, zip(*table))
    thresholds, tp, fp = cut_counts(y_true, y_score)
    assert np.isfinite(thresholds).all()
    assert (np.diff(thresholds) < 0).all()
    for threshold, true, false in zip(thresholds, tp, fp):
        above = y_score > threshold
        assert (above[y_true == 1].sum(), above[y_true == 0].sum()) == (true, false)


@given(TABLE, st.sampled_from([0.0, 0.5, 0.8, 0.9, 0.95, 1.0]))
@settings(max_examples=80, deadline=None)
def test_fixed_points_are_the_best_of_the_curve(table, target):
    y_true, y_score = map(np.array, zip(*table))
    fpr, tpr, _ = sk.roc_curve(y_true, y_score, drop_intermediate=False)
    negatives, positives = (y_true == 0).sum(), (y_true == 1).sum()
    specificity = (negatives - np.round(fpr * negatives)) / negatives
    sensitivity = np.round(tpr * positives) / positives
    value, threshold = sensitivity_at_specificity(y_true, y_score, target)
    assert value == sensitivity[specificity >= target].max()
    assert np.mean(y_score[y_true == 1] > threshold) == pytest.approx(value, abs=1e-15)
    assert np.mean(y_score[y_true == 0] <= threshold) >= target - 1e-15
    value, threshold = specificity_at_sensitivity(y_true, y_score, target)
    assert value == specificity[sensitivity >= target].max()
    assert np.mean(y_score[y_true == 0] <= threshold) == pytest.approx(value, abs=1e-15)
    assert np.mean(y_score[y_true == 1] > threshold) >= target - 1e-15


def test_a_target_that_is_just_reached_counts():
    y_true, y_score = np.repeat([0, 1], 10), np.arange(20.0)
    y_score[10] = -1
    # half way between 9 and 11
    assert specificity_at_sensitivity(y_true, y_score, 0.9) == (1.0, 10.0)
    assert specificity_at_sensitivity(y_true, y_score, 0.91)[0] == 0.0


def test_of_equals_the_other_side_is_best():
    # 2.5 is as specific, but finds one of two
    assert specificity_at_sensitivity([0, 1, 1], [1, 2, 3], 0.5) == (1.0, 1.5)
    # 1.5 is as sensitive, with a false alarm
    assert sensitivity_at_specificity([0, 0, 1], [1, 2, 3], 0.5) == (1.0, 2.5)


def test_areas_by_hand():
    y_true, y_score = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    assert average_precision_score(y_true, y_score) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert partial_auc_score(y_true, y_score, max_fpr=0.5) == pytest.approx(
        (1 + (0.25 - 0.125) / (0.5 - 0.125)) / 2
    )


@given(TABLE, st.sampled_from([0.01, 0.25, 0.5, 0.9, 1.0]))
@settings(max_examples=80, deadline=None)
def test_areas_are_those_of_scikit_learn(table, max_fpr):
    y_true, y_score = map(np.array, zip(*table))
    assert average_precision_score(y_true, y_score) == pytest.approx(
        sk.average_precision_score(y_true, y_score), abs=1e-12
    )
    expected = sk.roc_auc_score(y_true, y_score, max_fpr=max_fpr)
    assert partial_auc_score(y_true, y_score, max_fpr=max_fpr) == pytest.approx(expected, abs=1e-12)


def test_no_case_has_no_area():
    with pytest.warns(UserWarning, match="0 positive and 0 negative"):
        assert np.isnan(average_precision_score([], []))


def test_partial_auc_ends():
    rng = np.random.default_rng(0)
    y_true, y_score = rng.integers(0, 2, 500), rng.normal(size=500)
    assert partial_auc_score(y_true, y_score, max_fpr=1.0) == pytest.approx(
        auc_score(y_true, y_score), abs=1e-12
    )
    assert partial_auc_score(y_true, y_true, max_fpr=0.1) == 1.0
    assert partial_auc_score(y_true, np.ones(500), max_fpr=0.1) == pytest.approx(0.5, abs=1e-15)


@pytest.mark.parametrize(
    "function",
    [
        average_precision_score,
        lambda y, s: partial_auc_score(y, s, max_fpr=0.1),
        lambda y, s: sensitivity_at_specificity(y, s, 0.9)[0],
        lambda y, s: specificity_at_sensitivity(y, s, 0.9)[1],
    ],
)
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_undefined(function, label):
    with pytest.warns(UserWarning, match=r"undefined \(NaN\)"):
        assert np.isnan(function([label] * 3, [0.1, 0.2, 0.3]))


def test_no_positive_has_no_precision_recall_curve():
    assert [len(column) for column in precision_recall_points([0, 0], [0.1, 0.2])] == [0, 0, 0]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: partial_auc_score([0, 1], [0, 1], max_fpr=0), "max_fpr=0"),
        (lambda: sensitivity_at_specificity([0, 1], [0, 1], 90), "target=90"),
        (lambda: specificity_at_sensitivity([0, 1], [0, 1], float("nan")), "target=nan"),
        (lambda: sensitivity_at_specificity([], [], 0.9), "y_true is empty"),
        (lambda: average_precision_score([0, 1], [0, np.nan]), "1 NaN"),
        (lambda: partial_auc_score([0, 1], [0, np.inf], max_fpr=0.1), "1 infinite"),
    ],
)
def test_bad_arguments(call, match):
    with pytest.raises(ValueError, match=match):
        call()
