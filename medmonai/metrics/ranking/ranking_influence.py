"""The influence of each case on average precision and partial AUC: standard errors without
resampling; O(N log N).

The influence of a case is the derivative of the metric by the case's weight (the infinitesimal
jackknife; Jaeckel 1972, Bell Laboratories Memorandum MM 72-1215-11; Efron 1981,
doi:10.1093/biomet/68.3.589). Influences add up to 0, and their squares to the variance of the
metric. Summed by patient, or averaged over classes, they give the variance for dependent cases, or
of a mean over classes, as those of `auc_influence` do for the AUC.
"""

from __future__ import annotations

import numpy as np

from .ranking import check_binary


def average_precision_influence(y_true: np.ndarray, y_score: np.ndarray) -> np.ndarray:
    """Influence of each case on `average_precision_score`.

    With P_i the precision at the score of positive i, N_i the cases at or above it, and m
    positives: case k moves the average precision by its own (P_k - AP) / m if it is positive, and
    by (y_k - P_i) / (N_i m) for each positive i that it is not below.

    Args:
        y_true: (N,) in {0, 1}.
        y_score: (N,) higher for the positive class.

    Returns:
        (N,); NaN where a class is absent.

    Raises:
        ValueError: labels other than 0 and 1, another length, NaN scores.

    Example:
        >>> average_precision_influence([1, 0, 1], [0.9, 0.6, 0.3]).round(4).tolist()
        [0.1389, -0.1111, -0.0278]
    """
    y_true, y_score = check_binary(y_true, y_score)
    m = int(y_true.sum())
    if m in (0, len(y_true)):
        return np.full(len(y_true), np.nan)
    place, positives, cases = _ranked(y_true, y_score)
    precision = np.cumsum(positives) / np.cumsum(cases)
    ap = positives @ precision / m
    gained = positives / np.cumsum(cases)
    gain, loss = (np.cumsum(each[::-1])[::-1][place] for each in (gained, gained * precision))
    return (y_true * (precision[place] - ap + gain) - loss) / m


def partial_auc_influence(y_true: np.ndarray, y_score: np.ndarray, *, max_fpr: float) -> np.ndarray:
    """Influence of each case on `partial_auc_score`, standardized as that is.

    The area under the ROC curve up to u = `max_fpr` moves with a positive by the area under its own
    curve, a step at the share of negatives that outrank it; with a negative by the sensitivity at
    its score if it is among the u highest negatives, and, as it shifts the score where u is
    reached, by the sensitivity there (Dodd & Pepe 2003, doi:10.1111/1541-0420.00071, with the
    threshold estimated). Ties rise in a straight line, as the curve does.

    Args:
        y_true: (N,) in {0, 1}.
        y_score: (N,) higher for the positive class.
        max_fpr: right end, in (0, 1].

    Returns:
        (N,); NaN where a class is absent.

    Raises:
        ValueError: max_fpr outside (0, 1]; labels other than 0 and 1, another length, NaN scores.

    Example:
        >>> partial_auc_influence([1, 0, 1, 0], [0.9, 0.6, 0.3, 0.1], max_fpr=1).tolist()
        [0.125, -0.125, -0.125, 0.125]
    """
    if not 0 < max_fpr <= 1:
        raise ValueError(f"max_fpr={max_fpr}; a number above 0 and up to 1 is needed.")
    y_true, y_score = check_binary(y_true, y_score)
    m = int(y_true.sum())
    n = int(len(y_true) - y_true.sum())
    if 0 in (m, n):
        return np.full(len(y_true), np.nan)
    place, positives, cases = _ranked(y_true, y_score)
    width = (cases - positives) / n
    rise = positives / m
    # of whole numbers, so that 1 is reached exactly
    right = np.cumsum(cases - positives) / n
    top = np.cumsum(rise)
    left = right - width
    middle = top - rise / 2
    inside = np.clip(max_fpr - left, 0, width)  # of each run of ties, how much lies left of max_fpr
    ramp = np.divide(inside**2, 2 * width, out=np.zeros_like(width), where=width > 0) + np.clip(
        max_fpr - right, 0, None
    )
    of_positive = ramp - rise @ ramp
    last = int(np.argmax(right >= max_fpr))  # the run that holds max_fpr
    share = inside[last] / width[last]
    end = top[last] - rise[last] + share * rise[last]  # sensitivity at max_fpr
    of_negative = np.where(np.arange(len(width)) < last, middle - end, 0.0)
    of_negative[last] = -(share**2) * rise[last] / 2
    of_negative -= width @ of_negative
    influence = np.where(y_true == 1, of_positive[place] / m, of_negative[place] / n)
    return influence / (2 * (max_fpr - max_fpr**2 / 2))


def _ranked(y_true: np.ndarray, y_score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place (N,) of each case among the different scores, highest first; positives and cases of
    each place.
    """
    place = np.unique(-y_score, return_inverse=True)[1]
    return place, np.bincount(place, weights=y_true), np.bincount(place)
