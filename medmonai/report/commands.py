"""Evaluating and comparing files: from the paths of predictions tables to the files that are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from medmonai.metrics import OperatingPoint, choose_operating_point, compare_tables, read_metadata, subgroup_summary
from medmonai.predictions import Predictions, read_predictions
from medmonai.task import Task

from .comparison import comparison_table, write_comparison
from .evaluation import NOT_CLINICAL, Evaluation, evaluate
from .results import write_evaluation
from .tables import chosen_decisions, interval, method_words


def read_table(path: str | Path, *, kind: str = "") -> Predictions:
    """Read a predictions table; `kind` names the task where the columns cannot tell ("ordinal", "multilabel").

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a predictions table, or one of another task.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no predictions table at {path}; give a CSV file with columns id, y_true, score_<class>.")
    table = read_predictions(path)
    return read_predictions(path, task=Task(kind, table.task.num_classes)) if kind and kind != table.task.kind else table


def evaluate_files(
    table: str | Path, *, output: str | Path, validation: str | Path | None = None, task: str = "", rule: str = "youden",
    metadata: str | Path | None = None, columns: Sequence[str] = (), confidence: float = 0.95, seed: int = 0,
    overwrite: bool = False,
) -> Evaluation:
    """Evaluate a predictions table and write metrics.json, metrics.csv and figures/ into a folder.

    Args:
        table: the test table.
        output: the folder, made if need be.
        validation: the table that threshold and temperature are chosen on.
        task: the kind of task, where the columns cannot tell.
        rule: how the operating point is chosen.
        metadata: a CSV with a column `id`; with `columns`, subgroups are evaluated too.
        columns: columns of the metadata.
        confidence: nominal coverage of all intervals.
        seed: of the bootstrap.
        overwrite: write over an earlier evaluation in the folder.

    Raises:
        FileExistsError: the folder holds metrics.json and `overwrite` is False.
        FileNotFoundError: a table that does not exist.
        ValueError: see `evaluate`; columns without metadata.
    """
    output = Path(output)
    if (output / "metrics.json").exists() and not overwrite:
        raise FileExistsError(f"{output} holds metrics.json; name another --output, or pass --overwrite.")
    if bool(columns) != (metadata is not None):
        raise ValueError("--metadata FILE and --by COLUMN,... belong together; give both or none.")
    test = read_table(table, kind=task)
    held = None if validation is None else read_table(validation, kind=task)
    found = None if metadata is None else read_metadata(metadata, test.ids)
    missing = [name for name in columns if name not in (found or {})]
    if missing:
        raise ValueError(f"{metadata} has no column {missing[0]!r}; it has {', '.join(found)}.")
    evaluation = evaluate(test, validation=held, rule=rule, confidence=confidence, seed=seed)
    if found:
        evaluation.metrics["subgroups"] = {
            name: subgroup_summary(test, found[name], point=evaluation.point, confidence=confidence) for name in columns}
    write_evaluation(evaluation, output)
    return evaluation


def describe_evaluation(evaluation: Evaluation, output: str | Path) -> str:
    """Return the lines that end an evaluation: AUC, the decision that counts, where everything lies."""
    metrics = evaluation.metrics
    lines = [f"AUC {interval(metrics['auc'], 4)} ({method_words(metrics['auc']['method'])}, n = {metrics['n']})"]
    chosen = chosen_decisions(metrics)
    for name in ("balanced_accuracy", "accuracy") if chosen else ():
        point = chosen["operating_point"]
        where = f"chosen on {point['n']} validation cases" if point["n"] else "not chosen on validation"
        if name in chosen["overall"]:
            lines.append(f"  {name.replace('_', ' ')} {interval(chosen['overall'][name])} at {point['rule']} ({where})")
    lines += [f"results: {output} (metrics.json, metrics.csv, figures/)", NOT_CLINICAL]
    return "\n".join(lines)


def compare_files(
    tables: Sequence[str], *, output: str | Path, metric: str = "auc", confidence: float = 0.95, alpha: float = 0.05,
    overwrite: bool = False,
) -> Iterator[str]:
    """Compare predictions tables in pairs, write the comparison, and yield the lines to print.

    A decision metric needs thresholds that were chosen on validation: predictions_val.csv beside each table.

    Args:
        tables: PATH, NAME=PATH or NAME=PATH,PATH,... each.
        output: the folder.
        metric: "auc" or a decision metric.
        confidence: nominal coverage of the intervals.
        alpha: level of the verdicts, after Holm's correction.
        overwrite: write over an earlier comparison.

    Raises:
        ValueError: fewer than two tables, one name twice, tables of other cases, a metric without validation tables.
    """
    paths = dict(map(_named, tables))
    if len(paths) < 2 or len(paths) < len(tables):
        raise ValueError(f"{len(tables)} tables with the names {', '.join(paths)}; at least two with different names are "
                         "needed: NAME=PATH.")
    seeds = {name: [read_table(path) for path in some] for name, some in paths.items()}
    points = None if metric == "auc" else {name: _point(some[0], metric) for name, some in paths.items()}
    comparisons = compare_tables(seeds, metric=metric, confidence=confidence, alpha=alpha, points=points)
    written = write_comparison(comparisons, output, overwrite=overwrite)
    table = comparison_table(comparisons)
    for row in table.rows:
        yield f"{row[0]}: {row[1]}, p {row[2]}, Holm {row[3]}: {row[4]}"
    yield table.caption
    yield f"results: {Path(output)} ({', '.join(path.name for path in written)})"
    yield NOT_CLINICAL


def _named(text: str) -> tuple[str, list[Path]]:
    name, equals, paths = text.partition("=")
    found = [Path(path) for path in (paths if equals else text).split(",")]
    return (name if equals else found[0].resolve().parent.name), found


def _point(path: Path, metric: str) -> OperatingPoint:
    beside = path.with_name("predictions_val.csv")
    if not beside.is_file():
        raise ValueError(f"metric {metric!r} of {path} needs a threshold locked on validation, and there is no {beside}; "
                         "put it there or compare by AUC.")
    return choose_operating_point(read_table(beside))
