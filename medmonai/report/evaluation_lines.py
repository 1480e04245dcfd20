"""What the command line says of an evaluation when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .evaluation import NOT_CLINICAL, Evaluation
from .tables import chosen_decisions, interval, method_words, positive_class


def describe_evaluation(evaluation: Evaluation, output: str | Path) -> str:
    """Return the lines that end an evaluation: AUC, the decision that counts, where everything
    lies.
    """
    metrics = evaluation.metrics
    auc = metrics["auc"]
    name = positive_class(metrics)
    about = f", positive class: {name}" if name else ""
    lines = [
        f"AUC {interval(auc, 4)} ({method_words(auc['method'])}, n = {metrics['n']}{about})",
        *_below_chance(metrics),
    ]
    chosen = chosen_decisions(metrics)
    lines += _decided(chosen) if chosen else []
    lines += [f"results: {output} (metrics.json, metrics.csv, figures/)", NOT_CLINICAL]
    return "\n".join(lines)


def _decided(chosen: Mapping[str, Any]) -> list[str]:
    """Return a line for each kind of accuracy at the operating point that counts."""
    point = chosen["operating_point"]
    overall = chosen["overall"]
    where = f"chosen on {point['n']} validation cases" if point["n"] else "not chosen on validation"
    return [
        f"  {name.replace('_', ' ')} {interval(overall[name])} at {point['rule']} ({where})"
        for name in ("balanced_accuracy", "accuracy", "macro_balanced_accuracy", "label_accuracy")
        if name in overall
    ]


def _below_chance(metrics: Mapping[str, Any]) -> list[str]:
    """Return a line if a binary table ranks the cases clearly the wrong way round; its columns may
    be.
    """
    high = metrics["auc"]["high"]
    if metrics["task"] != "binary" or high is None or high >= 0.5:
        return []
    negative, positive = metrics["class_counts"]
    return [
        (
            f"  below chance: is label 0 {negative} and label 1 {positive}, as the order of the "
            "score columns says?"
        )
    ]
