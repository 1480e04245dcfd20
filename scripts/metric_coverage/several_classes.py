"""Populations of more classes, grades or labels, whose metrics are known from a table of 2,000,000
cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import expit, logit, softmax
from scipy.stats import norm

from medmonai import metrics
from medmonai.predictions import Predictions
from medmonai.task import Task

from .populations import MAX_FPR, correlated

TABLE = 2_000_000


@dataclass(frozen=True)
class Several:
    """A task of more classes, grades or labels: normal scores around each class, overconfident
    Bayes probabilities.

    `counts` are cases of each class (of each label) of `n`; `distance` lies between the means of
    classes.
    """

    kind: str
    counts: tuple[int, ...]
    n: int
    distance: float
    sharpness: float = 1.5

    @property
    def name(self) -> str:
        """Kind, number of classes and cases."""
        return f"{self.kind} {len(self.counts)} x {self.n}"

    @property
    def task(self) -> Task:
        """Task of the tables."""
        return Task(self.kind, len(self.counts))

    @property
    def rarest(self) -> str:
        """Name of the class with fewest cases."""
        return str(int(np.argmin(self.counts)))

    def draw(self, rng: np.random.Generator, n: int | None = None) -> Predictions:
        """Draw a test set (or n cases)."""
        cases = n or self.n
        size = len(self.counts)
        d = self.distance
        share = np.array(self.counts) / self.n
        if self.kind == "multilabel":  # labels, and scores, of a case go together
            y_true = (
                np.sqrt(0.3) * rng.normal(size=(cases, 1))
                + np.sqrt(0.7) * rng.normal(size=(cases, size))
                < norm.ppf(share)
            ).astype(int)
            score = correlated(rng, cases, size) + d * y_true
            p = expit(self.sharpness * (logit(share) + d * score - d**2 / 2))
        else:
            y_true = rng.choice(size, size=cases, p=share)
            if self.kind == "ordinal":
                score = rng.normal(size=(cases, 1)) + d * y_true[:, None]
                log_p = -((score - d * np.arange(size)) ** 2) / 2
            else:
                score = rng.normal(size=(cases, size))
                score[np.arange(cases), y_true] += d
                log_p = d * score
            p = softmax(self.sharpness * (np.log(share) + log_p), axis=1)
        return Predictions(np.arange(cases), y_true, p, self.task, tuple(map(str, range(size))))


@cache
def several_truth(design: Several, cases: int = TABLE) -> dict[str, dict]:
    """Metrics of a very large table: what `summarize_decisions` calls overall and the rarest class,
    and all others.
    """
    table = design.draw(np.random.default_rng(2024), cases)
    task = design.task
    y = table.y_true
    p = table.y_score
    decided = metrics.summarize_decisions(
        table, metrics.default_operating_point(task), repetitions=2
    )
    columns = y if design.kind == "multilabel" else y[:, None] == np.arange(task.num_classes)
    pairs = [(column.astype(int), score) for column, score in zip(columns.T, p.T)]
    found = {
        "brier": metrics.brier_score_loss(y, p, task),
        "nll": metrics.negative_log_likelihood(y, p, task),
        "ece": metrics.expected_calibration_error(y, p, task),
        "average_precision": float(
            np.mean([metrics.average_precision_score(*pair) for pair in pairs])
        ),
        "partial_auc": float(
            np.mean([metrics.partial_auc_score(*pair, max_fpr=MAX_FPR) for pair in pairs])
        ),
        "macro_auc": metrics.macro_auc_score(y, p, task),
    }
    if design.kind != "multilabel":
        found["classwise_ece"] = metrics.expected_calibration_error(y, p, task, average="classwise")
    parts = {"overall": decided["overall"], "rarest class": decided["per_class"][design.rarest]}
    return {
        part: {metric: value["estimate"] for metric, value in values.items() if metric != "support"}
        for part, values in parts.items()
    } | {"scores": found}
