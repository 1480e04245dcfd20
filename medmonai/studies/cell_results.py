"""What a finished cell left: its two tables and the numbers of its metrics.json, checked against
each other.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.metrics import average_seeds, macro_auc_score
from medmonai.predictions import Predictions, read_predictions
from medmonai.report.wording import chosen_decisions
from medmonai.run_files import read_record
from medmonai.task import Task


@dataclass(frozen=True, eq=False)
class CellResult:
    """The result of one cell, or of the folds of one seed together.

    Args:
        validation: the validation table; of folds the out-of-fold table.
        test: the test table; of folds the mean of their scores.
        validation_auc: AUC of `validation` (mean one-vs-rest); NaN where undefined.
        test_auc: AUC of `test`.
        balanced_accuracy: on test, at the threshold locked on validation (of several classes:
            highest score), as metrics.json has it; None where it is not there. Of folds the mean
            over them.
        seconds: the cell took, of folds their sum; None where nothing says.
    """

    validation: Predictions
    test: Predictions
    validation_auc: float
    test_auc: float
    balanced_accuracy: float | None
    seconds: float | None


def load_cell(folder: str | Path) -> CellResult:
    """Read the folder of a finished cell.

    Seconds are those in outcome.json (of all attempts that were not killed), else of the epochs in
    history.csv, else those of run.json.

    Raises:
        ValueError: metrics.json or a table is missing, cannot be read, or they do not belong
            together (other cases, another AUC); the folder is named.
    """
    folder = Path(folder)
    try:
        metrics = read_record(folder / "metrics.json")
        if not metrics:
            raise ValueError("no metrics.json: the cell is not finished")
        splits = metrics["splits"]
        task = Task(splits["test"]["task"], len(splits["test"]["class_counts"]))
        tables = {}
        for split, name in (
            ("validation", "predictions_val.csv"),
            ("test", "predictions_test.csv"),
        ):
            table = read_predictions(folder / name, task=task)
            tables[split] = table, _checked_auc(table, splits.get(split), name)
        decided = _balanced_accuracy(splits["test"])
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"metrics.json lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f"cell folder {folder}: {reason}; move the folder away and run the study again."
        ) from None
    (validation, validation_auc), (test, test_auc) = tables["validation"], tables["test"]
    return CellResult(validation, test, validation_auc, test_auc, decided, _seconds(folder))


def _checked_auc(table: Predictions, split: dict[str, Any] | None, name: str) -> float:
    """AUC of a table, which must be the one that metrics.json speaks of."""
    if table.y_true is None:
        raise ValueError(f"{name} has no y_true")
    auc = macro_auc_score(table.y_true, table.y_score, table.task)
    if split is None:
        return auc
    written = math.nan if split["auc"]["estimate"] is None else split["auc"]["estimate"]
    if split["n"] != len(table) or not (
        abs(auc - written) < 1e-9 or (math.isnan(auc) and math.isnan(written))
    ):
        raise ValueError(
            f"{name} has {len(table)} cases and an AUC of {auc:.6f}, metrics.json says "
            f"{split['n']} and {written:.6f}: a part is missing or of another run"
        )
    return auc


def _balanced_accuracy(test: dict[str, Any]) -> float | None:
    overall = (chosen_decisions(test) or {}).get("overall", {}) if "decisions" in test else {}
    numbers = overall.get("balanced_accuracy") or overall.get("macro_balanced_accuracy") or {}
    return numbers.get("estimate")


def _seconds(folder: Path) -> float | None:
    """Seconds of the cell; a file that cannot be read costs only this number."""
    try:
        outcome = read_record(folder / "outcome.json")
        if "seconds" in outcome:
            return float(outcome["seconds"])
        if (folder / "history.csv").is_file():
            with open(folder / "history.csv", newline="", encoding="utf-8") as file:
                return sum(float(row["seconds"]) for row in csv.DictReader(file))
        run = read_record(folder / "run.json")
        started, ended = (datetime.fromisoformat(run[name]) for name in ("started", "ended"))
        return (ended - started).total_seconds()
    except (OSError, KeyError, TypeError, ValueError):
        return None


def join_folds(folds: Sequence[CellResult]) -> CellResult:
    """Put the folds of one seed together: out-of-fold scores side by side, test scores averaged
    (their ensemble).

    The out-of-fold AUC ranks scores of different networks against each other, so it can lie below
    that of every fold.

    Raises:
        ValueError: a case in two validation tables; test tables of other cases.
    """
    first = folds[0].validation
    ids = np.concatenate([fold.validation.ids for fold in folds])
    unique, counts = np.unique(ids, return_counts=True)
    if len(unique) < len(ids):
        raise ValueError(
            f"case {str(unique[counts > 1][0])!r} is in the validation tables of "
            f"{counts.max()} folds; folds are disjoint."
        )
    groups = [fold.validation.groups for fold in folds if fold.validation.groups is not None]
    validation = replace(
        first,
        ids=ids,
        y_true=np.concatenate([fold.validation.labels for fold in folds]),
        y_score=np.concatenate([fold.validation.y_score for fold in folds]),
        groups=np.concatenate(groups) if len(groups) == len(folds) else None,
    )
    test = average_seeds([fold.test for fold in folds])
    out_of_fold, ensemble = (
        macro_auc_score(table.labels, table.y_score, table.task) for table in (validation, test)
    )
    seconds = [fold.seconds for fold in folds if fold.seconds is not None]
    return CellResult(
        validation,
        test,
        out_of_fold,
        ensemble,
        mean_or_none([fold.balanced_accuracy for fold in folds]),
        sum(seconds) if len(seconds) == len(folds) else None,
    )


def mean_or_none(values: Sequence[float | None]) -> float | None:
    """Mean of the numbers; None if one of them is None or there is none."""
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers and len(numbers) == len(values) else None
