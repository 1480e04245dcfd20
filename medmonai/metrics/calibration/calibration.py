"""How far probabilities can be taken at their word: ECE, Brier score, NLL, and the points of a
reliability diagram.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from medmonai.metrics.ranking import check_binary, one_vs_rest
from medmonai.metrics.resampling import wilson
from medmonai.predictions.table import sums_to_one
from medmonai.task import Task

Binning = Literal["equal_mass", "equal_width"]
Average = Literal["top_label", "classwise"]


@dataclass(frozen=True, eq=False)
class ReliabilityBins:
    """Points of a reliability diagram, one per bin that has cases; all arrays (B,).

    Args:
        mean_predicted: mean probability of the cases in the bin.
        observed: share of them that are positive.
        count: cases.
        low: lower end of the Wilson interval of `observed`, which takes cases as independent.
        high: upper end.
    """

    mean_predicted: np.ndarray
    observed: np.ndarray
    count: np.ndarray
    low: np.ndarray
    high: np.ndarray


def reliability_bins(
    y_true: np.ndarray,
    p: np.ndarray,
    bins: int = 10,
    *,
    binning: Binning = "equal_mass",
    confidence: float = 0.95,
) -> ReliabilityBins:
    """Sort cases into bins of probability and count the positives of each.

    Args:
        y_true: (N,) in {0, 1}.
        p: (N,) probability of 1.
        bins: at most this many; fewer where many cases have the same p, which always share a bin.
        binning: ``equal_mass`` (as many cases in each) or ``equal_width``.
        confidence: of the Wilson interval.

    Returns:
        The `ReliabilityBins`, p rising.

    Raises:
        ValueError: p outside [0, 1], fewer than one bin, no case, labels other than 0 and 1.

    Example:
        >>> reliability_bins([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8], bins=2).observed.tolist()
        [0.0, 1.0]
    """
    y_true, p = check_probabilities(y_true, p)
    number = bin_numbers(p, bins, binning=binning)
    count = np.bincount(number)
    positives = np.bincount(number, weights=y_true)
    predicted = np.bincount(number, weights=p)
    used = count > 0
    count = count[used]
    positives = positives[used]
    predicted = predicted[used]
    return ReliabilityBins(
        predicted / count,
        positives / count,
        count,
        *wilson(positives, count, confidence=confidence),
    )


def expected_calibration_error(
    y_true: np.ndarray,
    y_score: np.ndarray,
    task: Task,
    *,
    bins: int = 15,
    binning: Binning = "equal_mass",
    average: Average = "top_label",
) -> float:
    """Expected calibration error: sum over bins of (share of cases) x |observed - mean predicted|.
    0 is best.

    Binary: of class 1. Multiclass and ordinal: ``top_label``, whether the decided class is right as
    often as its probability says; ``classwise``, the mean over the classes of each against the
    rest. Multilabel: always the mean over labels. Noise pushes it up: a perfect model has up to 0.4
    sqrt(bins / N), more than 0.

    Equal to torchmetrics for ``equal_width``, except that p = 1 gets a bin of its own there. Equal
    mass is the default: equal widths leave nearly all cases of a confident model in one bin.
    MONAI's `CalibrationErrorMetric` bins the pixels of each image and has no place for one score a
    case.

    Args:
        y_true: labels of the task, (N,) or (N, L).
        y_score: (N, num_classes) probabilities.
        task: what the labels mean.
        bins: at most this many.
        binning: ``equal_mass`` or ``equal_width``.
        average: of a multiclass or ordinal task.

    NaN with a warning where the scores of exclusive classes do not add up to 1
    (`medmonai.predictions.sums_to_one`).

    Raises:
        ValueError: scores outside [0, 1], unknown options, labels that do not fit the task.

    References:
        Naeini et al., AAAI 2015; equal mass: Nixon et al., arXiv:1904.01685; class-wise: Kull et
        al., arXiv:1910.12656.

    Example:
        >>> scores = [[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.2, 0.8]]
        >>> round(expected_calibration_error([0, 0, 1, 1], scores, Task("binary", 2), bins=2), 12)
        0.25
    """
    if average not in ("top_label", "classwise"):
        raise ValueError(f"average={average!r}; use 'top_label' or 'classwise'.")
    events, p = calibrated_events(y_true, y_score, task, average=average)
    if not np.isfinite(p).all():
        return float("nan")
    errors = []
    for event, probability in zip(events.T, p.T):
        gaps = np.bincount(
            bin_numbers(probability, bins, binning=binning), weights=event - probability
        )
        errors.append(np.abs(gaps).sum() / len(event))
    return float(np.mean(errors))


def brier_score_loss(y_true: np.ndarray, y_score: np.ndarray, task: Task) -> float:
    """Brier score: mean squared error of the probabilities. 0 is best; a proper score.

    Binary: (p - y)^2, 0 to 1. Multiclass and ordinal: summed over the classes, 0 to 2, as
    scikit-learn does and as Brier (1950) did. Multilabel: the mean over labels.

    NaN with a warning where the scores of exclusive classes do not add up to 1
    (`medmonai.predictions.sums_to_one`).

    Raises:
        ValueError: scores outside [0, 1], labels that do not fit the task.

    Example:
        >>> brier_score_loss([0, 1], [[0.5, 0.5], [0.0, 1.0]], Task("binary", 2))
        0.125
    """
    return float(np.mean(case_losses(y_true, y_score, task)[:, 0]))


def negative_log_likelihood(y_true: np.ndarray, y_score: np.ndarray, task: Task) -> float:
    """Mean of -log(probability of what is true), in nats. 0 is best; a proper score that punishes
    certain mistakes.

    Probabilities are kept 2^-52 away from 0 and 1, as scikit-learn's `log_loss` does. Multilabel:
    the mean over labels.

    NaN with a warning where the scores of exclusive classes do not add up to 1
    (`medmonai.predictions.sums_to_one`).

    Raises:
        ValueError: scores outside [0, 1], labels that do not fit the task.

    Example:
        >>> round(negative_log_likelihood([0, 1], [[0.5, 0.5], [0.5, 0.5]], Task("binary", 2)), 6)
        0.693147
    """
    return float(np.mean(case_losses(y_true, y_score, task)[:, 1]))


def case_losses(y_true: np.ndarray, y_score: np.ndarray, task: Task) -> np.ndarray:
    """Brier score and NLL of each case: (N, 2); all NaN, with a warning, where the rows do not add
    up to 1.
    """
    columns, scores = _probabilities(y_true, y_score, task)
    eps = np.finfo(np.float64).eps
    if task.kind in ("multiclass", "ordinal"):
        likelihood = np.sum(columns * scores, axis=1)
        return np.stack(
            [((columns - scores) ** 2).sum(axis=1), -np.log(np.clip(likelihood, eps, 1 - eps))],
            axis=1,
        )
    if task.kind == "binary":
        columns = columns[:, 1:]
        scores = scores[:, 1:]
    likelihood = np.clip(np.where(columns == 1, scores, 1 - scores), eps, 1 - eps)
    return np.stack(
        [((columns - scores) ** 2).mean(axis=1), -np.log(likelihood).mean(axis=1)], axis=1
    )


def calibrated_events(
    y_true: np.ndarray, y_score: np.ndarray, task: Task, *, average: Average = "classwise"
) -> tuple[np.ndarray, np.ndarray]:
    """Events 0/1 (N, K) and the probabilities given to them: class 1; the decided class being
    right; each class.

    The probabilities are all NaN, with a warning, where the rows of exclusive classes do not add up
    to 1.

    Raises:
        ValueError: scores outside [0, 1], labels that do not fit the task.
    """
    columns, scores = _probabilities(y_true, y_score, task)
    if task.kind == "binary":
        return columns[:, 1:], scores[:, 1:]
    if task.kind == "multilabel" or average == "classwise":
        return columns, scores
    best = scores.argmax(axis=1)[:, None]
    return np.take_along_axis(columns, best, axis=1), np.take_along_axis(scores, best, axis=1)


def bin_numbers(p: np.ndarray, bins: int, *, binning: Binning = "equal_mass") -> np.ndarray:
    """Bin of each case (N,), 0 to bins - 1. Equal values share a bin, so the order of the cases
    does not matter.

    Raises:
        ValueError: fewer than one bin, an unknown binning.
    """
    if bins < 1 or binning not in ("equal_mass", "equal_width"):
        raise ValueError(
            f"bins={bins}, binning={binning!r}; use one or more, and 'equal_mass' or 'equal_width'."
        )
    if binning == "equal_mass":
        edges = np.sort(p)[np.arange(1, bins) * len(p) // bins]
    else:
        edges = np.linspace(0, 1, bins + 1)[1:-1]
    return np.searchsorted(edges, p, side="right")


def check_probabilities(y_true: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return int64 labels (N,) and float64 probabilities (N,), or say what is wrong with them.

    Raises:
        ValueError: no case, p outside [0, 1], labels other than 0 and 1, another length, NaN.
    """
    y_true, p = check_binary(y_true, p)
    if not len(p):
        raise ValueError("y_true is empty; at least one case is needed.")
    check_range(p)
    return y_true, p


def _probabilities(
    y_true: np.ndarray, y_score: np.ndarray, task: Task
) -> tuple[np.ndarray, np.ndarray]:
    """Labels 0/1 (N, num_classes) and scores that are probabilities; all NaN, with a warning, where
    they cannot be.
    """
    columns, scores = one_vs_rest(y_true, y_score, task)
    check_range(scores)
    if not sums_to_one(scores, task):
        warnings.warn(
            f"calibration undefined (NaN): {sums_in_words(scores)}", UserWarning, stacklevel=4
        )
        scores = np.full_like(scores, np.nan)
    return columns, scores


def sums_in_words(scores: np.ndarray) -> str:
    """Say what the rows add up to, and what to do about it."""
    sums = scores.sum(axis=1)
    return (
        f"the scores of a case add up to {sums.min():.4g} to {sums.max():.4g} instead of 1, so "
        "they are not probabilities of classes that exclude each other (sigmoids, one against the "
        "rest?); write the softmax of the logits, or one column y_true_<label> a label if several "
        "can be true."
    )


def check_range(scores: np.ndarray) -> None:
    """Check that scores are probabilities.

    Raises:
        ValueError: a score outside [0, 1].
    """
    if scores.size and (scores.min() < 0 or scores.max() > 1):
        raise ValueError(
            f"scores range from {scores.min():g} to {scores.max():g}; calibration needs "
            "probabilities in [0, 1]."
        )
