"""Scores with a known AUC: of independent cases in several shapes, and of cases that come in
patients.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

SHAPES = ("wide_positives", "exponential", "missed_positives")
# patients, mean cases a patient, share of positives, share of variance between patients, labels
# differ within a patient
CLUSTERS = (
    (40, 3, 0.2, 0.5, False),
    (100, 3, 0.2, 0.5, False),
    (100, 3, 0.2, 0.9, False),
    (100, 3, 0.2, 0.5, True),
)


def draw(
    shape: str, m: int, n: int, auc: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of m positives and n negatives; the model's true AUC is `auc`."""
    x = rng.normal(size=m)
    y = rng.normal(size=n)
    if shape == "binormal":
        x += np.sqrt(2) * norm.ppf(auc)
    elif shape == "wide_positives":  # standard deviation 1.5
        x = 1.5 * x + np.sqrt(3.25) * norm.ppf(auc)
    elif shape == "exponential":
        x = rng.exponential(auc / (1 - auc), m)
        y = rng.exponential(1, n)
    else:  # some positives score like negatives, the others far above
        x += np.where(rng.random(m) < 2 * (1 - auc), 0, 10)
    return np.repeat([1, 0], [m, n]), np.r_[x, y]


def draw_clusters(
    spec: tuple, auc: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores and patients: binormal scores with a random effect of the patient."""
    count, size, share, rho, mixed = spec
    groups = np.repeat(np.arange(count), rng.integers(1, 2 * size, count))
    y_true = (rng.random(len(groups) if mixed else count) < share).astype(int)
    y_true = y_true if mixed else y_true[groups]
    noise = np.sqrt(rho) * rng.normal(size=count)[groups] + np.sqrt(1 - rho) * rng.normal(
        size=len(groups)
    )
    return y_true, noise + y_true * np.sqrt(2) * norm.ppf(auc), groups
