"""What a table's decisions at one operating point are worth: every metric with its interval,
overall and per class.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from medmonai.metrics.resampling import by_group
from medmonai.predictions import Predictions

from . import counting
from .decision_metrics import BALANCED, MEANS, METRICS, ONE_CLASS
from .decisions import OperatingPoint, decide
from .resampled_counts import ResampledCounts


def summarize_decisions(
    predictions: Predictions,
    point: OperatingPoint,
    *,
    confidence: float = 0.95,
    seed: int = 0,
    repetitions: int = 2000,
    warn: bool = True,
) -> dict[str, Any]:
    """Metrics of a labeled table at an operating point that was fixed before, with intervals.

    Shares of independent cases have Wilson's interval, all else the BCa bootstrap of the confusion
    counts. With groups, whole groups are resampled, for shares too. Where no bootstrap table
    differs (no error at all, one class decided throughout), that would be a false [1, 1]: counts
    are then drawn from a table with z^2/2 cases added to the diagonal of each class and as many to
    its errors (Agresti & Coull 1998, doi:10.1080/00031305.1998.10480550), with a group counting as
    one case; method ``smoothed_bootstrap``, flag ``zero_variance``.

    In a mean over classes or labels (balanced accuracy, macro and weighted ones), a class without
    an error, or with none right, does not vary from one bootstrap table to the next, although it
    may well err in other cases. Such classes widen the mean's interval by the mean distance D to
    the ends of their own, as if they all erred together: low = A - sqrt((A - L)^2 + D^2), with L
    the end that the bootstrap gives (MOVER, as in `macro_auc_interval`); flag
    ``zero_variance_classes``. A class whose own value is undefined (0/0) adds nothing.

    Args:
        predictions: a table with labels.
        point: from `choose_operating_point` on other cases, or `default_operating_point`.
        confidence: nominal coverage.
        seed: of the bootstrap.
        repetitions: bootstrap tables.
        warn: whether undefined metrics are warned of; `warn_undefined_decisions` does it once for
            several summaries.

    Returns:
        JSON-able, undefined values are None:

        - ``operating_point``, ``confusion_matrix`` (rows are true; multilabel: {label: [[tn, fp],
          [fn, tp]]});
        - ``overall`` {metric: {estimate, low, high, confidence, method, n, flags}}; recall,
          specificity, precision and f1 of a binary table are those of class 1; ``macro_``,
          ``micro_`` and ``weighted_`` as in `counting.recall`; ``quadratic_kappa`` for grades;
          ``subset_accuracy`` counts cases with all labels right;
        - ``per_class`` {name: {metric: ..., "support": cases}}, each class against the rest.

        ``n`` is what a share is a share of, else the cases. ``flags`` (only where there are any):
        ``few_cases`` (below 10 cases, or groups, of the class or, overall, of the rarest class),
        ``zero_variance``, ``zero_variance_classes``, ``undefined``, ``undefined_resamples`` (over 1
        %).

    Raises:
        ValueError: a table without labels, a confidence outside (0, 1), a point of another task.

    Example:
        >>> from medmonai.metrics import default_operating_point
        >>> from medmonai.task import Task
        >>> p = Predictions(
        ...     ["a", "b"], [0, 1], [[0.9, 0.1], [0.4, 0.6]], Task("binary", 2), ("normal", "sick")
        ... )
        >>> summarize_decisions(p, default_operating_point(p.task))["overall"]["accuracy"][
        ...     "estimate"
        ... ]
        1.0
    """
    if predictions.y_true is None:
        raise ValueError("predictions have no y_true; metrics need labels.")
    if not 0 < confidence < 1:
        raise ValueError(
            f"confidence={confidence}; a number between 0 and 1 is needed, such as 0.95."
        )
    counts = ResampledCounts(
        *_unit_counts(predictions, decide(predictions, point)),
        predictions.groups is not None,
        len(predictions),
        confidence,
        seed,
        repetitions,
    )
    kind = predictions.task.kind
    names = predictions.class_names
    matrices = counts.total.astype(int).tolist()
    summary = {
        "operating_point": point.as_dict(),
        "confusion_matrix": dict(zip(names, matrices)) if kind == "multilabel" else matrices,
        "overall": {
            name: counts.interval(name, metric, support=counts.rarest(), mean=MEANS[kind].get(name))
            for name, metric in METRICS[kind].items()
        },
        "per_class": {
            name: _one_class(counts, c, kind == "multilabel") for c, name in enumerate(names)
        },
    }
    if warn:
        warn_undefined_decisions({"": summary}, stacklevel=3)
    return summary


def warn_undefined_decisions(
    found: Mapping[str, Mapping[str, Any]], *, stacklevel: int = 2
) -> None:
    """Warn once of every metric that is undefined in one of several summaries, and say in which, if
    not in all.

    Args:
        found: name of an operating point -> what `summarize_decisions` returned.
        stacklevel: of the warning.
    """
    where: dict[str, list[str]] = {}
    for point, summary in found.items():
        parts = [
            ("", summary["overall"]),
            *((f" of {name!r}", own) for name, own in summary["per_class"].items()),
        ]
        for label, own in parts:
            for metric, value in own.items():
                if metric != "support" and value["estimate"] is None:
                    where.setdefault(metric + label, []).append(point)
    together: dict[tuple[str, ...], list[str]] = {}
    for name, points in where.items():
        together.setdefault(tuple(points), []).append(name)
    if together:
        said = [
            ", ".join(names) + (f" (at {', '.join(points)})" if len(points) < len(found) else "")
            for points, names in together.items()
        ]
        warnings.warn(
            f"undefined (NaN), no case to count: {'; '.join(said)}.",
            UserWarning,
            stacklevel=stacklevel,
        )


def _one_class(counts: ResampledCounts, c: int, multilabel: bool) -> dict[str, Any]:
    def two(all_counts: np.ndarray) -> np.ndarray:
        return (
            all_counts[..., c, :, :]
            if multilabel
            else counting.one_vs_rest_matrices(all_counts)[..., c, :, :]
        )

    cases = int(two(counts.total)[1].sum())
    support = counts.units_with(c)
    return {
        name: counts.interval(
            name,
            lambda all_counts, metric=metric: metric(two(all_counts)),
            support=support,
            two=two(counts.total),
            mean=BALANCED.within(two) if name == "balanced_accuracy" else None,
        )
        for name, metric in ONE_CLASS.items()
    } | {"support": cases}


def _unit_counts(predictions: Predictions, y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confusion counts of each kind of unit (K, C, C) or (K, L + 1, 2, 2), and how many units
    (cases, groups) are so.
    """
    task = predictions.task
    y_true = predictions.labels
    if task.exclusive:
        code = y_true * task.num_classes + y_pred
        kinds = task.num_classes**2
        shape = (task.num_classes,) * 2
        columns = code[:, None]
    else:
        right = (y_true == y_pred).all(axis=1, keepdims=True)
        columns = np.hstack([2 * y_true + y_pred, 2 + right])
        shape = (task.num_classes + 1, 2, 2)
        kinds = 4 * columns.shape[1]
        columns = columns + 4 * np.arange(columns.shape[1])
    if predictions.groups is None:  # cases that were decided alike are one kind
        columns, multiplicity = np.unique(columns, axis=0, return_counts=True)
        return _marked(columns, kinds).reshape(-1, *shape), multiplicity
    features = by_group(_marked(columns, kinds), predictions.groups)
    return features.reshape(-1, *shape), np.ones(len(features), dtype=np.int64)


def _marked(columns: np.ndarray, count: int) -> np.ndarray:
    """Zeros (K, count), and 1 in the columns (K, n) of each row."""
    features = np.zeros((len(columns), count))
    np.put_along_axis(features, columns, 1.0, axis=1)
    return features
