"""ROC and precision-recall curves of bootstrap tables, by case or by group, and the pointwise bands
that come from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from medmonai.metrics.resampling import by_group, resampled_totals

RESAMPLES = 1000
MAX_THRESHOLDS = 400  # of a curve with more distinct scores, at most this many are followed
GRID = np.linspace(0, 1, 201)


@dataclass(frozen=True)
class ResampledCurves:
    """Counts of B resamples at K thresholds: cases at or above each threshold, and all cases.

    Args:
        true_positives: (B, K).
        false_positives: (B, K).
        positives: (B,).
        negatives: (B,).
    """

    true_positives: np.ndarray
    false_positives: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray


def resampled_counts(
    y_true: np.ndarray,
    y_score: np.ndarray,
    thresholds: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ResampledCurves:
    """Draw the cases again, with replacement, and count those at or above each threshold.

    Cases between two thresholds are alike for these counts: they are one of 2 (K + 1) kinds of
    cases, and drawing kinds is as exact as drawing cases. With groups, whole groups are drawn and
    their counts added.

    Args:
        y_true: (N,) in {0, 1}.
        y_score: (N,).
        thresholds: (K,) falling.
        groups: (N,) patient or lesion, or None.
        resamples: B.
        seed: the same seed gives the same counts.

    Returns:
        The counts, float64. Resamples without one of the classes are in it.
    """
    cell = _cells(y_true, y_score, thresholds)
    times = None
    if groups is None:
        cell, times = np.unique(cell, return_counts=True)
    shape = (len(cell), 2 * (len(thresholds) + 1))
    one_hot = by_group(
        sparse.csr_array((np.ones(len(cell)), (np.arange(len(cell)), cell)), shape=shape), groups
    )
    drawn = resampled_totals(one_hot, repetitions=resamples, seed=seed, multiplicity=times)
    negatives, positives = (np.cumsum(part, axis=1) for part in np.split(drawn, 2, axis=1))
    return ResampledCurves(positives[:, :-1], negatives[:, :-1], positives[:, -1], negatives[:, -1])


def _cells(y_true: np.ndarray, y_score: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Cell of each case: the first threshold it reaches (K: none), + K + 1 for positives."""
    return np.searchsorted(-thresholds, -np.asarray(y_score)) + (len(thresholds) + 1) * (
        np.asarray(y_true) == 1
    )


def curve_thresholds(y_true: np.ndarray, y_score: np.ndarray) -> np.ndarray:
    """Falling thresholds to follow a curve at: all distinct scores, or at most 400 that spread over
    both classes.
    """
    distinct = np.unique(y_score)
    if len(distinct) > MAX_THRESHOLDS:
        shares = np.linspace(0, 1, MAX_THRESHOLDS // 2)
        distinct = np.unique(
            [np.quantile(y_score[y_true == c], shares, method="lower") for c in (0, 1)]
        )
    return distinct[::-1]


def roc_band(counts: ResampledCurves, *, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles of the sensitivity at each 1 - specificity of `GRID`: low and high, (201,)
    each.
    """
    kept = (counts.positives > 0) & (counts.negatives > 0)
    fpr = (counts.false_positives / np.maximum(counts.negatives, 1)[:, None])[kept]
    tpr = (counts.true_positives / np.maximum(counts.positives, 1)[:, None])[kept]
    fpr, tpr = (np.pad(rate, ((0, 0), (1, 0))) for rate in (fpr, tpr))
    curves = np.stack([np.interp(GRID, x, y) for x, y in zip(fpr, tpr)])
    return _percentiles(curves, confidence)


def precision_recall_band(
    counts: ResampledCurves, *, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles of the precision at each recall of `GRID`, that of the highest threshold that
    reaches the recall.
    """
    kept = counts.positives > 0
    recall = (counts.true_positives / np.maximum(counts.positives, 1)[:, None])[kept]
    precision = _precision(counts)[kept]
    first = np.stack([np.searchsorted(row, np.maximum(GRID, 1e-9) - 1e-12) for row in recall])
    return _percentiles(
        np.take_along_axis(precision, np.minimum(first, recall.shape[1] - 1), axis=1), confidence
    )


def _percentiles(values: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper percentile over the resamples (B, ...)."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=0)
    return low, high


def _precision(counts: ResampledCurves) -> np.ndarray:
    above = counts.true_positives + counts.false_positives
    return np.where(above > 0, counts.true_positives / np.maximum(above, 1), 1.0)
