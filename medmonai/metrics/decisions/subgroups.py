"""AUC and recall in subgroups of the cases: sex, age band, site, or any column of a metadata
table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from medmonai.metrics.ranking import FEW, as_json, macro_auc_interval, one_vs_rest
from medmonai.predictions import Predictions
from medmonai.tables import number_of, numbers_of
from medmonai.task import Task

from .decision_summary import summarize_decisions
from .decisions import OperatingPoint, decide, default_operating_point

MISSING = "missing"
DISTINCT = 10  # a column of numbers with more distinct values is cut into bands


def band_values(values: np.ndarray, *, edges: Sequence[float] | None = None) -> np.ndarray:
    """Names of the subgroups of a column: bands of numbers such as "[40, 60)", texts as they are,
    "missing" where empty.

    Args:
        values: (N,) numbers or texts; empty texts and NaN are missing.
        edges: rising inner edges of the bands, such as (40, 60, 75) of ages; default the quartiles
            where a column is all numbers with more than 10 distinct values. Columns of fewer stay
            as they are.

    Returns:
        (N,) texts.

    Raises:
        ValueError: edges that do not rise, or for a column that is not all numbers.

    Example:
        >>> band_values(["34", "70", ""], edges=[60]).tolist()
        ['< 60', '>= 60', 'missing']
    """
    texts = np.array([str(value).strip() for value in values])
    present = ~np.isin(np.char.lower(texts), ("", "nan", "na", "n/a", "<na>", "none", "null"))
    named = np.where(present, texts, MISSING)
    numbers = numbers_of(texts[present].tolist()) if present.any() else None
    if edges is None:
        if numbers is None or len(np.unique(numbers)) <= DISTINCT:
            return named
        edges = [float(edge) for edge in np.unique(np.quantile(numbers, [0.25, 0.5, 0.75]))]
    if numbers is None or not edges or np.any(np.diff(edges) <= 0):
        held = "texts" if numbers is None else "numbers"
        raise ValueError(
            f"edges={list(edges)} for {held}; rising edges and a column of numbers are needed."
        )
    marks = [f"{edge:g}" for edge in edges]
    bands = [
        f"< {marks[0]}",
        *(f"[{low}, {high})" for low, high in pairwise(marks)),
        f">= {marks[-1]}",
    ]
    named = named.astype(object)
    named[present] = np.array(bands, dtype=object)[np.searchsorted(edges, numbers, side="right")]
    return named.astype(str)


def subgroup_summary(
    predictions: Predictions,
    values: np.ndarray,
    *,
    point: OperatingPoint | None = None,
    edges: Sequence[float] | None = None,
    minimum_cases: int = 20,
    minimum_positives: int = FEW,
    confidence: float = 0.95,
) -> list[dict[str, Any]]:
    """AUC and recall of each subgroup, with intervals, where the subgroup is large enough to say
    anything.

    Intervals that overlap do not show that two subgroups are alike, and with many subgroups some
    differ by chance.

    Args:
        predictions: a table with labels.
        values: (N,) the subgroup of each case, or a number that `band_values` cuts into bands.
        point: operating point of the recall, chosen on validation for all cases together; default
            0.5 or the highest score.
        edges: of the bands, see `band_values`.
        minimum_cases: below it AUC and recall are withheld (estimate None), and the row is flagged
            ``too_few_cases``.
        minimum_positives: cases (with groups: patients) that a class needs, and that the rest
            needs, else the class is withheld as ``too_few_positives`` or ``too_few_negatives``
            (also one without any case). AUC and recall are then the means over the other classes,
            and the row is flagged ``classes_withheld``; a row without any such class, and a binary
            one, is withheld as a whole.
        confidence: nominal coverage of the intervals.

    Returns:
        JSON-able rows: bands and numbers in rising order, names in alphabetical order, "missing"
        last. ``group``, ``n``, ``n_groups`` (None without groups), ``n_positive`` (class 1; more
        classes or labels: the rarest one), ``auc`` (fields of `Interval`), ``recall`` (as in
        `summarize_decisions`; more classes or labels: the mean), ``withheld_classes`` {name: why}
        and ``flags``. Means over different classes are not comparable from row to row.

    Raises:
        ValueError: no labels, values of another length, edges that `band_values` refuses.

    References:
        MONAI has no subgroup table; fairlearn's `MetricFrame` has one without intervals or minimum.
    """
    if predictions.y_true is None:
        raise ValueError("predictions have no y_true; metrics need labels.")
    if np.shape(values) != (len(predictions),):
        raise ValueError(
            f"values have shape {np.shape(values)} for {len(predictions)} cases; one for each case "
            "is needed."
        )
    named = band_values(values, edges=edges)
    names = sorted(set(named.tolist()), key=_place)
    options = {
        "point": point or default_operating_point(predictions.task),
        "minimum": (minimum_cases, minimum_positives),
        "confidence": confidence,
    }
    return [_row(predictions, named == name, name, **options) for name in names]


def _row(
    predictions: Predictions,
    chosen: np.ndarray,
    name: str,
    *,
    point: OperatingPoint,
    minimum: tuple[int, int],
    confidence: float,
) -> dict[str, Any]:
    groups = None if predictions.groups is None else predictions.groups[chosen]
    part = replace(
        predictions,
        ids=predictions.ids[chosen],
        y_true=predictions.labels[chosen],
        y_score=predictions.y_score[chosen],
        groups=groups,
    )
    columns = one_vs_rest(part.labels, part.y_score, part.task)[0]
    units = np.arange(len(part)) if groups is None else np.unique(groups, return_inverse=True)[1]
    shown = [1] if part.task.kind == "binary" else list(range(part.task.num_classes))
    few = {c: _few(columns[:, c], units, minimum[1]) for c in shown}
    kept = [c for c in shown if not few[c]]
    flags = ["too_few_cases"] if units.max() + 1 < minimum[0] else []
    if not kept:
        flags += [
            flag
            for flag in ("too_few_positives", "too_few_negatives")
            if any(flag in few[c] for c in shown)
        ]
    elif len(kept) < len(shown):
        flags.append("classes_withheld")
    named = {part.class_names[c]: few[c] for c in shown if few[c]}
    row = {
        "group": name,
        "n": len(part),
        "n_groups": None if groups is None else len(np.unique(groups)),
        "n_positive": int(columns[:, shown].sum(axis=0).min()),
        "flags": flags,
        "withheld_classes": {} if part.task.kind == "binary" else named,
    }
    if not kept or "too_few_cases" in flags:
        return row | {name: _withheld(confidence, flags) for name in ("auc", "recall")}
    return row | _figures(part, kept if len(kept) < len(shown) else None, point, confidence)


def _withheld(confidence: float, flags: list[str]) -> dict[str, Any]:
    """Return the entry of a metric that too few cases would decide."""
    nothing = dict.fromkeys(("estimate", "low", "high"))
    return {**nothing, "confidence": confidence, "method": "withheld", "flags": flags}


def _few(column: np.ndarray, units: np.ndarray, minimum: int) -> list[str]:
    """Flags of a class with too few cases (groups) that have it, or that do not."""
    return [
        flag
        for flag, label in (("too_few_positives", 1), ("too_few_negatives", 0))
        if len(np.unique(units[column == label])) < minimum
    ]


def _figures(
    part: Predictions, kept: list[int] | None, point: OperatingPoint, confidence: float
) -> dict[str, Any]:
    """AUC and recall of a subgroup: of all classes, or (kept) means over some, each against the
    rest.
    """
    decided = part
    # the classes that are left are labels of their own, and what was decided of each is 0 or 1
    if kept is not None:
        names = [part.class_names[c] for c in kept]
        task = Task("multilabel", len(kept))
        columns, hot = (
            part.task.one_hot(labels)[:, kept] for labels in (part.labels, decide(part, point))
        )
        part = replace(
            part, y_true=columns, y_score=part.y_score[:, kept], task=task, class_names=names
        )
        decided = replace(part, y_score=hot)
        point = default_operating_point(task)
    auc = macro_auc_interval(
        part.labels, part.y_score, part.task, confidence=confidence, groups=part.groups
    )
    # Most metrics are not shown here, so nothing is said of those that are undefined.
    overall = summarize_decisions(decided, point, confidence=confidence, warn=False)["overall"]
    return {"auc": as_json(auc), "recall": overall.get("recall") or overall["macro_recall"]}


def _place(name: str) -> tuple:
    """Sort key: bands by their lower edge, numbers by value, then other names, then "missing"."""
    low = name.strip("[>= )").split(",")[0] if name.startswith(("[", ">= ")) else name
    value = -np.inf if name.startswith("< ") else number_of(low, mark="," if "," in low else ".")
    return (2 if name == MISSING else 1, 0.0, name) if np.isnan(value) else (0, value, name)
