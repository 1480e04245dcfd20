"""Average precision and partial AUC of a predictions table, as a dictionary that goes into metrics.json."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from medmonai.predictions import Predictions

from .ranking import one_vs_rest
from .ranking_points import average_precision_score, partial_auc_score

MAX_FPR = 0.1


def summarize_ranking(predictions: Predictions, *, max_fpr: float = MAX_FPR) -> dict[str, Any]:
    """Return average precision and the standardised partial AUC, per class and as their mean over the defined ones.

    Args:
        predictions: a table with labels.
        max_fpr: the partial AUC counts 1 - specificity from 0 to here.

    Returns:
        JSON-able: "max_fpr", "overall" (binary: of class 1) and "per_class" {name: ...} (not for binary), each with
        "average_precision" and "partial_auc"; None where a class is absent.

    Raises:
        ValueError: a table without labels.
    """
    if predictions.y_true is None:
        raise ValueError("predictions have no y_true; a ranking needs labels.")
    columns, scores = one_vs_rest(predictions.y_true, predictions.y_score, predictions.task)
    with warnings.catch_warnings():  # `summarize` names the absent classes
        warnings.simplefilter("ignore", UserWarning)
        own = [{"average_precision": average_precision_score(columns[:, c], scores[:, c]),
                "partial_auc": partial_auc_score(columns[:, c], scores[:, c], max_fpr=max_fpr)} for c in range(scores.shape[1])]
    if predictions.task.kind == "binary":
        return {"max_fpr": max_fpr, "overall": _plain(own[1]), "per_class": {}}
    means = {}
    for name in own[0]:
        defined = [one[name] for one in own if not math.isnan(one[name])]
        means[name] = float(np.mean(defined)) if defined else math.nan
    return {"max_fpr": max_fpr, "overall": _plain(means),
            "per_class": {name: _plain(one) for name, one in zip(predictions.class_names, own)}}


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else float(value) for name, value in values.items()}
