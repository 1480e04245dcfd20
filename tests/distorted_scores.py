"""Tables whose scores are too sure by a known factor, and the same tables as logits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import expit, softmax

from medmonai.predictions import Predictions
from medmonai.task import Task

KINDS = [("binary", 2), ("multiclass", 4), ("ordinal", 3), ("multilabel", 3)]


def distorted(kind, classes, n=4000, seed=0, factor=3.0, shift=2.0):
    """Scores whose logits are `factor` times too large, and for sigmoids `shift` too high."""
    task, rng = Task(kind, classes), np.random.default_rng(seed)
    if kind in ("multiclass", "ordinal"):
        z = rng.normal(size=(n, classes)) * 1.5
        y_true = (
            (rng.random((n, 1)) > softmax(z, axis=1).cumsum(axis=1))
            .sum(axis=1)
            .clip(max=classes - 1)
        )
        y_score = softmax(factor * z, axis=1)
    else:
        z = rng.normal(size=(n, task.num_outputs)) * 1.5 - 0.5
        y_true = (rng.random(z.shape) < expit(z)).astype(int)
        u = factor * z + shift
        y_score = np.hstack([expit(-u), expit(u)]) if kind == "binary" else expit(u)
        y_true = y_true[:, 0] if kind == "binary" else y_true
    return Predictions(np.arange(n), y_true, y_score, task, [f"class {c}" for c in range(classes)])


def as_logits(p):
    """The same table as another tool would write it, before sigmoid or softmax: of two outputs only
    the difference counts.
    """
    noise = np.random.default_rng(5).normal(size=(len(p), 1))
    z = (
        np.log(p.y_score) - np.log1p(-p.y_score)
        if p.task.kind == "multilabel"
        else np.log(p.y_score) + noise
    )
    return replace(p, y_score=z)
