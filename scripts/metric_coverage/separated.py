"""Populations whose classes lie so far apart that a test set often has no mistake in some of
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import softmax
from scipy.stats import norm

from medmonai.metrics import macro_auc_score
from medmonai.metrics.decisions import METRICS
from medmonai.predictions import Predictions
from medmonai.task import Task

GRID = np.linspace(-9, 15, 24_001)


@dataclass(frozen=True)
class Separated:
    """Normal scores, one column per class; column c of a case of class c is shifted by `shifts[c]`.
    The highest decides.

    `counts` are the expected cases of each class; each case is of a class drawn with that share.
    """

    counts: tuple[int, ...]
    shifts: tuple[float, ...]

    @property
    def name(self) -> str:
        """Cases and shifts of the classes."""
        return f"{'/'.join(map(str, self.counts))} shifted {'/'.join(map(str, self.shifts))}"

    @property
    def task(self) -> Task:
        """Task of the tables."""
        return Task("binary" if len(self.counts) == 2 else "multiclass", len(self.counts))

    def draw(self, rng: np.random.Generator, n: int | None = None) -> Predictions:
        """Draw a test set (or n cases)."""
        size = len(self.counts)
        cases = n or sum(self.counts)
        y_true = rng.choice(size, size=cases, p=np.array(self.counts) / sum(self.counts))
        score = rng.normal(size=(cases, size))
        score[np.arange(cases), y_true] += np.array(self.shifts)[y_true]
        return Predictions(
            np.arange(cases),
            y_true,
            softmax(score, axis=1),
            self.task,
            tuple(map(str, range(size))),
        )


@cache
def separated_truth(design: Separated) -> dict[str, float]:
    """Metrics of the decisions of the population, from its confusion matrix."""
    size = len(design.counts)
    expected = np.zeros((size, size))
    for true, shift in enumerate(design.shifts):
        means = shift * np.eye(size)[true]
        density = norm.pdf(GRID[:, None] - means)
        below = norm.cdf(GRID[:, None] - means)
        for decided in range(size):
            highest = density[:, decided] * np.delete(below, decided, axis=1).prod(axis=1)
            expected[true, decided] = design.counts[true] * np.trapezoid(highest, GRID)
    return {name: float(metric(expected)) for name, metric in METRICS[design.task.kind].items()}


@cache
def separated_auc(design: Separated, cases: int = 2_000_000) -> float:
    """Mean AUC of each class against the rest, of the softmax of the scores: from a table of very
    many cases.
    """
    table = design.draw(np.random.default_rng(2024), cases)
    return macro_auc_score(table.y_true, table.y_score, design.task)
