"""AUC and recall in subgroups of the cases: sex, age band, site, or any column of a metadata table."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.predictions import Predictions
from medmonai.tables import number_of, numbers_of, read_text_table, tidy

from .decision_summary import summarize_decisions
from .decisions import OperatingPoint, default_operating_point
from .intervals import FEW, macro_auc_interval
from .ranking import one_vs_rest
from .summary import as_json

MISSING = "missing"
DISTINCT = 10  # a column of numbers with more distinct values is cut into bands


def read_metadata(
    path: str | Path, ids: Sequence[str], *, columns: Sequence[str] = (), sheet: str | None = None
) -> dict[str, np.ndarray]:
    """Read the columns of a table with a column ``id``, in the order of the given cases.

    Args:
        path: any file that `medmonai.tables.read_text_table` reads; rows of other cases are ignored.
        ids: (N,) cases, such as `Predictions.ids`.
        columns: the columns to read, in any case; default: all.
        sheet: of a workbook, if several hold something.

    Returns:
        Column name -> (N,) texts; empty cells stay "".

    Raises:
        FileNotFoundError: no such file.
        ValueError: no column ``id`` or one of `columns`, a repeated id, a row of another length, a case that the file lacks
            (the first are named).
    """
    table = read_text_table(path, wanted=("id", *columns), sheet=sheet)
    cases = list(map(tidy, map(str, ids)))
    row_of: dict[str, int] = {}
    for row, case in enumerate(table.identifiers("id", "column", known=set(cases))):
        if row_of.setdefault(case, row) != row:
            raise ValueError(f"{path}: {table.places([row])} repeats id {case!r}; give each case one row.")
    missing = [case for case in cases if case not in row_of]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(f"{path}: no row for id {', '.join(map(repr, missing[:3]))}{more}; every case needs one.")
    rows, own = [row_of[case] for case in cases], table.column_name("id", "column")
    named = columns or [name for name in table.columns if name != own and name not in table.repeated]
    read = {name: table.column(name, "column") for name in named}
    return {name: np.array([values[row] for row in rows]) for name, values in read.items()}


def band_values(values: np.ndarray, *, edges: Sequence[float] | None = None) -> np.ndarray:
    """Names of the subgroups of a column: bands of numbers such as "[40, 60)", texts as they are, "missing" where empty.

    Args:
        values: (N,) numbers or texts; empty texts and NaN are missing.
        edges: rising inner edges of the bands, such as (40, 60, 75) of ages; default the quartiles where a column is all
            numbers with more than 10 distinct values. Columns of fewer stay as they are.

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
    numeric = numbers is not None
    if edges is None:
        if not numeric or len(np.unique(numbers)) <= DISTINCT:
            return named
        edges = np.unique(np.quantile(numbers, [0.25, 0.5, 0.75]))
    if not numeric or not len(edges) or np.any(np.diff(edges) <= 0):
        raise ValueError(f"edges={list(edges)} for {'numbers' if numeric else 'texts'}; rising edges and a column of numbers "
                         "are needed.")
    marks = [f"{edge:g}" for edge in edges]
    bands = [f"< {marks[0]}", *(f"[{low}, {high})" for low, high in pairwise(marks)), f">= {marks[-1]}"]
    named = named.astype(object)
    named[present] = np.array(bands, dtype=object)[np.searchsorted(edges, numbers, side="right")]
    return named.astype(str)


def subgroup_summary(
    predictions: Predictions, values: np.ndarray, *, point: OperatingPoint | None = None, edges: Sequence[float] | None = None,
    minimum_cases: int = 20, minimum_positives: int = FEW, confidence: float = 0.95,
) -> list[dict[str, Any]]:
    """AUC and recall of each subgroup, with intervals, where the subgroup is large enough to say anything.

    Intervals that overlap do not show that two subgroups are alike, and with many subgroups some differ by chance.

    Args:
        predictions: a table with labels.
        values: (N,) the subgroup of each case, or a number that `band_values` cuts into bands.
        point: operating point of the recall, chosen on validation for all cases together; default 0.5 or the highest score.
        edges: of the bands, see `band_values`.
        minimum_cases: below it AUC and recall are withheld (estimate None), and the row is flagged ``too_few_cases``.
        minimum_positives: cases (with groups: patients) of the class with fewest, else flagged ``too_few_positives`` or
            ``too_few_negatives``. A class without any case counts as one too few.
        confidence: nominal coverage of the intervals.

    Returns:
        JSON-able rows: bands and numbers in rising order, names in alphabetical order, "missing" last. ``group``, ``n``,
        ``n_groups`` (None without groups), ``n_positive`` (class 1; more classes or labels: the rarest one), ``auc`` (fields
        of `Interval`), ``recall`` (as in `summarize_decisions`; more classes or labels: the mean), ``flags``.

    Raises:
        ValueError: no labels, values of another length, edges that `band_values` refuses.

    References:
        MONAI has no subgroup table; fairlearn's `MetricFrame` has one without intervals or minimum.
    """
    if predictions.y_true is None:
        raise ValueError("predictions have no y_true; metrics need labels.")
    if np.shape(values) != (len(predictions),):
        raise ValueError(f"values have shape {np.shape(values)} for {len(predictions)} cases; one a case is needed.")
    named = band_values(values, edges=edges)
    names = sorted(set(named.tolist()), key=_place)
    options = {"point": point or default_operating_point(predictions.task), "minimum": (minimum_cases, minimum_positives),
               "confidence": confidence}
    return [_row(predictions, named == name, name, **options) for name in names]


def _row(
    predictions: Predictions, chosen: np.ndarray, name: str, *, point: OperatingPoint, minimum: tuple[int, int],
    confidence: float,
) -> dict[str, Any]:
    groups = None if predictions.groups is None else predictions.groups[chosen]
    part = replace(predictions, ids=predictions.ids[chosen], y_true=predictions.y_true[chosen],
                   y_score=predictions.y_score[chosen], groups=groups)
    columns = one_vs_rest(part.y_true, part.y_score, part.task)[0]
    columns = columns[:, 1:] if part.task.kind == "binary" else columns
    units = np.arange(len(part)) if groups is None else np.unique(groups, return_inverse=True)[1]
    positive, negative = (min(len(np.unique(units[c == label])) for c in columns.T) for label in (1, 0))
    few = {"too_few_cases": units.max() + 1 < minimum[0], "too_few_positives": positive < minimum[1],
           "too_few_negatives": negative < minimum[1]}
    flags = [flag for flag, low in few.items() if low]
    row = {"group": name, "n": len(part), "n_groups": None if groups is None else len(np.unique(groups)),
           "n_positive": int(columns.sum(axis=0).min()), "flags": flags}
    if flags:
        withheld = {"estimate": None, "low": None, "high": None, "confidence": confidence, "method": "withheld", "flags": flags}
        return row | {"auc": withheld, "recall": dict(withheld)}
    auc = macro_auc_interval(part.y_true, part.y_score, part.task, confidence=confidence, groups=groups)
    with warnings.catch_warnings():  # undefined metrics that are not shown here
        warnings.simplefilter("ignore", UserWarning)
        overall = summarize_decisions(part, point, confidence=confidence)["overall"]
    return row | {"auc": as_json(auc), "recall": overall.get("recall") or overall["macro_recall"]}


def _place(name: str) -> tuple:
    """Sort key: bands by their lower edge, numbers by value, then other names, then "missing"."""
    low = name.strip("[>= )").split(",")[0] if name.startswith(("[", ">= ")) else name
    value = -np.inf if name.startswith("< ") else number_of(low, mark="," if "," in low else ".")
    return (2 if name == MISSING else 1, 0.0, name) if np.isnan(value) else (0, value, name)
