"""Pointwise bootstrap bands around ROC, precision-recall and decision curves, by case or by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

RESAMPLES = 1000
MAX_THRESHOLDS = 400  # of a curve with more distinct scores, at most this many are followed
GRID = np.linspace(0, 1, 201)
_CHUNK = 2_000_000  # group draws held at a time


@dataclass(frozen=True)
class ResampledCounts:
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
    y_true: np.ndarray, y_score: np.ndarray, thresholds: np.ndarray, *, groups: np.ndarray | None = None,
    resamples: int = RESAMPLES, seed: int = 0,
) -> ResampledCounts:
    """Draw the cases again, with replacement, and count those at or above each threshold.

    Cases between two thresholds are alike for these counts, so that N drawn cases are one multinomial draw over 2 (K + 1)
    cells: exact, and independent of N. With groups, whole groups are drawn and their cells added.

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
    rng, cells = np.random.default_rng(seed), len(thresholds) + 1
    cell = _cells(y_true, y_score, thresholds)
    if groups is None:
        filled, counts = np.unique(cell, return_counts=True)
        drawn = np.zeros((resamples, 2 * cells))
        drawn[:, filled] = rng.multinomial(len(cell), counts / len(cell), size=resamples)
    else:
        drawn = _drawn_groups(rng, cell, np.unique(groups, return_inverse=True)[1], 2 * cells, resamples)
    return _above(drawn)


def sample_counts(y_true: np.ndarray, y_score: np.ndarray, thresholds: np.ndarray) -> ResampledCounts:
    """Return the counts of the cases themselves, as one resample (B = 1)."""
    drawn = np.bincount(_cells(y_true, y_score, thresholds), minlength=2 * len(thresholds) + 2)
    return _above(drawn[None].astype(np.float64))


def _cells(y_true: np.ndarray, y_score: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Cell of each case: the first threshold it reaches (K: none), + K + 1 for positives."""
    return np.searchsorted(-thresholds, -np.asarray(y_score)) + (len(thresholds) + 1) * (np.asarray(y_true) == 1)


def _above(drawn: np.ndarray) -> ResampledCounts:
    negatives, positives = (np.cumsum(part, axis=1) for part in np.split(drawn, 2, axis=1))
    return ResampledCounts(positives[:, :-1], negatives[:, :-1], positives[:, -1], negatives[:, -1])


def _drawn_groups(rng: np.random.Generator, cell: np.ndarray, group: np.ndarray, cells: int, resamples: int) -> np.ndarray:
    count = int(group.max()) + 1
    cells_of = csr_array((np.ones(len(cell)), (cell, group)), shape=(cells, count))
    rows, parts = max(1, _CHUNK // count), []
    for first in range(0, resamples, rows):
        size = min(rows, resamples - first)
        picked = rng.integers(0, count, (size, count)) + np.arange(size)[:, None] * count
        times = np.bincount(picked.ravel(), minlength=size * count).reshape(size, count)
        parts.append((cells_of @ times.T.astype(np.float64)).T)
    return np.concatenate(parts)


def curve_thresholds(y_true: np.ndarray, y_score: np.ndarray) -> np.ndarray:
    """Falling thresholds to follow a curve at: all distinct scores, or at most 400 that spread over both classes."""
    distinct = np.unique(y_score)
    if len(distinct) > MAX_THRESHOLDS:
        shares = np.linspace(0, 1, MAX_THRESHOLDS // 2)
        distinct = np.unique([np.quantile(y_score[y_true == c], shares, method="lower") for c in (0, 1)])
    return distinct[::-1]


def roc_band(counts: ResampledCounts, *, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles of the sensitivity at each 1 - specificity of `GRID`: low and high, (201,) each."""
    kept = (counts.positives > 0) & (counts.negatives > 0)
    fpr = (counts.false_positives / np.maximum(counts.negatives, 1)[:, None])[kept]
    tpr = (counts.true_positives / np.maximum(counts.positives, 1)[:, None])[kept]
    fpr, tpr = (np.pad(rate, ((0, 0), (1, 0))) for rate in (fpr, tpr))
    curves = np.stack([np.interp(GRID, x, y) for x, y in zip(fpr, tpr)])
    return percentiles(curves, confidence)


def precision_recall_band(counts: ResampledCounts, *, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles of the precision at each recall of `GRID`, that of the highest threshold that reaches the recall."""
    kept = counts.positives > 0
    recall = (counts.true_positives / np.maximum(counts.positives, 1)[:, None])[kept]
    precision = _precision(counts)[kept]
    first = np.stack([np.searchsorted(row, np.maximum(GRID, 1e-9) - 1e-12) for row in recall])
    return percentiles(np.take_along_axis(precision, np.minimum(first, recall.shape[1] - 1), axis=1), confidence)


def average_precisions(counts: ResampledCounts) -> np.ndarray:
    """Average precision of each resample with a positive case: sum over thresholds of (rise of recall) x precision."""
    kept = counts.positives > 0
    recall = (counts.true_positives / np.maximum(counts.positives, 1)[:, None])[kept]
    return np.sum(np.diff(recall, axis=1, prepend=0) * _precision(counts)[kept], axis=1)


def percentiles(values: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper percentile over the resamples (B, ...)."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=0)
    return low, high


def _precision(counts: ResampledCounts) -> np.ndarray:
    above = counts.true_positives + counts.false_positives
    return np.where(above > 0, counts.true_positives / np.maximum(above, 1), 1.0)
