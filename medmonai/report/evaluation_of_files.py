"""Evaluating a predictions table: from its path to the files that are written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medmonai.atomic_files import write_json
from medmonai.engines import versions
from medmonai.metrics import subgroup_summary
from medmonai.predictions import Predictions, in_one_order, write_predictions
from medmonai.run_files import file_sha256, parts_of, read_record
from medmonai.tables import read_metadata

from .evaluation import Evaluation, evaluate
from .results import remove_evaluation, write_decision, write_evaluation
from .table_files import read_table, sheet_of


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

    A folder that already holds the same evaluation stays as it is. Whatever an evaluation of
    another table or threshold left there is removed first, so a report never mixes two
    evaluations. The data card and the references of a run stay in its folder.

    Args:
        table: the test table.
        output: the folder, created if missing.
        validation: the table on which threshold and temperature are chosen.
        task: the kind of task, where the columns cannot tell.
        rule: how the operating point is chosen.
        metadata: a table with a column `id`. With `columns`, subgroups are evaluated too.
        columns: columns of the metadata.
        positive_class: of a binary task; default: the class of the last score column.
        sheet: of those files that are workbooks.
        confidence: nominal coverage of all intervals.
        seed: of the bootstrap.
        overwrite: replace an earlier evaluation in the folder.

    Raises:
        FileExistsError: the folder holds another evaluation and `overwrite` is False, or it is the
            folder of a run with another table.
        FileNotFoundError: a table does not exist.
        ValueError: see `evaluate`. Also: columns without metadata, a positive class that the table
            does not have, or classes in another order than those of the run in that folder.
    """
    output = Path(output)
    if output.exists() and not output.is_dir():
        raise FileExistsError(f"{output} is a file; name a folder with --output.")
    if bool(columns) != (metadata is not None):
        raise ValueError("--metadata FILE and --by COLUMN,... belong together; give both or none.")
    test, held_out = _tables(table, validation, kind=task, positive=positive_class, sheet=sheet)
    _check_classes_of_run(test, output)
    groups = (
        {}
        if metadata is None
        else read_metadata(metadata, test.ids, columns=columns, sheet=sheet_of(metadata, sheet))
    )
    evaluation = evaluate(test, validation=held_out, rule=rule, confidence=confidence, seed=seed)
    if groups:
        _add_subgroups(evaluation, groups, confidence=confidence)
    if holds_evaluation(evaluation, output):
        return evaluation
    copied = _to_be_copied(table, output, overwrite=overwrite)
    old = read_record(output / "metrics.json")
    remove_evaluation(output)
    references = {
        name: read_table(output / f"predictions_test_{name}.csv", kind=task)
        for name in old.get("references", {})
    }
    files = {"test": table, "validation": validation, "metadata": metadata}
    chosen = {"task": task, "rule": rule, "by": ",".join(columns), "sheet": sheet}
    chosen |= {"positive_class": positive_class, "confidence": confidence, "seed": seed}
    _write_record(files, output, chosen)
    write_decision(evaluation, output)
    if copied:  # so that a report of several folders can compare them
        write_predictions(test, output / "predictions_test.csv", overwrite=True)
    write_evaluation(evaluation, output, data=old.get("data"), references=references)
    return evaluation


def _tables(
    table: str | Path, validation: str | Path | None, *, kind: str, positive: str, sheet: str
) -> tuple[Predictions, Predictions | None]:
    """Read the test table and the validation table, with their classes in one order."""
    test = read_table(table, kind=kind, sheet=sheet)
    held_out = None if validation is None else read_table(validation, kind=kind, sheet=sheet)
    if held_out is not None:
        test, held_out = in_one_order(test, held_out)
    if positive:
        test = test.with_positive_class(positive)
        held_out = held_out and held_out.with_positive_class(positive)
    return test, held_out


def _add_subgroups(evaluation: Evaluation, groups: Mapping[str, Any], *, confidence: float) -> None:
    evaluation.metrics["subgroups"] = {
        name: subgroup_summary(
            evaluation.test, values, point=evaluation.point, confidence=confidence
        )
        for name, values in groups.items()
    }


def holds_evaluation(evaluation: Evaluation, output: Path) -> bool:
    """Return whether a folder already holds exactly this evaluation.

    Args:
        evaluation: with its metrics.
        output: the folder.

    Raises:
        ValueError: a damaged metrics.json.
    """
    old = read_record(output / "metrics.json")
    with parts_of(output / "metrics.json"):
        return bool(old) and json.loads(json.dumps(evaluation.metrics)) == old["splits"]["test"]


def _check_classes_of_run(test: Predictions, output: Path) -> None:
    """Refuse classes, or an order of classes, that the run in that folder does not have."""
    trained = read_record(output / "run.json").get("class_names")
    if trained and list(test.class_names) != trained:
        raise ValueError(
            f"{output} is a run with the classes {', '.join(trained)} in this order, but the table "
            f"has {', '.join(test.class_names)}; name another --output."
        )


def _to_be_copied(table: str | Path, output: Path, *, overwrite: bool) -> bool:
    """Return whether the table lies outside the folder; refuse a folder with other results."""
    kept = output / "predictions_test.csv"
    copied = not (kept.exists() and kept.samefile(table))
    if copied and (output / "run.json").exists():
        raise FileExistsError(
            f"{output} is the folder of a run and {table} is not its predictions_test.csv; name "
            "another --output, because a run's results are not mixed with those of another table."
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


def _write_record(
    tables: Mapping[str, str | Path | None], output: Path, options: Mapping[str, Any]
) -> None:
    """Record what an evaluation was made from: files with their SHA-256, options, versions."""
    given = {name: Path(path) for name, path in tables.items() if path is not None}
    files = {name: {"file": path.name, "sha256": file_sha256(path)} for name, path in given.items()}
    record = {"options": dict(options), "versions": versions(), "tables": files}
    write_json(record, output / "evaluation.json")
