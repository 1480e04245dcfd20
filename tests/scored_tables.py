"""Predictions tables of every kind of task, drawn from a seed, with scores that carry signal."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, softmax

from medmonai.predictions import Predictions
from medmonai.task import Task

TASKS = {
    "binary": Task("binary", 2),
    "multiclass": Task("multiclass", 9),
    "eleven": Task("multiclass", 11),
    "multilabel": Task("multilabel", 14),
    "ordinal": Task("ordinal", 5),
}


def scored(
    kind: str,
    n: int = 300,
    *,
    seed: int = 0,
    split: str = "test",
    groups: bool = False,
    signal: float = 1.5,
) -> Predictions:
    """Draw a table: every class occurs, higher scores where the label says so."""
    task, rng = TASKS[kind], np.random.default_rng([seed, len(split)])
    names = tuple(f"class {c}" for c in range(task.num_classes))
    if task.kind == "multilabel":
        y_true = (rng.random((n, task.num_classes)) < 0.25).astype(int)
        y_true[:2] = [[0], [1]]
        y_score = expit(rng.normal(size=y_true.shape) + signal * (2 * y_true - 1))
    else:
        y_true = rng.permutation(np.arange(n) % task.num_classes)
        hot = np.eye(task.num_classes)[y_true]
        y_score = softmax(rng.normal(size=hot.shape) + signal * hot, axis=1)
    ids = [f"{split}-{i:06d}" for i in range(n)]
    return Predictions(
        ids,
        y_true,
        y_score,
        task,
        names,
        [f"{split} patient {i // 3}" for i in range(n)] if groups else None,
    )
