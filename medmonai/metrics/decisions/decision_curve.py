"""Net benefit and decision curves: what acting on a model is worth at a given price of a false
alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from medmonai.metrics.calibration import check_probabilities
from medmonai.metrics.resampling import by_group

THRESHOLDS = tuple(np.round(np.arange(0.01, 1.0, 0.01), 2).tolist())


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit over thresholds; all arrays (T,). Treating no one is worth 0 everywhere.

    Args:
        thresholds: probabilities above which one would act.
        model: net benefit of acting where p is above the threshold.
        low: lower end of its pointwise interval.
        high: upper end.
        treat_all: net benefit of acting on every case.
    """

    thresholds: np.ndarray
    model: np.ndarray
    low: np.ndarray
    high: np.ndarray
    treat_all: np.ndarray


def net_benefit(
    y_true: np.ndarray, p: np.ndarray, thresholds: Sequence[float] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Net benefit of the model and of treating all: tp / N - fp / N x t / (1 - t), positive where
    p > t.

    In units of true positives a case: t / (1 - t) false alarms weigh as much as one case found.
    Treating no one is 0.

    Args:
        y_true: (N,) in {0, 1}.
        p: (N,) calibrated probability of 1 (`apply_temperature`).
        thresholds: (T,) in [0, 1).

    Returns:
        Two arrays (T,), at most the share of positives.

    Raises:
        ValueError: thresholds outside [0, 1), p outside [0, 1], no case, labels other than 0 and 1.

    References:
        Vickers & Elkin, Medical Decision Making 26:565 (2006), doi:10.1177/0272989X06295361.

    Example:
        >>> [values.tolist() for values in net_benefit([0, 1, 1, 0], [0.1, 0.4, 0.9, 0.6], [0.5])]
        [[0.0], [0.0]]
    """
    y_true, p, thresholds = _checked(y_true, p, thresholds)
    positive = np.sort(p[y_true == 1])
    negative = np.sort(p[y_true == 0])
    tp = len(positive) - np.searchsorted(positive, thresholds, side="right")
    fp = len(negative) - np.searchsorted(negative, thresholds, side="right")
    odds = thresholds / (1 - thresholds)
    return tp / len(p) - fp / len(p) * odds, len(positive) / len(p) - len(negative) / len(p) * odds


def decision_curve(
    y_true: np.ndarray,
    p: np.ndarray,
    thresholds: Sequence[float] | np.ndarray = THRESHOLDS,
    *,
    confidence: float = 0.95,
    groups: np.ndarray | None = None,
) -> DecisionCurve:
    """Net benefit over a range of thresholds, with pointwise normal intervals.

    Net benefit is a mean over cases, of 1 for a true and -t / (1 - t) for a false positive; its
    standard error is that of a mean. With groups, deviations are summed within a group first.

    Args:
        y_true: (N,) in {0, 1}.
        p: (N,) calibrated probability of 1.
        thresholds: (T,) in [0, 1); show those a clinician would accept.
        confidence: nominal coverage at each threshold.
        groups: (N,) patient or lesion of each case.

    Returns:
        The `DecisionCurve`.

    Raises:
        ValueError: thresholds outside [0, 1), p outside [0, 1], no case, labels other than 0 and 1,
            a confidence outside (0, 1), groups of another length.

    Example:
        >>> decision_curve([0, 1, 1, 0], [0.1, 0.4, 0.9, 0.6], [0.2]).model.round(3).tolist()
        [0.438]
    """
    y_true, p, thresholds = _checked(y_true, p, thresholds)
    if not 0 < confidence < 1 or (groups is not None and np.shape(groups) != (len(p),)):
        shape = () if groups is None else np.shape(groups)
        raise ValueError(
            f"confidence={confidence}, groups of shape {shape}; use a number between 0 and 1, and "
            f"one group for each of {len(p)} cases."
        )
    model, treat_all = net_benefit(y_true, p, thresholds)
    worth = (p[:, None] > thresholds) * np.where(
        y_true[:, None] == 1, 1.0, -thresholds / (1 - thresholds)
    )
    deviation = by_group(worth - model, groups)
    units = len(deviation)
    variance = (
        (deviation**2).sum(axis=0) / len(p) ** 2 * (units / (units - 1) if units > 1 else np.nan)
    )
    half = ndtri((1 + confidence) / 2) * np.sqrt(variance)
    return DecisionCurve(thresholds, model, model - half, model + half, treat_all)


def _checked(
    y_true: np.ndarray, p: np.ndarray, thresholds: Sequence[float] | np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y_true, p = check_probabilities(y_true, p)
    thresholds = np.atleast_1d(np.asarray(thresholds, dtype=np.float64))
    if not ((thresholds >= 0) & (thresholds < 1)).all():
        raise ValueError(
            f"thresholds range from {thresholds.min():g} to {thresholds.max():g}; [0, 1) is needed."
        )
    return y_true, p, thresholds
