"""What each arm of a study reaches beside the AUC that is compared: decisions on test, and the ROC
curves in one figure.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from matplotlib.figure import Figure

from medmonai.metrics import (
    average_seeds,
    choose_operating_point,
    default_operating_point,
    summarize_decisions,
    summarize_ranking,
)
from medmonai.predictions import Predictions
from medmonai.visualize import roc_figure

from .findings import BundleSummary, StudySummary, VariantSummary

# More curves than this cannot be told apart, nor their names read.
_CURVES = 6


def performance_rows(summary: StudySummary) -> Iterator[dict[str, Any]]:
    """Yield a row for every variant on every bundle: AUC, average precision, accuracy, precision,
    recall, F1, ... on test.

    Each metric has its estimate and the ends of its interval (`f1`, `f1_low`, `f1_high`). Scores
    are averaged over the seeds; the threshold of binary and multilabel tasks is Youden's on the
    averaged validation scores (`decided` says so), several classes are decided by the highest
    score. What cannot be averaged or decided is empty.
    """
    for bundle in summary.bundles:
        for v in bundle.variants:
            row = {
                "bundle": bundle.name,
                "variant": v.name,
                "selected": v.name == bundle.selected,
                "n_seeds": len(v.seeds),
                "n": v.interval.get("n"),
                "confidence": summary.confidence,
                "decided": "",
            }
            intervals = (
                {"auc": v.interval, **_decided(v, row, summary.confidence)} if v.interval else {}
            )
            for metric, value in intervals.items():
                row |= {
                    f"{metric}{end}": value.get(key)
                    for end, key in (("", "estimate"), ("_low", "low"), ("_high", "high"))
                }
            yield row


def _decided(v: VariantSummary, row: dict[str, Any], confidence: float) -> dict[str, Any]:
    test, validation = (
        average_seeds([getattr(one, split) for one in v.seeds.values()])
        for split in ("test", "validation")
    )
    thresholded = test.task.kind in ("binary", "multilabel")
    point = (
        choose_operating_point(validation) if thresholded else default_operating_point(test.task)
    )
    row["decided"] = "youden on validation" if thresholded else "highest score"
    with warnings.catch_warnings():  # an undefined metric is an empty cell here
        warnings.simplefilter("ignore", UserWarning)
        ranking = summarize_ranking(test, confidence=confidence)["overall"]
        decisions = summarize_decisions(test, point, confidence=confidence)["overall"]
    return {"average_precision": ranking["average_precision"], **decisions}


def roc_curves(bundle: BundleSummary) -> Figure | None:
    """Draw the ROC curves of all variants, each of its seeds' averaged scores; of many, the first
    with baseline and selection.

    Returns:
        The figure; None where no variant has a finished seed that can be drawn.
    """
    known = [v for v in bundle.variants if v.interval]
    first = [v for v in known if v.name in (bundle.baseline, bundle.selected)]
    shown = sorted([*first, *(v for v in known if v not in first)][:_CURVES], key=known.index)
    tables: dict[str, Predictions] = {
        v.name: average_seeds([result.test for result in v.seeds.values()]) for v in shown
    }
    return roc_figure(tables) if tables else None
