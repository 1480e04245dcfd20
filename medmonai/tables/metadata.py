"""Columns of a table that describe cases: sex, age, site."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .cells import tidy
from .text_table import read_text_table


def read_metadata(
    path: str | Path,
    ids: Sequence[str] | np.ndarray,
    *,
    columns: Sequence[str] = (),
    sheet: str | None = None,
) -> dict[str, np.ndarray]:
    """Read the columns of a table with a column ``id``, in the order of the given cases.

    Args:
        path: any file that `medmonai.tables.read_text_table` reads; rows of other cases are
            ignored.
        ids: (N,) cases, such as `Predictions.ids`.
        columns: the columns to read, in any case; default: all.
        sheet: of a workbook, if several hold something.

    Returns:
        Column name -> (N,) texts; empty cells stay "".

    Raises:
        FileNotFoundError: no such file.
        ValueError: no column ``id`` or one of `columns`, a repeated id, a row of another length, a
            case that the file lacks (the first are named).
    """
    table = read_text_table(path, wanted=("id", *columns), sheet=sheet)
    cases = list(map(tidy, map(str, ids)))
    row_of: dict[str, int] = {}
    for row, case in enumerate(table.identifiers("id", "column", known=set(cases))):
        if row_of.setdefault(case, row) != row:
            raise ValueError(
                f"{path}: {table.places([row])} repeats id {case!r}; give each case one row."
            )
    missing = [case for case in cases if case not in row_of]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(
            f"{path}: no row for id {', '.join(map(repr, missing[:3]))}{more}; every case needs "
            "one."
        )
    rows = [row_of[case] for case in cases]
    own = table.column_name("id", "column")
    named = columns or [
        name for name in table.columns if name != own and name not in table.repeated
    ]
    read = {name: table.column(name, "column") for name in named}
    return {name: np.array([values[row] for row in rows]) for name, values in read.items()}
