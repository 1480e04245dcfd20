"""Reading the predictions tables that a command names."""

from __future__ import annotations

from pathlib import Path

from medmonai.predictions import Predictions, read_predictions
from medmonai.tables import WORKBOOKS
from medmonai.task import Task, kind_named


def read_table(path: str | Path, *, kind: str = "", sheet: str = "") -> Predictions:
    """Read a predictions table.

    Args:
        path: any file that `medmonai.tables.read_text_table` reads.
        kind: of the task, where the columns cannot tell ("ordinal", "multilabel").
        sheet: of a workbook; ignored for text files.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: not a predictions table, or one of another task.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"no predictions table at {path}; give a CSV file or a workbook with the columns id, "
            "y_true, score_<class>."
        )
    chosen = sheet_of(path, sheet)
    table = read_predictions(path, sheet=chosen)
    if not kind or kind == table.task.kind:
        return table
    return read_predictions(path, task=Task(kind_named(kind), table.task.num_classes), sheet=chosen)


def sheet_of(path: str | Path, sheet: str) -> str | None:
    """Return the sheet to read from a file; None for text files, which have none."""
    return sheet or None if Path(path).suffix.lower() in WORKBOOKS else None
