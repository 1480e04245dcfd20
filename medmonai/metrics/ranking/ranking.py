"""Area under the ROC curve, in float64: one score column, one class against the rest, and the mean
over classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from medmonai.task import Task

from .midranks import midranks


def auc_score(y_true: np.ndarray, y_score: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a positive case scores higher than a negative one,
    ties counting half.

    With ranks R (ties averaged), m positives and n negatives: AUC = (sum of R over positives - m
    (m + 1) / 2) / (m n). MONAI's `compute_roc_auc` counts in the dtype of the labels and errs by
    3e-4 at a million float32 ones.

    Args:
        y_true: (N,) in {0, 1}.
        y_score: (N,) any real number, higher for the positive class.

    Returns:
        0 to 1; 0.5 is chance. NaN with a warning if a class is absent.

    Raises:
        ValueError: labels other than 0 and 1, another length, NaN scores.

    Example:
        >>> auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.75
    """
    y_true, y_score = check_binary(y_true, y_score)
    value = _rank_auc(y_true, y_score)
    if np.isnan(value):
        warn_undefined(
            [f"only class {int(y_true[0])} is present" if y_true.size else "there is no case"]
        )
    return value


def auc_scores(
    y_true: np.ndarray, y_score: np.ndarray, task: Task, *, class_names: Sequence[str] | None = None
) -> np.ndarray:
    """AUC of each class against the rest (multilabel: of each label).

    Args:
        y_true: labels of the task, (N,) or (N, L).
        y_score: (N, num_classes).
        task: what the labels mean.
        class_names: used in warnings; default the class numbers.

    Returns:
        (num_classes,) float64; NaN with a warning that names the class where all or none of the
        cases have it.

    Raises:
        ValueError: shapes or labels that do not fit the task, NaN scores.

    Example:
        >>> auc_scores([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], Task("binary", 2)).tolist()
        [1.0, 1.0]
    """
    columns, y_score = one_vs_rest(y_true, y_score, task)
    values = np.array([_rank_auc(*pair) for pair in zip(columns.T, y_score.T)])
    names = class_names or range(task.num_classes)
    warn_undefined(
        [
            f"class {name!r} has {int(column.sum())} of {len(column)} cases"
            for name, column, value in zip(names, columns.T, values)
            if np.isnan(value)
        ]
    )
    return values


def macro_auc_score(
    y_true: np.ndarray, y_score: np.ndarray, task: Task, *, class_names: Sequence[str] | None = None
) -> float:
    """Mean of `auc_scores` over the classes where it is defined; of a binary task the AUC of
    class 1.

    MedMNIST's and scikit-learn's means are undefined as soon as one class is absent; see
    `medmnist_auc` for theirs.

    Args:
        y_true: labels of the task, (N,) or (N, L).
        y_score: (N, num_classes).
        task: what the labels mean.
        class_names: used in warnings; default the class numbers.

    Returns:
        0 to 1; NaN with a warning if no class has both positive and negative cases.

    Raises:
        ValueError: shapes or labels that do not fit the task, NaN scores.

    Example:
        >>> macro_auc_score([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], Task("binary", 2))
        1.0
    """
    if task.kind == "binary":
        columns, y_score = one_vs_rest(y_true, y_score, task)
        return auc_score(columns[:, 1], y_score[:, 1])
    values = auc_scores(y_true, y_score, task, class_names=class_names)
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def roc_points(y_true: np.ndarray, y_score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the ROC curve: (1 - specificity, sensitivity), one point for each distinct score,
    from (0, 0) to (1, 1).

    Args:
        y_true: (N,) in {0, 1}.
        y_score: (N,) higher for the positive class.

    Returns:
        Two arrays of equal length, rising; both empty if a class is absent.

    Raises:
        ValueError: labels other than 0 and 1, another length, NaN scores.

    Example:
        >>> roc_points([0, 1], [0.2, 0.7])[1].tolist()
        [0.0, 1.0, 1.0]
    """
    y_true, y_score = check_binary(y_true, y_score)
    if y_true.size == 0 or y_true.min() == y_true.max():
        return np.empty(0), np.empty(0)
    order = np.argsort(-y_score, kind="stable")
    ranked = y_score[order]
    # the last case of each run of ties
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(order) - 1)
    positives = np.append(0, np.cumsum(y_true[order])[last])
    cases = np.append(0, last + 1)
    return (cases - positives) / (cases[-1] - positives[-1]), positives / positives[-1]


def check_binary(
    y_true: np.ndarray, y_score: np.ndarray, *, several: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return int64 labels (N,) and float64 scores (N,), or (N, K) where `several`, or say what is
    wrong with them.

    Raises:
        ValueError: labels other than 0 and 1, another length, NaN scores.
    """
    y_true = Task("binary", 2).check_labels(y_true, name="y_true")
    y_score = np.asarray(y_score, dtype=np.float64)
    if y_score.ndim != 1 + several or len(y_score) != len(y_true):
        wanted = (
            f"({len(y_true)}, K)"
            if several
            else f"({len(y_true)},), one column such as y_score[:, 1]"
        )
        raise ValueError(f"y_score has shape {y_score.shape}; {len(y_true)} labels need {wanted}.")
    if np.isnan(y_score).any():
        raise ValueError(
            f"y_score has {int(np.isnan(y_score).sum())} NaN; an AUC needs a number for every case."
        )
    return y_true, y_score


def one_vs_rest(
    y_true: np.ndarray, y_score: np.ndarray, task: Task
) -> tuple[np.ndarray, np.ndarray]:
    """Return 0/1 labels (N, num_classes), one column per class, and the scores in float64.

    Raises:
        ValueError: shapes or labels that do not fit the task, NaN scores.
    """
    labels = task.check_labels(y_true, name="y_true")
    y_score = np.asarray(y_score, dtype=np.float64)
    if y_score.shape != (len(labels), task.num_classes):
        raise ValueError(
            f"y_score has shape {y_score.shape}; {len(labels)} labels of a {task.kind} task need "
            f"({len(labels)}, {task.num_classes})."
        )
    if np.isnan(y_score).any():
        raise ValueError(
            f"y_score has {int(np.isnan(y_score).sum())} NaN; an AUC needs a number for every case."
        )
    return task.one_hot(labels), y_score


def warn_undefined(reasons: list[str]) -> None:
    """Warn once about all AUCs that are NaN, with the reasons."""
    if reasons:
        warnings.warn(f"AUC undefined (NaN): {', '.join(reasons)}.", UserWarning, stacklevel=3)


def _rank_auc(positive: np.ndarray, scores: np.ndarray) -> float:
    m = int(positive.sum())
    n = len(positive) - m
    if m == 0 or n == 0:
        return float("nan")
    # Ranks are multiples of 1/2 and their sum stays exact: the only rounding is that of the
    # division.
    above = midranks(scores)[positive == 1].sum() - m * (m + 1) / 2
    return float(above / (m * n))
