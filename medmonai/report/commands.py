"""Evaluating and comparing files: from the paths of predictions tables to the files that are
written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from medmonai.atomic_files import write_json
from medmonai.engines import versions
from medmonai.metrics import (
    Comparison,
    OperatingPoint,
    average_seeds,
    choose_operating_point,
    compare_tables,
    read_metadata,
    seed_spread,
    subgroup_summary,
    verdict_scope,
)
from medmonai.predictions import (
    Predictions,
    align,
    in_one_order,
    read_predictions,
    write_predictions,
)
from medmonai.predictions.table import name_keys
from medmonai.run_files import parts_of, read_record
from medmonai.tables import WORKBOOKS
from medmonai.task import Task, kind_named

from .comparison import comparison_table, write_comparison
from .evaluation import NOT_CLINICAL, Evaluation, evaluate
from .model_names import named_tables
from .results import remove_evaluation, write_decision, write_evaluation


def read_table(path: str | Path, *, kind: str = "", sheet: str = "") -> Predictions:
    """Read a predictions table.

    Args:
        path: any file that `medmonai.tables.read_text_table` reads.
        kind: of the task, where the columns cannot tell ("ordinal", "multilabel").
        sheet: of a workbook; text has none.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a predictions table, or one of another task.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"no predictions table at {path}; give a CSV file or a workbook with columns id, "
            "y_true, score_<class>."
        )
    chosen = _sheet(path, sheet)
    table = read_predictions(path, sheet=chosen)
    if not kind or kind == table.task.kind:
        return table
    return read_predictions(path, task=Task(kind_named(kind), table.task.num_classes), sheet=chosen)


def _sheet(path: str | Path, sheet: str) -> str | None:
    return sheet or None if Path(path).suffix.lower() in WORKBOOKS else None


def evaluate_files(
    table: str | Path,
    *,
    output: str | Path,
    validation: str | Path | None = None,
    task: str = "",
    rule: str = "youden",
    metadata: str | Path | None = None,
    columns: Sequence[str] = (),
    positive_class: str = "",
    sheet: str = "",
    confidence: float = 0.95,
    seed: int = 0,
    overwrite: bool = False,
) -> Evaluation:
    """Evaluate a predictions table and write metrics.json, metrics.csv and figures/ into a folder.

    A folder that holds the same evaluation already is left as it is. What an earlier one left of
    another table or threshold is removed before anything is written, so that a report never mixes
    two; in the folder of a run the data card and the references stay.

    Args:
        table: the test table.
        output: the folder, made if need be.
        validation: the table that threshold and temperature are chosen on.
        task: the kind of task, where the columns cannot tell.
        rule: how the operating point is chosen.
        metadata: a table with a column `id`; with `columns`, subgroups are evaluated too.
        columns: columns of the metadata.
        positive_class: of a binary task, if not the class of the last score column.
        sheet: of those files that are workbooks.
        confidence: nominal coverage of all intervals.
        seed: of the bootstrap.
        overwrite: write over an earlier evaluation in the folder.

    Raises:
        FileExistsError: the folder holds another evaluation and `overwrite` is False, or is that of
            a run with another table.
        FileNotFoundError: a table that does not exist.
        ValueError: see `evaluate`; columns without metadata, a positive class that the table does
            not have, classes in another order than those of the run whose folder it is.
    """
    output = Path(output)
    if output.exists() and not output.is_dir():
        raise FileExistsError(f"{output} is a file; name a folder with --output.")
    if bool(columns) != (metadata is not None):
        raise ValueError("--metadata FILE and --by COLUMN,... belong together; give both or none.")
    test = read_table(table, kind=task, sheet=sheet)
    held = None if validation is None else read_table(validation, kind=task, sheet=sheet)
    if held is not None:
        test, held = in_one_order(test, held)
    if positive_class:
        test = test.with_positive_class(positive_class)
        held = held and held.with_positive_class(positive_class)
    _check_classes_of_run(test, output)
    found = (
        None
        if metadata is None
        else read_metadata(metadata, test.ids, columns=columns, sheet=_sheet(metadata, sheet))
    )
    evaluation = evaluate(test, validation=held, rule=rule, confidence=confidence, seed=seed)
    if found:
        evaluation.metrics["subgroups"] = {
            name: subgroup_summary(test, found[name], point=evaluation.point, confidence=confidence)
            for name in columns
        }
    old = read_record(output / "metrics.json")
    with parts_of(output / "metrics.json"):
        if old and json.loads(json.dumps(evaluation.metrics)) == old["splits"]["test"]:
            return evaluation
    copied = _to_be_copied(table, output, overwrite=overwrite)
    remove_evaluation(output)
    references = {
        name: read_table(output / f"predictions_test_{name}.csv", kind=task)
        for name in old.get("references", {})
    }
    _write_record(
        {"test": table, "validation": validation, "metadata": metadata},
        output,
        rule=rule,
        confidence=confidence,
        seed=seed,
        positive_class=positive_class,
    )
    write_decision(evaluation, output)
    if copied:  # so that a report of several folders can compare them
        write_predictions(test, output / "predictions_test.csv", overwrite=True)
    write_evaluation(evaluation, output, data=old.get("data"), references=references)
    return evaluation


def _check_classes_of_run(test: Predictions, output: Path) -> None:
    """Refuse to write an evaluation of other classes, or of classes in another order, into the
    folder of a run.
    """
    trained = read_record(output / "run.json").get("class_names")
    if trained and list(test.class_names) != trained:
        raise ValueError(
            f"{output} is a run with the classes {', '.join(trained)} in this order, and the "
            f"evaluation is for {', '.join(test.class_names)}; name another --output."
        )


def _to_be_copied(table: str | Path, output: Path, *, overwrite: bool) -> bool:
    """Whether the table lies elsewhere than in the folder; refuse a folder with other results."""
    kept = output / "predictions_test.csv"
    copied = not (kept.exists() and kept.samefile(table))
    if copied and (output / "run.json").exists():
        raise FileExistsError(
            f"{output} is the folder of a run and {table} is not its predictions_test.csv; name "
            "another --output: a run's results are not mixed with those of another table."
        )
    there = [
        name
        for name in (
            "metrics.json",
            "metrics.csv",
            "figures",
            *(["predictions_test.csv"] if copied else []),
        )
        if (output / name).exists()
    ]
    if there and not overwrite:
        raise FileExistsError(
            f"{output} holds {', '.join(there)} of another evaluation; name another --output, or "
            "pass --overwrite."
        )
    return copied


def _write_record(tables: Mapping[str, str | Path | None], output: Path, **options: Any) -> None:
    """Write down what an evaluation was made of: files with their SHA-256, options, versions."""
    given = {name: Path(path) for name, path in tables.items() if path is not None}
    files = {
        name: {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for name, path in given.items()
    }
    write_json({**options, "versions": versions(), "tables": files}, output / "evaluation.json")


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

    A decision metric needs thresholds that were chosen on validation: predictions_val.csv beside
    each table.

    Args:
        tables: PATH, NAME=PATH or NAME=PATH,PATH,... each.
        output: the folder.
        metric: "auc" or a decision metric.
        task: the kind of task, where the columns cannot tell.
        rule: how the operating point of a decision metric is chosen on validation.
        sheet: of those files that are workbooks.
        positive_class: of a binary task, as the first table names it, if not the class of its last
            score column.
        confidence: nominal coverage of the intervals.
        alpha: level of the verdicts, after Holm's correction.
        overwrite: write over an earlier comparison.

    Raises:
        ValueError: fewer than two tables, one name twice, tables of other cases, class names whose
            order contradicts the labels, a metric without validation tables.
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
    table = comparison_table(comparisons)
    lines = []
    for row, found in zip(table.rows, comparisons):
        flags = f" [{', '.join(found.flags)}]" if found.flags else ""
        lines.append(f"{row[0]}: {row[1]}, p {row[2]}, Holm {row[3]}: {row[4]}{flags}")
    scope = verdict_scope(comparisons)
    lines += [table.caption.removesuffix(scope).rstrip(), scope]
    for name, own in spread.items():
        if own["n_seeds"] > 1:
            lines.append(
                f"{name}: AUC of {own['n_seeds']} seeds {own['mean']:.3f} on average, "
                f"{own['min']:.3f} to {own['max']:.3f} (SD {own['sd']:.3f}): what another training "
                "would change, apart from the interval above"
            )
    return [
        *lines,
        f"results: {Path(output)} ({', '.join(path.name for path in written)})",
        NOT_CLINICAL,
    ]


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
) -> tuple[list[Comparison], dict[str, dict[str, Any]]]:
    """Compare predictions tables in pairs and return the comparisons, and the spread over the seeds
    of each model.

    Args:
        paths: name -> the tables of its seeds.
        metric: "auc" or a decision metric.
        task: the kind of task, where the columns cannot tell.
        rule: how the operating point of a decision metric is chosen on validation.
        positive_class: of a binary task, if not the class of the last score column.
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
    """Return a table with its cases and classes in the order of the first one."""
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
            f"metric {metric!r} needs a threshold locked on validation, and there is no {missing}; "
            "put it there or compare by AUC."
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
    """Choose the threshold of a model on its validation scores, averaged over seeds as its test
    scores are.
    """
    tables = [
        in_one_order(test, read_table(path, kind=task))[1] for test, path in zip(tests, paths)
    ]
    same = set(name_keys(first.class_names))
    named = [
        table
        if set(name_keys(table.class_names)) == same
        else replace(table, class_names=first.class_names)
        # other words for the same two classes: by their places, as `align` has it
        for table in tables
    ]
    return choose_operating_point(
        average_seeds([table.in_class_order(order) for table in named]), rule=rule
    )
