"""Normal scores of two classes with a known AUC, and the task of three classes."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from medmonai.task import Task

THREE = Task("multiclass", 3)


def binormal(m, n, auc, rng):
    """Scores of m positives and n negatives whose true AUC is `auc`."""
    y_true = np.repeat([1, 0], [m, n])
    return y_true, rng.normal(size=m + n) + y_true * np.sqrt(2) * norm.ppf(auc)
