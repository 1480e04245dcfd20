"""What is measured on one data set: every interval that the package prints, beside the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from medmonai import metrics
from medmonai.metrics.decisions import MEANS
from medmonai.metrics.ranking import resampled_curves

from . import populations as binary
from .populations import Binormal
from .separated import Separated, separated_auc, separated_truth
from .several_classes import Several, several_truth

Found = tuple[str, str, float | None, dict]  # variant, metric, truth, entry as in metrics.json
RULES = ("youden", "specificity=0.95")
SHARPNESS = {"calibrated": 1.0, "overconfident": 2.0}
THRESHOLDS = (0.1, 0.3, 0.5, 0.7)  # of net benefit
CURVES = {"roc": (0.05, 0.1, 0.2, 0.4), "precision_recall": (0.2, 0.5, 0.8)}  # abscissae
ARMS = {"equal": (0.9, 0.9, 0.9), "one_better": (0.95, 0.9, 0.9)}  # true AUCs of a, b, c
COMPARED = ("auc", "accuracy", "balanced_accuracy", "f1")
SHARES = ("accuracy", "recall", "specificity", "precision")


def decisions(design: Binormal, rng: np.random.Generator, seed: int) -> Iterator[Found]:
    """Metrics at two locked thresholds; with patients also the Wilson interval that ignores
    them.
    """
    table = design.table(rng)
    for rule in RULES:
        truth = binary.decision_truth(design, rule)
        point = design.point(rule)
        for name, entry in metrics.summarize_decisions(table, point, seed=seed)["overall"].items():
            yield rule, name, truth[name], entry
        if table.groups is not None:
            alone = metrics.summarize_decisions(
                replace(table, groups=None), point, seed=seed, repetitions=2
            )["overall"]
            yield from (
                (rule, f"{name} without groups", truth[name], alone[name]) for name in SHARES
            )


def calibration(design: Binormal, rng: np.random.Generator, seed: int) -> Iterator[Found]:
    """Brier score, NLL and ECE; the interval of the ECE also against the error without bins."""
    y_true, noise, groups = design.draw(rng)
    for variant, sharpness in SHARPNESS.items():
        p = design.probabilities(y_true, noise[:, 0], sharpness=sharpness)
        found = metrics.summarize_calibration(
            binary.predictions(y_true, p, groups), bins=binary.BINS, seed=seed
        )
        for name, truth in binary.calibration_truth(design, sharpness).items():
            yield variant, name, truth, found["ece" if name == "calibration_error" else name]


def ranking(design: Binormal, rng: np.random.Generator, seed: int) -> Iterator[Found]:
    """Average precision and partial AUC."""
    found = metrics.summarize_ranking(design.table(rng), max_fpr=binary.MAX_FPR)["overall"]
    yield from (
        ("", name, truth, found[name]) for name, truth in binary.ranking_truth(design).items()
    )


def net_benefit(design: Binormal, rng: np.random.Generator, seed: int) -> Iterator[Found]:
    """Net benefit at four thresholds of a calibrated model."""
    table = design.table(rng)
    curve = metrics.decision_curve(
        table.y_true, table.positive_scores, THRESHOLDS, groups=table.groups
    )
    for threshold, *values in zip(THRESHOLDS, curve.model, curve.low, curve.high):
        entry = dict(zip(("estimate", "low", "high"), map(float, values)), method="normal")
        yield (
            f"threshold {threshold}",
            "net_benefit",
            binary.net_benefit_truth(design, threshold),
            entry,
        )


def curves(design: Binormal, rng: np.random.Generator, seed: int) -> Iterator[Found]:
    """Bands of the ROC and precision-recall curves, at some abscissae."""
    table = design.table(rng)
    y_true = table.y_true
    score = table.positive_scores
    thresholds = resampled_curves.curve_thresholds(y_true, score)
    counts = resampled_curves.resampled_counts(
        y_true, score, thresholds, groups=table.groups, seed=seed
    )
    bands = {
        "roc": resampled_curves.roc_band(counts),
        "precision_recall": resampled_curves.precision_recall_band(counts),
    }
    for curve, places in CURVES.items():
        for x in places:
            low, high = (
                float(end[np.argmin(np.abs(resampled_curves.GRID - x))]) for end in bands[curve]
            )
            entry = {"estimate": None, "low": low, "high": high, "method": "percentile_bootstrap"}
            yield f"at {x}", f"{curve}_band", binary.curve_truth(design, curve, x), entry


def several(design: Several, rng: np.random.Generator, seed: int) -> Iterator[Found]:
    """Everything of a table of more classes, grades or labels: means over them, and the rarest
    one.
    """
    table = design.draw(rng)
    truth = several_truth(design)
    found = metrics.summarize_decisions(
        table, metrics.default_operating_point(design.task), seed=seed
    )
    for variant, part in (
        ("overall", found["overall"]),
        ("rarest class", found["per_class"][design.rarest]),
    ):
        yield from ((variant, name, value, part[name]) for name, value in truth[variant].items())
    scores = metrics.summarize_calibration(table, bins=binary.BINS, seed=seed)
    scores |= metrics.summarize_ranking(table, max_fpr=binary.MAX_FPR)["overall"]
    interval = metrics.macro_auc_interval(table.y_true, table.y_score, design.task)
    scores["macro_auc"] = {
        name: getattr(interval, name) for name in ("estimate", "low", "high", "method")
    }
    yield from (("overall", name, value, scores[name]) for name, value in truth["scores"].items())


def separated(design: Separated, rng: np.random.Generator, seed: int) -> Iterator[Found]:
    """Means over classes of which some have no mistake in many tables; ``flags`` say in which."""
    table = design.draw(rng)
    truth = separated_truth(design)
    found = metrics.summarize_decisions(
        table, metrics.default_operating_point(design.task), seed=seed
    )["overall"]
    for name in MEANS[design.task.kind]:
        yield "", name, truth[name], {"flags": ()} | found[name]
    if design.task.kind != "binary":
        interval = metrics.macro_auc_interval(table.y_true, table.y_score, design.task)
        entry = {
            name: getattr(interval, name) for name in ("estimate", "low", "high", "method", "flags")
        }
        yield "", "macro_auc", separated_auc(design), entry


def comparison(design: Binormal, rng: np.random.Generator, seed: int) -> Iterator[Found]:
    """Three models on the same cases: the difference of a and b, and whether any true null was
    refused after Holm.
    """
    for variant, aucs in ARMS.items():
        tables = binary.models_of(design, aucs, rng)
        designs = [replace(design, auc=auc) for auc in aucs]
        points = {name: own.point("youden") for name, own in zip(tables, designs)}
        for metric in COMPARED:
            truths = (
                aucs
                if metric == "auc"
                else [binary.decision_truth(own, "youden")[metric] for own in designs]
            )
            pairs = metrics.compare_tables(tables, metric=metric, points=points, seed=seed)
            yield variant, metric, truths[0] - truths[1], _paired(pairs[0])
            null = [pair for pair, (a, b) in zip(pairs, combinations(truths, 2)) if a == b]
            wrong = any(pair.verdict != "not distinguishable" for pair in null)
            yield variant, f"{metric}, family", None, {"method": "holm", "rejected": wrong}


def comparison_of_losses(design: Binormal, rng: np.random.Generator, seed: int) -> Iterator[Found]:
    """A metric given as a function (minus the Brier score), by the bootstrap that draws cases."""
    for variant, aucs in ARMS.items():
        tables = binary.models_of(design, aucs[:2], rng)
        a, b = (
            binary.calibration_truth(replace(design, auc=auc), 1.0)["brier"] for auc in aucs[:2]
        )
        (pair,) = metrics.compare_tables(tables, metric=_minus_brier, seed=seed)
        yield variant, "minus_brier", b - a, _paired(pair)


def _minus_brier(y_true: np.ndarray, y_score: np.ndarray) -> float:
    return -float(np.mean((y_score[:, 1] - y_true) ** 2))


def _paired(pair: metrics.Comparison) -> dict:
    return {
        "estimate": pair.difference,
        "low": pair.low,
        "high": pair.high,
        "method": pair.method,
        "rejected": pair.p_value is not None and pair.p_value < pair.alpha,
    }


MEASURES: dict[str, Callable[..., Iterator[Found]]] = {
    "decisions": decisions,
    "calibration": calibration,
    "ranking": ranking,
    "net_benefit": net_benefit,
    "curves": curves,
    "several": several,
    "separated": separated,
    "comparison": comparison,
    "comparison_of_losses": comparison_of_losses,
}
