"""Bootstrap bands: the fast draw is the plain one, by case and by group; quantiles in the right
place.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from medmonai.metrics.ranking.resampled_curves import (
    GRID,
    MAX_THRESHOLDS,
    curve_thresholds,
    precision_recall_band,
    resampled_counts,
    roc_band,
)


def table(n=300, seed=0):
    rng = np.random.default_rng(seed)
    y_true = (rng.random(n) < 0.3).astype(int)
    return y_true, np.round(rng.normal(size=n) + 1.2 * y_true, 1)


def plain_bootstrap(y_true, y_score, thresholds, groups, resamples, seed=1):
    """Draw cases or groups one resample at a time."""
    rng, counts = np.random.default_rng(seed), []
    units = np.arange(len(y_true)) if groups is None else groups
    members = [np.flatnonzero(units == unit) for unit in np.unique(units)]
    for _ in range(resamples):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        above = y_score[rows, None] >= thresholds
        counts.append((above[y_true[rows] == 1].sum(0), above[y_true[rows] == 0].sum(0)))
    return np.array(counts)


def sample_counts(y_true, y_score, thresholds):
    """Counts of the cases themselves: of one group, whatever is drawn."""
    return resampled_counts(y_true, y_score, thresholds, groups=np.zeros(len(y_true)), resamples=1)


def test_counts_by_hand():
    counts = sample_counts(
        np.array([0, 1, 1, 0]), np.array([0.1, 0.4, 0.9, 0.9]), np.array([0.9, 0.4, 0.1])
    )
    assert counts.true_positives.tolist() == [[1, 2, 2]]
    assert counts.false_positives.tolist() == [[1, 1, 2]]
    assert (counts.positives.tolist(), counts.negatives.tolist()) == ([2], [2])
    below = sample_counts(np.array([0, 1]), np.array([0.1, 0.2]), np.array([0.5]))
    assert (below.true_positives.tolist(), below.positives.tolist()) == ([[0]], [1])


@pytest.mark.parametrize("grouped", [False, True])
def test_counts_are_those_of_a_plain_bootstrap(grouped):
    y_true, y_score = table()
    groups = np.arange(300) // 5 if grouped else None
    # a group is of one class: its cases do not vary alone
    y_true = y_true[groups * 5] if grouped else y_true
    thresholds = np.array([1.5, 0.5, -0.5])
    fast = resampled_counts(y_true, y_score, thresholds, groups=groups, resamples=4000)
    plain = plain_bootstrap(y_true, y_score, thresholds, groups, 4000)
    for i, own in enumerate((fast.true_positives, fast.false_positives)):
        np.testing.assert_allclose(own.mean(0), plain[:, i].mean(0), rtol=0.03)
        np.testing.assert_allclose(own.std(0), plain[:, i].std(0), rtol=0.06)
        np.testing.assert_allclose(np.corrcoef(own.T), np.corrcoef(plain[:, i].T), atol=0.06)
    if not grouped:
        assert (fast.positives + fast.negatives == 300).all()


def test_same_seed_same_counts():
    y_true, y_score = table()
    for groups in (None, np.arange(300) // 3):
        one, two, other = (
            resampled_counts(y_true, y_score, np.array([0.5]), groups=groups, resamples=50, seed=s)
            for s in (3, 3, 4)
        )
        assert (one.true_positives == two.true_positives).all()
        assert (one.true_positives != other.true_positives).any()


def test_thresholds():
    y_true, y_score = table()
    np.testing.assert_array_equal(curve_thresholds(y_true, y_score), np.unique(y_score)[::-1])
    rng = np.random.default_rng(0)
    many = curve_thresholds(np.arange(5000) % 2, rng.random(5000))
    assert MAX_THRESHOLDS * 0.9 < len(many) <= MAX_THRESHOLDS and (np.diff(many) < 0).all()


def test_precision_recall_band_of_one_curve_is_scikit_learns():
    y_true, y_score = table()
    low, high = precision_recall_band(
        sample_counts(y_true, y_score, curve_thresholds(y_true, y_score))
    )
    precision, recall, _ = precision_recall_curve(y_true, y_score)
    first = [precision[np.flatnonzero(recall >= max(x, 1e-9) - 1e-12)[-1]] for x in GRID]
    np.testing.assert_allclose(low, first, atol=1e-12)
    np.testing.assert_array_equal(low, high)


def test_roc_band_is_the_percentiles_of_plain_curves():
    y_true, y_score = table(2000)
    low, high = roc_band(resampled_counts(y_true, y_score, curve_thresholds(y_true, y_score)))
    at = y_score[y_true == 0]
    threshold = np.quantile(at, 0.8)  # 1 - specificity about 0.2
    sensitivity = (y_score[y_true == 1] >= threshold).mean()
    place = np.argmin(np.abs(GRID - (at >= threshold).mean()))
    assert low[place] < sensitivity < high[place]
    error = np.sqrt(sensitivity * (1 - sensitivity) / (y_true == 1).sum())
    # more than the sensitivity's alone: the cut moves too
    assert 3.9 * error < high[place] - low[place] < 8 * error
    assert (np.diff(low) >= 0).all() and high[-1] == low[-1] == 1


def test_precision_recall_band_ends_at_the_prevalence():
    y_true, y_score = table(2000)
    low, high = precision_recall_band(
        resampled_counts(y_true, y_score, curve_thresholds(y_true, y_score))
    )
    assert low[-1] < y_true.mean() + 0.05 and ((0 <= low) & (low <= high) & (high <= 1)).all()


def test_resamples_without_positives_are_left_out():
    y_true = np.array([1] + [0] * 20)
    counts = resampled_counts(y_true, np.arange(21.0), np.arange(21.0)[::-1])
    assert (counts.positives == 0).any()
    for band in (roc_band(counts), precision_recall_band(counts)):
        assert np.isfinite(band).all()
