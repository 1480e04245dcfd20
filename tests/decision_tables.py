"""Tables whose decisions are known or drawn from a seed, and the entries of their decision
summaries.
"""

from __future__ import annotations

import json

import numpy as np

from medmonai.metrics import default_operating_point, summarize_decisions
from medmonai.predictions import Predictions
from medmonai.task import Task

KINDS = [("binary", 2), ("multiclass", 4), ("ordinal", 5), ("multilabel", 3)]


def drawn(kind, classes, n=300, seed=0, groups=None):
    task, rng = Task(kind, classes), np.random.default_rng(seed)
    y_true = rng.integers(
        0, 2 if kind == "multilabel" else classes, n if task.exclusive else (n, classes)
    )
    signal = np.eye(classes)[y_true] if task.exclusive else y_true
    y_score = rng.random((n, classes)) + 0.4 * signal
    y_score = y_score / (
        y_score.sum(axis=1, keepdims=True) if task.exclusive else y_score.max() / 1.0
    )
    return Predictions(
        np.arange(n), y_true, y_score, task, [f"class {c}" for c in range(classes)], groups
    )


def decided(y_true, y_pred, classes=2, groups=None):
    """A table whose default decisions are `y_pred`."""
    task = Task("binary" if classes == 2 else "multiclass", classes)
    return Predictions(
        np.arange(len(y_true)),
        y_true,
        np.eye(classes)[y_pred],
        task,
        [f"c{c}" for c in range(classes)],
        groups,
    )


def summary(p, **options):
    found = summarize_decisions(p, default_operating_point(p.task), **options)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def entries(found):
    yield from found["overall"].items()
    for own in found["per_class"].values():
        yield from ((name, value) for name, value in own.items() if name != "support")
