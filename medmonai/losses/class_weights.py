"""Weights that let every class count alike in a loss."""

from __future__ import annotations

import numpy as np

from medmonai.task import Task


def balanced_class_weights(labels: np.ndarray, task: Task) -> tuple[float, ...]:
    """Return n / (C n_c), one weight a class: rare classes count more, and the mean over the cases
    is 1.

    Args:
        labels: (N,) classes of the training cases.
        task: a binary, multiclass or ordinal task.

    Raises:
        ValueError: a multilabel task, labels outside the task, or a class without a case.

    Example:
        >>> balanced_class_weights(np.array([0, 0, 0, 1]), Task("binary", 2))
        (0.6666666666666666, 2.0)
    """
    if not task.exclusive:
        raise ValueError(
            "class_weights='balanced' needs classes that exclude each other; give a multilabel "
            "task one number a label."
        )
    labels = task.check_labels(labels)
    counts = np.bincount(labels, minlength=task.num_classes)
    if not counts.all():
        raise ValueError(
            f"class_weights='balanced' but class {int(counts.argmin())} has no case (counts: "
            f"{counts.tolist()}); give the weights as numbers."
        )
    return tuple((len(labels) / (task.num_classes * counts)).tolist())
