"""Tables as text: CSV in all its kinds and Excel workbooks, read whole and checked row by row."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from medmonai.text_files import decode_text

from .cells import identifiers, quoted, same_name, tidy, without_text_marks
from .delimited import Rows, split_rows
from .layout import Layout, lay_out
from .spreadsheet import WORKBOOKS, read_workbook

logger = logging.getLogger("medmonai.tables")

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", *WORKBOOKS)
_TABS = (".tsv", ".tab")
OTHER_TABLES = {
    ".xls": "an Excel 97 file",
    ".xlsb": "a binary Excel file",
    ".ods": "an OpenDocument file",
    ".numbers": "a Numbers file",
}
# What files begin with that are not text, whatever they are called.
_BINARY = {
    b"PK\x03\x04": "a zip file (perhaps an Excel workbook: call it .xlsx)",
    b"\xd0\xcf\x11\xe0": "an Excel 97 file, or a workbook with a password",
    b"\x1f\x8b": "a gzip file",
    b"%PDF": "a PDF",
}
_MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class TextTable:
    """The columns of a table, without white space around the values.

    pandas would guess types (a label "1" as 1.0 beside a blank, "NA" as missing) and takes longer
    to import than 220,025 rows take to read here.

    Args:
        name: of the file.
        columns: column name -> one str a row. Columns without a name are left out.
        lines: the line (of a workbook: the row) of each row in the file, from 1.
        notes: one sentence each on how the file was read.
        repeated: names that more than one column has; `columns` has the first.
        unnamed: how many columns have no name.
    """

    name: str
    columns: dict[str, list[str]]
    lines: list[int]
    notes: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()
    unnamed: int = 0

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def second_header(self) -> str:
        """What to do if the names of the columns are not where they were looked for, to follow a
        message; "" where every column has a name.
        """
        return (
            f"; columns without a name: {self.unnamed}. If line {self.lines[0]} is a second header "
            "line, delete the lines above it"
            if self.unnamed
            else ""
        )

    def column_name(self, name: str, argument: str) -> str:
        """Return a column's name as the file spells it; case and spaces count only where two names
        differ in nothing else.

        Raises:
            ValueError: no such column, or more than one; the message names the argument that asked
                for it, and the columns.
        """
        fits = (
            [name]
            if name in self.columns
            else [own for own in self.columns if same_name(own) == same_name(str(name))]
        )
        if not fits:
            joined = (
                len(self.columns) == 1 and not next(iter(self.columns)).replace("_", "").isalnum()
            )
            hint = "; if that is several columns, pass their separator." if joined else "."
            raise ValueError(
                f"{argument}={name!r} is not a column of {self.name}; it has "
                f"{quoted(self.columns)}{self.second_header}{hint}"
            )
        if len(fits) > 1:
            raise ValueError(
                f"{argument}={name!r} fits the columns {quoted(fits)} of {self.name}; spell it as "
                "the table does."
            )
        if fits[0] in self.repeated:
            raise ValueError(
                f"{argument}={name!r}: {self.name} has more than one column {fits[0]!r}; rename "
                "the others."
            )
        return fits[0]

    def column(self, name: str, argument: str) -> list[str]:
        """Return the values of a column; see `column_name`."""
        return self.columns[self.column_name(name, argument)]

    def identifiers(self, name: str, argument: str, *, known: Container[str] = ()) -> list[str]:
        """Return the values of a column that identify something, see
        `medmonai.tables.cells.identifiers`; notes are logged.

        Args:
            name: of the column.
            argument: that asked for it.
            known: identifiers that exist; if a value is among them, all are taken as they stand.
        """
        values = self.column(name, argument)
        if any(value in known for value in values):
            return values
        values, notes = identifiers(values, self.column_name(name, argument))
        for note in notes:
            logger.warning("%s: %s", self.name, note)
        return values

    def places(self, rows: Sequence[int]) -> str:
        """Return where the first of these rows are, for a message: "line 5, 9, 12 and 3 more"."""
        told = ", ".join(str(self.lines[row]) for row in rows[:3])
        return f"line {told}" + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")


def read_text_table(
    path: str | Path,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    wanted: Sequence[str] = (),
    exact: bool = False,
) -> TextTable:
    r"""Read a table with a header, as spreadsheets, statistics programs and people save them.

    - Text in UTF-8, UTF-16 or UTF-32 (a byte order mark decides), else in cp1252, which a note
      says; comma, semicolon, tab or vertical bar between the cells; a first line "sep=;"; quotes
      around cells with line breaks; any line ends.
    - Excel workbooks (.xlsx, .xlsm): the stored values of one sheet. Formulas are never computed.
    - Title lines above the header, blank rows, rows of separators alone, separators at the ends of
      lines and columns without a name are passed over; so is an apostrophe that marks a number as
      text.

    Where two readings are left, nothing is chosen: the message names `separator`, `encoding` or
    `sheet`.

    Args:
        path: the file.
        separator: between the columns of a text; default: the mark that gives the wanted columns
            and rows of one length.
        encoding: of a text; default: see above.
        sheet: of a workbook; needed if several sheets hold something.
        wanted: columns that will be asked for; they tell the header and the separator.
        exact: whether the values stay as they are in the file, with what stands around them.

    Raises:
        FileNotFoundError: no such file.
        ImportError: a workbook, and no openpyxl.
        ValueError: no header or no row, a row with another number of columns, a file that is not
            such a table.
    """
    path = Path(os.path.expanduser(path))  # pathlib's raises where ~x is a folder and no user
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not a file; give a CSV file or an Excel workbook (.xlsx) with a header."
        )
    suffix = path.suffix.lower()
    if suffix in OTHER_TABLES:
        raise ValueError(
            f"{path.name} is {OTHER_TABLES[suffix]} by its name, which is not read; save it as "
            ".xlsx, or as CSV in UTF-8."
        )
    if suffix in WORKBOOKS:
        if separator is not None or encoding is not None:
            raise ValueError(
                f"{path.name} is a workbook: separator and encoding are for text; pass sheet alone."
            )
        rows, lines, note = read_workbook(path, sheet=sheet)
    else:
        if sheet is not None:
            raise ValueError(f"sheet={sheet!r} is for Excel workbooks; {path.name} is text.")
        text, note = decode_text(_content(path), path.name, encoding=encoding)
        rows, lines = split_rows(
            text, path.name, separator=separator, wanted=wanted, tabs=suffix in _TABS
        )
    table = _table(path.name, (rows, lines), wanted, [note] if note else [], exact=exact)
    for said in table.notes:
        logger.warning("%s: %s", path.name, said)
    return table


def _content(path: Path) -> bytes:
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(
            f"{path.name} has {size} bytes and tables are read up to {_MOST_BYTES}; take out "
            "columns that are not used."
        )
    content = path.read_bytes()
    kind = next((kind for mark, kind in _BINARY.items() if content.startswith(mark)), None)
    if kind:
        raise ValueError(f"{path.name} is {kind}, not text; save it as CSV in UTF-8, or as .xlsx.")
    return content


def _table(
    name: str, read: Rows, wanted: Sequence[str], notes: list[str], *, exact: bool
) -> TextTable:
    rows, lines = read
    layout = lay_out(rows, wanted) if rows else Layout(0, [], 0, [])
    body = rows[layout.header + 1 :]
    if not body:
        raise ValueError(
            f"{name} holds {len(rows)} lines; a header and at least one row are needed."
        )
    if layout.wrong:
        row = layout.wrong[0]
        second = ""
        if len(layout.wrong) == len(body):
            second = f"; or, if the names are in line {lines[row]}, delete the lines above it"
        raise ValueError(
            f"{name}: line {lines[row]} has {len(rows[row])} columns and the header, line "
            f"{lines[layout.header]}, {len(layout.names)} ({len(layout.wrong)} such lines); quote "
            f"values that hold the separator, or pass another separator{second}."
        )
    if layout.header:
        above = "; ".join(" ".join(filter(None, map(tidy, row))) for row in rows[: layout.header])
        lines_were = (
            "1 line above the header was"
            if layout.header == 1
            else f"{layout.header} lines above the header were"
        )
        notes.append(f"{lines_were} passed over: {above[:200]!r}.")
    named = [c for c, column in enumerate(layout.names) if column]
    spelled = {c: rows[layout.header][c] if exact else layout.names[c] for c in named}
    places = {column: c for c, column in reversed(spelled.items())}
    columns = {
        column: [row[c] for row in body]
        for column, c in sorted(places.items(), key=lambda item: item[1])
    }
    if not exact:
        columns = {
            column: without_text_marks([tidy(value) for value in values])
            for column, values in columns.items()
        }
    repeated = frozenset(column for column, count in Counter(spelled.values()).items() if count > 1)
    unnamed = len(layout.names) - len(named)
    return TextTable(name, columns, lines[layout.header + 1 :], tuple(notes), repeated, unnamed)
