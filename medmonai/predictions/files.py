"""The predictions table as a CSV file.

Columns: ``id, group, y_true, score_<class>, ...`` (multilabel: one ``y_true_<label>`` column per
label). The group column is empty without groups; a table of unlabeled cases has no ``y_true``.
Scores are restored bit for bit.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from medmonai.atomic_files import replacing
from medmonai.tables import read_text_table
from medmonai.task import Task

from .columns import predictions_of
from .table import Predictions


def write_predictions(
    predictions: Predictions,
    path: str | Path,
    *,
    overwrite: bool = False,
    predicted: Sequence[str] | None = None,
) -> None:
    """Write the table as CSV, completely or not at all.

    Args:
        predictions: the table; without labels, the ``y_true`` column is omitted.
        path: the file to write; its folder must exist.
        overwrite: replace an existing file.
        predicted: a column ``predicted`` with these names, one per case, such as
            `Predictions.predicted_names()`. A multilabel table without labels cannot be
            distinguished from a multiclass one: read it with ``task=``.

    Raises:
        FileExistsError: `path` exists and `overwrite` is False.
        FileNotFoundError: the folder does not exist.
    """
    header = ["id", "group"]
    columns = [predictions.ids.tolist()]
    columns.append(
        [""] * len(predictions) if predictions.groups is None else predictions.groups.tolist()
    )
    if predictions.y_true is not None:
        exclusive = predictions.task.exclusive
        header += (
            ["y_true"] if exclusive else [f"y_true_{name}" for name in predictions.class_names]
        )
        columns += [predictions.y_true.tolist()] if exclusive else predictions.y_true.T.tolist()
    header += [f"score_{name}" for name in predictions.class_names]
    # Python floats: csv writes their repr, which is exact
    columns += predictions.y_score.T.tolist()
    if predicted is not None:
        header.append("predicted")
        columns.append(list(predicted))
    with (
        replacing(path, overwrite=overwrite) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(zip(*columns))


def read_predictions(
    path: str | Path, *, task: Task | None = None, sheet: str | None = None
) -> Predictions:
    """Read a table written by `write_predictions`, or by another tool with the same column names.

    Without `task`: ``y_true_<label>`` columns mean multilabel; one score column (``score`` or
    ``score_<name>``) means binary: the positive class's p, completed to (1 - p, p), or, if any
    value is outside [0, 1], its logit z, completed to (0, z); two score columns mean binary, more
    mean multiclass. Pass `task` for ordinal tables, and for multilabel ones without labels. Other
    columns are ignored.

    The order of the score columns is the order of the labels 0, 1, ...; columns numbered
    differently are refused. ``y_true`` may hold class names instead of numbers, compared without
    case, or True and False (`medmonai.predictions.labels`). The file may be any that
    `medmonai.tables.read_text_table` reads: CSV as spreadsheets save it, decimal commas, Excel
    workbooks. The names id, group, y_true and score match in any case.

    Args:
        path: the file.
        task: see above.
        sheet: sheet of a workbook, if several are not empty.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a missing or repeated column, or an invalid value; the message names file, row
            and column.
    """
    try:
        return predictions_of(
            read_text_table(
                path, sheet=sheet, wanted=("id", "y_true", "group", "score"), exact=True
            ),
            task,
        )
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
