"""The numbers of one predictions table, as a dictionary that goes into metrics.json."""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict
from typing import Any

import numpy as np

from medmonai.metrics.resampling import entry, wilson
from medmonai.predictions import Predictions

from .intervals import Interval, auc_interval, macro_auc_interval
from .medmnist_score import medmnist_acc, medmnist_auc
from .ranking import one_vs_rest


def accuracy_interval(right: np.ndarray, *, confidence: float = 0.95) -> dict[str, Any]:
    """Share of right answers with its Wilson interval; `right` is (N,) bool.

    Raises:
        ValueError: no case.

    Example:
        >>> accuracy_interval(np.array([True, True, False, True]))["estimate"]
        0.75
    """
    if not len(right):
        raise ValueError("right is empty; an accuracy needs at least one case.")
    low, high = wilson(np.sum(right), len(right), confidence=confidence)
    return entry(
        float(np.mean(right)),
        (float(low), float(high)),
        confidence=confidence,
        method="wilson",
        n=len(right),
    )


def summarize(predictions: Predictions, *, confidence: float = 0.95) -> dict[str, Any]:
    """AUC, MedMNIST's two figures and accuracy of a labeled table, with intervals.

    Args:
        predictions: a table with labels.
        confidence: nominal coverage of all intervals.

    Returns:
        JSON-able, undefined values are None:

        - ``task``, ``n``, ``n_groups`` (None without groups), ``class_counts`` {name: cases};
        - ``positive_class``: its name; None if the task is not binary;
        - ``auc``: the fields of `Interval`, of the positive class or of the mean over classes
          (``auc_average`` says which); cases of one group count as dependent;
        - ``class_auc`` {name: interval}, not for binary;
        - ``medmnist_auc``, ``medmnist_acc``;
        - ``accuracy`` (multilabel: ``subset_accuracy``, all labels right): highest class, or 0.5
          for binary and multilabel, with a Wilson interval that takes all cases as independent.

        ``medmnist_acc`` and the accuracy are None, with a warning, where a threshold of 0.5 makes
        no sense because the scores of a binary or multilabel table leave [0, 1].

    Raises:
        ValueError: a table without labels, a confidence outside (0, 1).
    """
    p = predictions
    if p.y_true is None:
        raise ValueError("predictions have no y_true; metrics need labels.")
    columns, scores = one_vs_rest(p.y_true, p.y_score, p.task)
    options = {"confidence": confidence, "groups": p.groups}
    summary: dict[str, Any] = {
        "task": p.task.kind,
        "n": len(p),
        "n_groups": None if p.groups is None else len(np.unique(p.groups)),
        "class_counts": dict(zip(p.class_names, columns.sum(axis=0).tolist())),
        "positive_class": p.positive_class,
        "auc_average": "positive_class" if p.task.kind == "binary" else "macro_one_vs_rest",
        "auc": as_json(
            macro_auc_interval(p.y_true, scores, p.task, class_names=p.class_names, **options)
        ),
    }
    with warnings.catch_warnings():  # the macro AUC has named the absent classes already
        warnings.simplefilter("ignore", UserWarning)
        if p.task.kind != "binary":
            summary["class_auc"] = {
                name: as_json(auc_interval(columns[:, c], scores[:, c], **options))
                for c, name in enumerate(p.class_names)
            }
        summary["medmnist_auc"] = _none_if_nan(medmnist_auc(p.y_true, scores, p.task))
    return summary | _accuracies(p, columns, confidence)


def as_json(interval: Interval) -> dict[str, Any]:
    """Fields of an interval with None for NaN and a list of flags."""
    return {
        name: list(value) if name == "flags" else _none_if_nan(value)
        for name, value in asdict(interval).items()
    }


def _accuracies(p: Predictions, columns: np.ndarray, confidence: float) -> dict[str, Any]:
    name = "subset_accuracy" if p.task.kind == "multilabel" else "accuracy"
    halved = p.task.kind in ("binary", "multilabel")
    if halved and p.score_kind == "logits":
        warnings.warn(
            f"scores range from {p.y_score.min():g} to {p.y_score.max():g}: no probabilities, so "
            "accuracy at a threshold of 0.5 is undefined (NaN).",
            UserWarning,
            stacklevel=3,
        )
        return {"medmnist_acc": None, name: None}
    if p.task.kind == "multilabel":
        right = ((p.y_score > 0.5) == columns).all(axis=1)
    else:
        best = p.y_score[:, 1] > 0.5 if halved else p.y_score.argmax(axis=1)
        right = best == p.y_true
    return {
        "medmnist_acc": medmnist_acc(p.labels, p.y_score, p.task),
        name: accuracy_interval(right, confidence=confidence),
    }


def _none_if_nan(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
