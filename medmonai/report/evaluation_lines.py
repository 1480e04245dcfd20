"""What the command line prints when an evaluation is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .evaluation import NOT_CLINICAL, Evaluation
from .shift_section import shift_lines
from .wording import below_chance, chosen_decisions, interval, method_words, positive_class


def describe_evaluation(evaluation: Evaluation, output: str | Path) -> str:
    """Return the lines that end an evaluation: AUC, accuracy at the operating point, where the
    results are.
    """
    metrics = evaluation.metrics
    auc = metrics["auc"]
    name = positive_class(metrics)
    about = f", positive class: {name}" if name else ""
    lines = [
        f"AUC {interval(auc, 4)} ({method_words(auc['method'])}, n = {metrics['n']}{about})",
        *(f"  {question}" for question in below_chance(metrics)),
    ]
    chosen = chosen_decisions(metrics)
    lines += _decided(chosen) if chosen else []
    lines += shift_lines(metrics) if "shift" in metrics else []
    lines += [f"results: {output} (metrics.json, metrics.csv, figures/)", NOT_CLINICAL]
    return "\n".join(lines)


def _decided(chosen: Mapping[str, Any]) -> list[str]:
    """Return a line for each kind of accuracy at the operating point."""
    point = chosen["operating_point"]
    overall = chosen["overall"]
    where = f"chosen on {point['n']} {point['chosen_on']} cases" if point["n"] else "not chosen"
    return [
        f"  {name.replace('_', ' ')} {interval(overall[name])} at {point['rule']} ({where})"
        for name in ("balanced_accuracy", "accuracy", "macro_balanced_accuracy", "label_accuracy")
        if name in overall
    ]
