"""DeLong's variance and covariance of AUCs, through the influence of each case; O(N log N)."""

from __future__ import annotations

import numpy as np

from medmonai.task import Task

from .midranks import midranks
from .ranking import check_binary, one_vs_rest


def auc_influence(y_true: np.ndarray, y_scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUCs of K score columns and the influence of each case on them.

    With m positives, n negatives, V_i the share of negatives that positive i outranks (ties half),
    and W_j the share of positives that outrank negative j, the influence is (V_i - A) / sqrt(m (m -
    1)) or (W_j - A) / sqrt(n (n - 1)). Products of two columns, summed over cases, are DeLong's
    covariance exactly. Influences that are first summed by patient, or averaged over classes, give
    the variance for dependent cases, or of a macro AUC.

    Shares come from ranks (Sun & Xu 2014, doi:10.1109/LSP.2014.2337313): V_i = (rank in all - rank
    in positives) / n.

    Args:
        y_true: (N,) in {0, 1}.
        y_scores: (N, K) higher for the positive class.

    Returns:
        AUCs (K,) and influences (N, K). NaN AUCs where a class is absent; NaN influences of a class
        with a single case.

    Raises:
        ValueError: labels other than 0 and 1, another length, NaN scores.
    """
    y_true, y_scores = check_binary(y_true, y_scores, several=True)
    positive = y_true == 1
    m = int(positive.sum())
    n = int((~positive).sum())
    influence = np.full(y_scores.shape, np.nan)
    if m == 0 or n == 0:
        return np.full(y_scores.shape[1], np.nan), influence
    ranks = midranks(y_scores)
    v = (ranks[positive] - midranks(y_scores[positive])) / n
    w = 1 - (ranks[~positive] - midranks(y_scores[~positive])) / m
    aucs = (ranks[positive].sum(axis=0) - m * (m + 1) / 2) / (m * n)
    if m > 1:
        influence[positive] = (v - aucs) / np.sqrt(m * (m - 1))
    if n > 1:
        influence[~positive] = (w - aucs) / np.sqrt(n * (n - 1))
    return aucs, influence


def class_auc_influence(
    y_true: np.ndarray, y_score: np.ndarray, task: Task
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One-vs-rest AUCs of the classes that have one, the influence of each case on each, and the
    numbers of these classes.

    Classes without positive or without negative cases are left out; of a binary task only class 1
    counts.

    Args:
        y_true: labels of the task, (N,) or (N, L).
        y_score: (N, num_classes).
        task: what the labels mean.

    Returns:
        AUCs (D,), influences (N, D), class numbers (D,).

    Raises:
        ValueError: shapes or labels that do not fit the task, NaN scores.
    """
    columns, y_score = one_vs_rest(y_true, y_score, task)
    positives = columns.sum(axis=0)
    defined = np.flatnonzero((positives > 0) & (positives < len(columns)))
    if task.kind == "binary":
        defined = defined[defined == 1]
    parts = [auc_influence(columns[:, c], y_score[:, c : c + 1]) for c in defined]
    aucs = np.concatenate([np.empty(0), *(part[0] for part in parts)])
    return aucs, np.hstack([np.empty((len(columns), 0)), *(part[1] for part in parts)]), defined


def macro_auc_influence(
    y_true: np.ndarray, y_score: np.ndarray, task: Task
) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean of the one-vs-rest AUCs, the influence of each case on it, and the classes it is the
    mean of.

    The influence on the mean is the mean of the influences on the AUCs, so that the sum of its
    squares holds the covariance between the classes, which share all cases. Arguments and errors as
    in `class_auc_influence`.

    Returns:
        The mean (NaN if no class is left), influences (N,) and class numbers.
    """
    aucs, influences, defined = class_auc_influence(y_true, y_score, task)
    if not defined.size:
        return float("nan"), np.full(len(influences), np.nan), defined
    return float(np.mean(aucs)), influences.mean(axis=1), defined


def influence_freedom(influence: np.ndarray) -> float:
    """Degrees of freedom of a variance that is the sum of G squared influences: df = 2 v^2 / (sum
    u^4 - v^2 / G).

    Satterthwaite's rule: a chi-square with df degrees has the relative variance 2 / df, and that of
    v = sum u^2 is estimated from the u^2 themselves. Equal to G for normal influences; far lower
    where a few cases make the variance, as the few misranked ones do at a high AUC. Never above
    G - 1.

    Args:
        influence: (G,) one value a case, or a group (`resampling.by_group`); not all zero.

    Returns:
        1 or more; 2 or more from three groups on.
    """
    squares = influence**2
    spread = np.sum(squares**2) - squares.sum() ** 2 / len(squares)
    most = max(len(squares) - 1.0, 1.0)
    return float(min(2 * squares.sum() ** 2 / spread, most)) if spread > 0 else most


def delong_covariance(y_true: np.ndarray, y_scores: np.ndarray) -> np.ndarray:
    """Covariance (K, K) of the AUCs of K score columns on the same cases.

    Args:
        y_true: (N,) in {0, 1}.
        y_scores: (N, K) higher for the positive class.

    Returns:
        The covariance; NaN where a class has fewer than two cases.

    Raises:
        ValueError: labels other than 0 and 1, another length, NaN scores.

    References:
        DeLong, DeLong & Clarke-Pearson, Biometrics 44:837 (1988), doi:10.2307/2531595.
    """
    influence = auc_influence(y_true, y_scores)[1]
    return influence.T @ influence


def delong_variance(y_true: np.ndarray, y_score: np.ndarray) -> float:
    """Variance of the AUC of one score column (N,): `delong_covariance` with K = 1.

    Raises:
        ValueError: labels other than 0 and 1, another length, NaN scores.

    Example:
        >>> round(delong_variance([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 12)
        0.125
    """
    return float(delong_covariance(y_true, np.reshape(y_score, (-1, 1)))[0, 0])
