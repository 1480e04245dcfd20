"""How a report writes numbers, intervals, names of metrics and the positive class."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

UNDEFINED = "undefined"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with that many decimals; "undefined" for None and NaN."""
    return UNDEFINED if value is None or math.isnan(value) else f"{value:.{digits}f}"


def p_number(value: float | None) -> str:
    """Return a p value as journals print it."""
    return "<0.001" if value is not None and value < 0.001 else number(value)


def interval(metric: Mapping[str, Any], digits: int = 3) -> str:
    """Return "estimate (low to high)" with its flags. Without an estimate: "undefined", or
    "withheld" with the reason.
    """
    flags = ", ".join(flag.replace("_", " ") for flag in metric.get("flags") or ())
    if metric.get("estimate") is None:
        return f"withheld [{flags}]" if metric.get("method") == "withheld" else UNDEFINED
    text = number(metric["estimate"], digits)
    if metric.get("low") is not None:
        text += f" ({number(metric['low'], digits)} to {number(metric['high'], digits)})"
    return f"{text} [{flags}]" if flags else text


def words(name: str) -> str:
    """Return a metric's name in words: "mcc" -> "MCC", "balanced_accuracy" -> "balanced
    accuracy".
    """
    known = {
        "mcc": "MCC",
        "f1": "F1",
        "ece": "ECE",
        "nll": "NLL",
        "auc": "AUC",
        "cohen_kappa": "Cohen's kappa",
        "brier": "Brier score",
        "macro_f1": "macro F1",
        "micro_f1": "micro F1",
        "weighted_f1": "weighted F1",
    }
    return known.get(name, name.replace("_", " "))


def method_words(method: str) -> str:
    """Return the name of a method as papers spell it: "bca_bootstrap" -> "BCa bootstrap"."""
    spelled = {
        "bca": "BCa",
        "delong": "DeLong",
        "delong's": "DeLong's",
        "wilson": "Wilson",
        "wald": "Wald",
        "mcnemar": "McNemar",
        "clopper": "Clopper",
        "pearson": "Pearson",
    }
    return " ".join(spelled.get(word, word) for word in method.replace("_", " ").split())


def rule_words(rule: str) -> str:
    """Return how an operating point was chosen, in words: "youden" -> "Youden index"."""
    known = {"youden": "Youden index", "f1": "highest F1", "argmax": "highest score"}
    return known.get(rule, f"threshold {rule}" if rule == "0.5" else rule.replace("=", " "))


def positive_class(split: Mapping[str, Any]) -> str | None:
    """Return the positive class of a split's metrics; None if the task is not binary."""
    return list(split["class_counts"])[1] if split["task"] == "binary" else None


def of_class(split: Mapping[str, Any]) -> str:
    """Return " of NAME" with the positive class, to follow the name of a metric; "" if the task is
    not binary.
    """
    name = positive_class(split)
    return "" if name is None else f" of {name}"


def about_class(split: Mapping[str, Any]) -> str:
    """Return sentences that name the positive class; "" if the task is not binary."""
    name = positive_class(split)
    return (
        ""
        if name is None
        else (
            f"Positive class: {name}. AUC, recall (sensitivity), specificity and thresholds refer "
            "to it."
        )
    )


def chosen_decisions(split: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the decisions at the locked operating point, else at the default one; None without
    decisions.
    """
    return split["decisions"].get("locked") or split["decisions"].get("default")


def chosen_where(point: Mapping[str, Any]) -> str:
    """Return on which cases an operating point was chosen, in words."""
    return "validation" if point["chosen_on"] == "validation" else "adaptation cases of a site"


def below_chance(split: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence if a binary table clearly ranks the cases the wrong way round: its columns
    may be swapped.
    """
    high = split["auc"]["high"]
    if split["task"] == "binary" and high is not None and high < 0.5:
        negative, positive = split["class_counts"]
        yield (
            f"the AUC is below chance. Check that label 0 is {negative} and label 1 is {positive}, "
            "as the order of the score columns says."
        )
