"""MedMNIST's official AUC and ACC, value for value, so that results stand beside the published
tables.
"""

from __future__ import annotations

import numpy as np

from medmonai.task import Task

from .ranking import auc_score, auc_scores, one_vs_rest


def medmnist_auc(y_true: np.ndarray, y_score: np.ndarray, task: Task) -> float:
    """AUC as `medmnist.evaluator.getAUC` computes it: binary on the last column, else the mean over
    all columns.

    Unlike `macro_auc_score` it is NaN (with a warning) as soon as one class is absent.

    Raises:
        ValueError: shapes or labels that do not fit the task, NaN scores.

    Example:
        >>> medmnist_auc([0, 1], [[0.9, 0.1], [0.4, 0.6]], Task("binary", 2))
        1.0
    """
    columns, y_score = one_vs_rest(y_true, y_score, task)
    if task.kind == "binary":
        return auc_score(columns[:, 1], y_score[:, 1])
    return float(sum(auc_scores(y_true, y_score, task)) / task.num_classes)


def medmnist_acc(y_true: np.ndarray, y_score: np.ndarray, task: Task) -> float:
    """Accuracy as `medmnist.evaluator.getACC` computes it.

    Binary: last column above 0.5. Multiclass and ordinal: highest column. Multilabel: mean over
    labels of the share of cases whose score is on the right side of 0.5 (not the share of cases
    with all labels right).

    Raises:
        ValueError: shapes or labels that do not fit the task, NaN scores.

    Example:
        >>> medmnist_acc([0, 1], [[0.9, 0.1], [0.6, 0.4]], Task("binary", 2))
        0.5
    """
    columns, y_score = one_vs_rest(y_true, y_score, task)
    if task.kind == "multilabel":
        right = (y_score > 0.5) == columns
        return float(sum(right.mean(axis=0)) / task.num_classes)
    best = y_score[:, 1] > 0.5 if task.kind == "binary" else y_score.argmax(axis=1)
    return float(np.mean(best == columns.argmax(axis=1)))
