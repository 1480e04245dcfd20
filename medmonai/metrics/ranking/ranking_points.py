"""Points on the ROC and precision-recall curves: average precision, partial AUC, sensitivity at a
specificity and back.

A case is positive where its score is above the threshold, as everywhere in this package. Values at
a fixed sensitivity or specificity describe one table. For a figure that stands up on test, choose
the threshold on validation (`choose_operating_point(validation,
rule="specificity=0.9")`) and apply it (`summarize_decisions(test, point)`).
"""

from __future__ import annotations

import warnings

import numpy as np

from .ranking import check_binary


def cut_counts(
    y_true: np.ndarray, y_score: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds, and true and false positives above each: one row for each way to cut the table in
    two.

    Each threshold lies half way between two neighboring scores. The first, the highest score, has
    nothing above it; the last, just below the lowest score, has everything.

    Args:
        y_true: (N,) in {0, 1}.
        y_score: (N,) higher for the positive class.

    Returns:
        Thresholds, falling; true positives and false positives (int64), rising. All (K + 1,) for K
        different scores.

    Raises:
        ValueError: no case, labels other than 0 and 1, another length, NaN scores.

    Example:
        >>> [column.tolist() for column in cut_counts([0, 1, 1], [0.25, 0.75, 0.75])]
        [[0.75, 0.5, 0.24999999999999997], [0, 2, 2], [0, 0, 1]]
    """
    y_true, y_score = check_binary(y_true, y_score)
    if not len(y_true):
        raise ValueError("y_true is empty; at least one case is needed.")
    order = np.argsort(-y_score, kind="stable")
    ranked = y_score[order]
    # the last case of each run of ties
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(order) - 1)
    above = np.append(0, np.cumsum(y_true[order])[last])
    high = ranked[last][:-1]
    low = ranked[last][1:]
    middle = low / 2 + high / 2  # halved first: a sum may overflow
    # neighboring floats have nothing between them
    middle = np.where((low <= middle) & (middle < high), middle, low)
    thresholds = np.concatenate([ranked[:1], middle, [np.nextafter(ranked[-1], -np.inf)]])
    return thresholds, above, np.append(0, last + 1) - above


def precision_recall_points(
    y_true: np.ndarray, y_score: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision-recall curve: recall, precision and threshold, one point for each different score,
    recall rising.

    Between two points the curve is a step, not a line: interpolation flatters (Davis & Goadrich
    2006, doi:10.1145/1143844.1143874). The point (0, 1) that scikit-learn adds is left out: no
    threshold belongs to it.

    Returns:
        Three arrays (K,); empty where no case is positive.

    Raises:
        ValueError: no case, labels other than 0 and 1, another length, NaN scores.

    Example:
        >>> precision_recall_points([0, 1, 1], [0.2, 0.1, 0.7])[1].round(3).tolist()
        [1.0, 0.5, 0.667]
    """
    thresholds, tp, fp = cut_counts(y_true, y_score)
    if tp[-1] == 0:
        return np.empty(0), np.empty(0), np.empty(0)
    return tp[1:] / tp[-1], tp[1:] / (tp[1:] + fp[1:]), thresholds[1:]


def average_precision_score(y_true: np.ndarray, y_score: np.ndarray) -> float:
    """Average precision as scikit-learn computes it: sum over thresholds of (recall gained) x
    precision.

    Its chance level is the share of positives, not 0.5: compare it only within one table.

    Args:
        y_true: (N,) in {0, 1}.
        y_score: (N,) higher for the positive class.

    Returns:
        0 to 1; NaN with a warning where a class is absent (scikit-learn: 0 or 1).

    Raises:
        ValueError: labels other than 0 and 1, another length, scores that are not finite.

    Example:
        >>> round(average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
        0.8333
    """
    _, tp, fp = _finite_cuts(y_true, y_score)
    if _one_class("average precision", tp[-1], fp[-1]):
        return float("nan")
    return float(np.sum(np.diff(tp) / tp[-1] * tp[1:] / (tp[1:] + fp[1:])))


def partial_auc_score(y_true: np.ndarray, y_score: np.ndarray, *, max_fpr: float) -> float:
    """Area under the ROC curve for 1 - specificity in [0, max_fpr], standardized, as scikit-learn
    computes it.

    (1 + (area - low) / (high - low)) / 2 with low = max_fpr^2 / 2 (chance) and high = max_fpr, so
    that 0.5 is chance and 1 is perfect (McClish 1989, doi:10.1177/0272989X8900900307).

    Args:
        y_true: (N,) in {0, 1}.
        y_score: (N,) higher for the positive class.
        max_fpr: right end, in (0, 1].

    Returns:
        The area; NaN with a warning where a class is absent.

    Raises:
        ValueError: max_fpr outside (0, 1]; labels or scores as for `average_precision_score`.

    Example:
        >>> round(partial_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], max_fpr=0.5), 4)
        0.6667
    """
    if not 0 < max_fpr <= 1:
        raise ValueError(f"max_fpr={max_fpr}; a number above 0 and up to 1 is needed.")
    _, tp, fp = _finite_cuts(y_true, y_score)
    if _one_class("partial AUC", tp[-1], fp[-1]):
        return float("nan")
    tpr = tp / tp[-1]
    fpr = fp / fp[-1]
    inside = fpr <= max_fpr
    x = np.append(fpr[inside], max_fpr)
    y = np.append(tpr[inside], np.interp(max_fpr, fpr, tpr))
    area = np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)
    chance = max_fpr**2 / 2
    return float((1 + (area - chance) / (max_fpr - chance)) / 2)


def sensitivity_at_specificity(
    y_true: np.ndarray, y_score: np.ndarray, target: float
) -> tuple[float, float]:
    """Highest sensitivity among the points of this table's ROC curve whose specificity is at least
    `target`.

    It describes the table it reads: the threshold fits that table. See the module for the locked
    variant.

    Args:
        y_true: (N,) in {0, 1}.
        y_score: (N,) higher for the positive class.
        target: least specificity, in [0, 1].

    Returns:
        Sensitivity, and the threshold (positive above it); both NaN with a warning where a class is
        absent.

    Raises:
        ValueError: a target outside [0, 1]; no case, labels other than 0 and 1, another length, NaN
            scores.

    Example:
        >>> sensitivity_at_specificity([0, 0, 1, 1], [0.1, 0.5, 0.25, 0.75], 0.9)
        (0.5, 0.625)
    """
    thresholds, tp, fp = cut_counts(y_true, y_score)
    if _one_class("sensitivity at a specificity", tp[-1], fp[-1]):
        return float("nan"), float("nan")
    best = cut_at_specificity(tp, fp, target)
    return float(tp[best] / tp[-1]), float(thresholds[best])


def specificity_at_sensitivity(
    y_true: np.ndarray, y_score: np.ndarray, target: float
) -> tuple[float, float]:
    """Highest specificity among the points of this table's ROC curve whose sensitivity is at least
    `target`.

    The mirror of `sensitivity_at_specificity`.

    Returns:
        Specificity, and the threshold (positive above it); both NaN with a warning where a class is
        absent.

    Raises:
        ValueError: a target outside [0, 1]; no case, labels other than 0 and 1, another length, NaN
            scores.

    Example:
        >>> specificity_at_sensitivity([0, 0, 1, 1], [0.125, 0.5, 0.25, 0.75], 0.9)
        (0.5, 0.1875)
    """
    thresholds, tp, fp = cut_counts(y_true, y_score)
    if _one_class("specificity at a sensitivity", tp[-1], fp[-1]):
        return float("nan"), float("nan")
    best = cut_at_sensitivity(tp, fp, target)
    return float((fp[-1] - fp[best]) / fp[-1]), float(thresholds[best])


def cut_at_specificity(tp: np.ndarray, fp: np.ndarray, target: float) -> int:
    """Index of the cut with most true positives, and of these fewest false ones, whose specificity
    reaches `target`.
    """
    _check_target(target)
    # the last cut that is still specific enough
    reached = int(np.flatnonzero((fp[-1] - fp) / fp[-1] >= target)[-1])
    return int(np.searchsorted(tp, tp[reached]))


def cut_at_sensitivity(tp: np.ndarray, fp: np.ndarray, target: float) -> int:
    """Index of the cut with fewest false positives, and of these most true ones, whose sensitivity
    reaches `target`.
    """
    _check_target(target)
    reached = int(np.argmax(tp / tp[-1] >= target))  # the first cut that is sensitive enough
    return int(np.searchsorted(fp, fp[reached], side="right")) - 1


def _finite_cuts(
    y_true: np.ndarray, y_score: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y_true, y_score = check_binary(y_true, y_score)
    if np.isinf(y_score).any():
        raise ValueError(
            f"y_score has {int(np.isinf(y_score).sum())} infinite values; finite scores are needed."
        )
    return (
        cut_counts(y_true, y_score)
        if len(y_true)
        else (np.zeros(1), np.zeros(1, np.int64), np.zeros(1, np.int64))
    )


def _check_target(target: float) -> None:
    if not 0 <= target <= 1:
        raise ValueError(f"target={target}; a share from 0 to 1 is needed, such as 0.9.")


def _one_class(name: str, positives: int, negatives: int) -> bool:
    absent = 0 in (positives, negatives)
    if absent:
        warnings.warn(
            f"{name} undefined (NaN): {positives} positive and {negatives} negative cases.",
            UserWarning,
            stacklevel=3,
        )
    return absent
