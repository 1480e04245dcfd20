"""Tables as text: CSV and TSV files with a header, read whole and checked row by row."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TextTable:
    """The columns of a CSV or TSV file, without spaces around the values.

    pandas would guess types (a label "1" as 1.0 beside a blank, "NA" as missing) and takes longer to import than 220,025
    rows take to read here.

    Args:
        name: of the file.
        columns: column name -> one str a row.
        lines: the line of each row in the file, from 2.
    """

    name: str
    columns: dict[str, list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str, argument: str) -> list[str]:
        """Return a column.

        Raises:
            ValueError: there is no such column; the message names the argument that asked for it, and the columns there are.
        """
        if name not in self.columns:
            hint = "; is separator another one?" if len(self.columns) == 1 else "."
            raise ValueError(f"{argument}={name!r} is no column of {self.name}; it has {', '.join(map(repr, self.columns))}"
                             f"{hint}")
        return self.columns[name]

    def places(self, rows: Sequence[int]) -> str:
        """Return where the first of these rows are, for a message: "line 5, 9, 12 and 3 more"."""
        told = ", ".join(str(self.lines[row]) for row in rows[:3])
        return f"line {told}" + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")


def read_text_table(path: str | Path, *, separator: str | None = None) -> TextTable:
    """Read a table with a header.

    Args:
        path: a CSV or TSV file in UTF-8.
        separator: between the columns; default: tab for `.tsv` and `.tab`; else comma, or, in a header without one,
            semicolon or tab.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no header or no row, a column twice, a row with another number of columns, no text.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; give a CSV or TSV file with a header.")
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            delimiter = separator or _separator(path, next(filter(str.strip, file), ""))
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for row in reader:
                if row and any(map(str.strip, row)):
                    rows.append(row)
                    lines.append(reader.line_num)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} cannot be read as a table: {error}; save it as CSV in UTF-8.") from error
    if len(rows) < 2:
        raise ValueError(f"{path.name} holds {len(rows)} lines; a header and at least one row are needed.")
    header = [value.strip() for value in rows[0]]
    double = sorted({name for name in header if header.count(name) > 1})
    if double:
        raise ValueError(f"{path.name} has column {', '.join(map(repr, double))} twice; give every column its own name.")
    wrong = [i for i, row in enumerate(rows) if len(row) != len(header)]
    if wrong:
        hint = f"; is the separator {delimiter!r}?" if len(header) == 1 else "; quote values that hold it"
        raise ValueError(f"{path.name}: line {lines[wrong[0]]} has {len(rows[wrong[0]])} columns and the header "
                         f"{len(header)} ({len(wrong)} such lines){hint}.")
    columns = {name: [value.strip() for value in values] for name, values in zip(header, zip(*rows[1:]))}
    return TextTable(path.name, columns, lines[1:])


def _separator(path: Path, header: str) -> str:
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"
    return next((mark for mark in (",", ";", "\t") if mark in header), ",")
