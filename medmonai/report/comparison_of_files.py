"""Comparing predictions tables: from their paths to the files that are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from medmonai.metrics import (
    Comparison,
    Comparisons,
    OperatingPoint,
    average_seeds,
    choose_operating_point,
    compare_tables,
    seed_spread,
    verdict_scope,
)
from medmonai.predictions import Predictions, align, in_one_order
from medmonai.predictions.table import name_keys

from .evaluation import NOT_CLINICAL
from .model_comparison import comparison_table, write_comparison
from .model_names import named_tables
from .table_files import read_table


def compare_files(
    tables: Sequence[str],
    *,
    output: str | Path,
    metric: str = "auc",
    task: str = "",
    rule: str = "youden",
    positive_class: str = "",
    sheet: str = "",
    confidence: float = 0.95,
    alpha: float = 0.05,
    overwrite: bool = False,
) -> list[str]:
    """Compare predictions tables in pairs, write the comparison, and return the lines to print.

    A decision metric needs thresholds that were chosen on validation, so predictions_val.csv must
    lie beside each table.

    Args:
        tables: PATH, NAME=PATH or NAME=PATH,PATH,... for each model.
        output: the folder.
        metric: "auc" or a decision metric.
        task: the kind of task, where the columns cannot tell.
        rule: how the operating point of a decision metric is chosen on validation.
        sheet: of those files that are workbooks.
        positive_class: of a binary task, as the first table names it; default: the class of its
            last score column.
        confidence: nominal coverage of the intervals.
        alpha: level of the verdicts, after Holm's correction.
        overwrite: replace an earlier comparison.

    Raises:
        ValueError: fewer than two tables, a name given twice, tables of different cases, class
            names whose order contradicts the labels, or a metric without validation tables.
    """
    comparisons, spread = compare_paths(
        named_tables(tables),
        metric=metric,
        task=task,
        rule=rule,
        sheet=sheet,
        positive_class=positive_class,
        confidence=confidence,
        alpha=alpha,
    )
    written = write_comparison(comparisons, output, spread=spread, overwrite=overwrite)
    return [
        *_lines(comparisons, spread),
        f"results: {Path(output)} ({', '.join(path.name for path in written)})",
        NOT_CLINICAL,
    ]


def _lines(
    comparisons: Sequence[Comparison], spread: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Yield a line for each pair, what the verdicts are about, and the spread over seeds."""
    table = comparison_table(comparisons)
    for row, pair in zip(table.rows, comparisons):
        flags = f" [{', '.join(pair.flags)}]" if pair.flags else ""
        yield f"{row[0]}: {row[1]}, p {row[2]}, Holm {row[3]}: {row[4]}{flags}"
    scope = verdict_scope(comparisons)
    yield table.caption.removesuffix(scope).rstrip()
    yield scope
    for name, own in spread.items():
        if own["n_seeds"] > 1:
            yield (
                f"{name}: AUC of {own['n_seeds']} seeds {own['mean']:.3f} on average, "
                f"{own['min']:.3f} to {own['max']:.3f} (SD {own['sd']:.3f}): what another training "
                "would change, apart from the interval above"
            )


def compare_paths(
    paths: Mapping[str, Sequence[Path]],
    *,
    metric: str = "auc",
    task: str = "",
    rule: str = "youden",
    positive_class: str = "",
    sheet: str = "",
    confidence: float = 0.95,
    alpha: float = 0.05,
) -> tuple[Comparisons, dict[str, dict[str, Any]]]:
    """Compare predictions tables in pairs; return the comparisons and each model's spread over its
    seeds.

    Args:
        paths: name -> the tables of its seeds.
        metric: "auc" or a decision metric.
        task: the kind of task, where the columns cannot tell.
        rule: how the operating point of a decision metric is chosen on validation.
        positive_class: of a binary task; default: the class of the last score column.
        sheet: of those files that are workbooks.
        confidence: nominal coverage of the intervals.
        alpha: level of the verdicts, after Holm's correction.

    Raises:
        ValueError: see `compare_files`.
    """
    raw = {
        name: [read_table(path, kind=task, sheet=sheet) for path in some]
        for name, some in paths.items()
    }
    beside = (
        {}
        if metric == "auc"
        else {name: _validation_of(some, metric) for name, some in paths.items()}
    )
    first = next(iter(raw.values()))[0]
    seeds = {
        name: [_beside(first, table, path) for table, path in zip(raw[name], some)]
        for name, some in paths.items()
    }
    order = (
        first.with_positive_class(positive_class).class_names
        if positive_class
        else first.class_names
    )
    seeds = {name: [table.in_class_order(order) for table in some] for name, some in seeds.items()}
    points = (
        None
        if metric == "auc"
        else {
            name: _point(some, raw[name], task=task, rule=rule, first=first, order=order)
            for name, some in beside.items()
        }
    )
    comparisons = compare_tables(
        seeds, metric=metric, confidence=confidence, alpha=alpha, points=points
    )
    return comparisons, {name: seed_spread(some) for name, some in seeds.items()}


def _beside(first: Predictions, table: Predictions, path: Path) -> Predictions:
    """Return the table with its cases and classes in the order of the first one."""
    try:
        return align(first, table)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _validation_of(paths: Sequence[Path], metric: str) -> list[Path]:
    """Return the validation tables beside test tables."""
    beside = [path.with_name("predictions_val.csv") for path in paths]
    missing = next((path for path in beside if not path.is_file()), None)
    if missing:
        raise ValueError(
            f"metric {metric!r} needs a threshold chosen on validation, but {missing} does not "
            "exist; put it there or compare by AUC."
        )
    return beside


def _point(
    paths: Sequence[Path],
    tests: Sequence[Predictions],
    *,
    task: str,
    rule: str,
    first: Predictions,
    order: Sequence[str],
) -> OperatingPoint:
    """Choose a model's threshold on its validation scores, averaged over seeds as its test scores
    are.
    """
    tables = [
        in_one_order(test, read_table(path, kind=task))[1] for test, path in zip(tests, paths)
    ]
    same = set(name_keys(first.class_names))
    named = [
        table
        if set(name_keys(table.class_names)) == same
        else replace(table, class_names=first.class_names)
        # other words for the same two classes: matched by position, as in `align`
        for table in tables
    ]
    return choose_operating_point(
        average_seeds([table.in_class_order(order) for table in named]), rule=rule
    )
