"""Populations of two classes with binormal scores: independent cases or patients, whose metrics are
known in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import norm

from medmonai import metrics
from medmonai.predictions import Predictions
from medmonai.task import Task

BINARY = Task("binary", 2)
NAMES = ("negative", "positive")
BINS, MAX_FPR = 15, 0.1  # what summarize_calibration and summarize_ranking use
BETWEEN_MODELS = 0.6  # correlation of two models' scores within a class


@dataclass(frozen=True)
class Binormal:
    """Scores N(0, 1) of negatives and N(shift, 1) of positives; each case is positive with the
    share of the class counts.

    With patients: one to five cases each, `within` of the scores' variance between patients, and
    one label a patient unless `mixed`. Sizes do not depend on scores or labels, so that the truth
    is that of independent cases.
    """

    positives: int
    negatives: int
    auc: float
    patients: int = 0
    mixed: bool = False
    within: float = 0.5

    @property
    def name(self) -> str:
        """Class counts, or patients, and AUC."""
        many = (
            f"{self.patients} patients" + (", mixed" if self.mixed else "") if self.patients else ""
        )
        return f"{many or f'{self.positives}/{self.negatives}'} {self.auc}"

    @property
    def n(self) -> int:
        """Cases; with patients their mean number."""
        return self.positives + self.negatives

    @property
    def share(self) -> float:
        """Share of positives in the population."""
        return self.positives / self.n

    @property
    def shift(self) -> float:
        """Distance of the two means."""
        return float(np.sqrt(2) * norm.ppf(self.auc))

    def draw(
        self, rng: np.random.Generator, models: int = 1
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Labels (N,), noise of each model's scores (N, models), and patients (N,) or None; both
        classes occur.
        """
        groups = (
            np.repeat(np.arange(self.patients), rng.integers(1, 6, self.patients))
            if self.patients
            else None
        )
        cases = self.n if groups is None else len(groups)
        shared = groups is not None and not self.mixed
        y_true = (rng.random(self.patients if shared else cases) < self.share).astype(int)
        y_true = y_true[groups] if shared else y_true
        if y_true.min() == y_true.max():
            return self.draw(rng, models)
        noise = correlated(rng, cases, models)
        if groups is not None:
            noise = (
                np.sqrt(self.within) * correlated(rng, self.patients, models)[groups]
                + np.sqrt(1 - self.within) * noise
            )
        return y_true, noise, groups

    def probabilities(
        self, y_true: np.ndarray, noise: np.ndarray, *, sharpness: float = 1.0
    ) -> np.ndarray:
        """Probabilities (N,) of class 1: calibrated; with a sharpness above 1 overconfident."""
        return expit(sharpness * self.log_odds(noise + self.shift * y_true))

    def table(self, rng: np.random.Generator, *, sharpness: float = 1.0) -> Predictions:
        """Draw a test set of one model."""
        y_true, noise, groups = self.draw(rng)
        return predictions(
            y_true, self.probabilities(y_true, noise[:, 0], sharpness=sharpness), groups
        )

    def log_odds(self, score: np.ndarray) -> np.ndarray:
        """Log of the true odds of class 1 given the score."""
        return logit(self.share) + self.shift * score - self.shift**2 / 2

    def score_at(self, p: float) -> float:
        """Score whose calibrated probability is p."""
        return float((logit(p) - logit(self.share) + self.shift**2 / 2) / self.shift)

    def counts(self, p: float) -> np.ndarray:
        """Confusion matrix of the population, in shares, positive above a calibrated probability of
        p.
        """
        cut = self.score_at(p)
        rows = np.array(
            [[norm.cdf(cut), norm.sf(cut)], [norm.cdf(cut - self.shift), norm.sf(cut - self.shift)]]
        )
        return rows * [[1 - self.share], [self.share]]

    def point(self, rule: str) -> metrics.OperatingPoint:
        """Operating point that a very large validation set would give."""
        cut = self.shift / 2 if rule == "youden" else norm.ppf(float(rule.partition("=")[2]))
        return metrics.OperatingPoint(
            (float(expit(self.log_odds(cut))),), rule, "validation", 10**6
        )


@dataclass(frozen=True)
class Grid:
    """Fine grid of scores with the mass of negatives and positives around each."""

    design: Binormal

    @cached_property
    def score(self) -> np.ndarray:
        """Scores (K,)."""
        return np.linspace(-10, self.design.shift + 10, 400_001)

    @cached_property
    def masses(self) -> tuple[np.ndarray, np.ndarray]:
        """Mass of the negatives and of the positives (K,)."""
        step = self.score[1] - self.score[0]
        share = self.design.share
        return (1 - share) * norm.pdf(self.score) * step, share * norm.pdf(
            self.score - self.design.shift
        ) * step


@cache
def decision_truth(design: Binormal, rule: str) -> dict[str, float]:
    """Metrics of the population's decisions at an operating point."""
    c = design.counts(design.point(rule).thresholds[0])
    found = {
        name: float(getattr(metrics, name)(c))
        for name in ("accuracy", "balanced_accuracy", "mcc", "cohen_kappa")
    }
    return found | {
        name: float(getattr(metrics, name)(c)[1])
        for name in ("recall", "specificity", "precision", "f1")
    }


@cache
def calibration_truth(design: Binormal, sharpness: float) -> dict[str, float]:
    """Brier score, NLL, ECE in bins of equal mass of the population, and the calibration error
    without bins.
    """
    grid = Grid(design)
    negative, positive = grid.masses
    p = expit(sharpness * design.log_odds(grid.score))
    gap = positive - p * (negative + positive)
    middle = np.cumsum(negative + positive) - (negative + positive) / 2
    bins = np.clip((middle * BINS).astype(int), 0, BINS - 1)
    log_odds = sharpness * design.log_odds(grid.score)
    return {
        "brier": float(negative @ p**2 + positive @ (1 - p) ** 2),
        "nll": float(negative @ np.logaddexp(0, log_odds) + positive @ np.logaddexp(0, -log_odds)),
        "ece": float(np.abs(np.bincount(bins, gap)).sum()),
        "calibration_error": float(np.abs(gap).sum()),
    }


@cache
def ranking_truth(design: Binormal) -> dict[str, float]:
    """Average precision and standardized partial AUC of the population."""
    grid = Grid(design)
    true = design.share * norm.sf(grid.score - design.shift)
    false = (1 - design.share) * norm.sf(grid.score)
    area = quad(lambda fpr: norm.cdf(design.shift + norm.ppf(fpr)), 0, MAX_FPR)[0]
    low = MAX_FPR**2 / 2
    precision = np.divide(true, true + false, out=np.ones_like(true), where=true + false > 0)
    return {
        "average_precision": float(grid.masses[1] @ precision / design.share),
        "partial_auc": (1 + (area - low) / (MAX_FPR - low)) / 2,
    }


def net_benefit_truth(design: Binormal, threshold: float) -> float:
    """Net benefit of acting above a calibrated probability."""
    (_, fp), (_, tp) = design.counts(threshold)
    return float(tp - fp * threshold / (1 - threshold))


def curve_truth(design: Binormal, curve: str, x: float) -> float:
    """Sensitivity at a 1 - specificity (``roc``), precision at a recall (``precision_recall``)."""
    if curve == "roc":
        return float(norm.cdf(design.shift + norm.ppf(x)))
    false = (1 - design.share) * norm.sf(design.shift - norm.ppf(x))
    return float(design.share * x / (design.share * x + false))


def predictions(y_true: np.ndarray, p: np.ndarray, groups: np.ndarray | None = None) -> Predictions:
    """Binary table of probabilities of class 1."""
    return Predictions(
        np.arange(len(p)), y_true, np.stack([1 - p, p], axis=1), BINARY, NAMES, groups
    )


def models_of(
    design: Binormal, aucs: tuple[float, ...], rng: np.random.Generator
) -> dict[str, Predictions]:
    """Tables of several models on the same cases, calibrated, with correlated scores: a, b, c."""
    y_true, noise, groups = design.draw(rng, len(aucs))
    designs = [replace(design, auc=auc) for auc in aucs]
    return {
        name: predictions(y_true, own.probabilities(y_true, column), groups)
        for name, own, column in zip("abc", designs, noise.T)
    }


def correlated(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Standard normal noise (rows, columns), the columns of a row correlated."""
    if columns == 1:
        return rng.normal(size=(rows, 1))
    own = rng.normal(size=(rows, columns))
    return np.sqrt(BETWEEN_MODELS) * rng.normal(size=(rows, 1)) + np.sqrt(1 - BETWEEN_MODELS) * own
