"""Tables as text: all variants of CSV and Excel workbooks, read completely and checked row by
row.
"""

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
# First bytes of files that are not text, whatever their name.
_BINARY = {
    b"PK\x03\x04": "a zip file (if it is an Excel workbook, rename it to .xlsx)",
    b"\xd0\xcf\x11\xe0": "an Excel 97 file, or a workbook with a password",
    b"\x1f\x8b": "a gzip file",
    b"%PDF": "a PDF",
}
_MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class TextTable:
    """The columns of a table, without surrounding white space in the values.

    pandas would guess types (a label "1" as 1.0 in a column with blanks, "NA" as missing) and takes
    longer to import than this takes to read 220,025 rows.

    Args:
        name: name of the file.
        columns: column name -> one str per row. Columns without a name are omitted.
        lines: the line number (in a workbook: row number) of each row in the file, from 1.
        notes: one sentence each on how the file was read.
        repeated: names shared by more than one column; `columns` has the first.
    """

    name: str
    columns: dict[str, list[str]]
    lines: list[int]
    notes: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.lines)

    def column_name(self, name: str, argument: str) -> str:
        """Return a column's name as spelled in the file; case and spaces count only if two names
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
            hint = "; if that is several columns, pass the separator." if joined else "."
            raise ValueError(
                f"{argument}={name!r} is not a column of {self.name}; it has "
                f"{quoted(self.columns)}{hint}"
            )
        if len(fits) > 1:
            raise ValueError(
                f"{argument}={name!r} matches the columns {quoted(fits)} of {self.name}; use the "
                "exact spelling of the table."
            )
        if fits[0] in self.repeated:
            raise ValueError(
                f"{argument}={name!r}: {self.name} has more than one column {fits[0]!r}; rename "
                "the other ones."
            )
        return fits[0]

    def column(self, name: str, argument: str) -> list[str]:
        """Return the values of a column; see `column_name`."""
        return self.columns[self.column_name(name, argument)]

    def identifiers(self, name: str, argument: str, *, known: Container[str] = ()) -> list[str]:
        """Return the identifiers in a column, see `medmonai.tables.cells.identifiers`; notes are
        logged.

        Args:
            name: name of the column.
            argument: the argument that asked for it.
            known: existing identifiers; if any value is among them, all are used unchanged.
        """
        values = self.column(name, argument)
        if any(value in known for value in values):
            return values
        values, notes = identifiers(values, self.column_name(name, argument))
        for note in notes:
            logger.warning("%s: %s", self.name, note)
        return values

    def places(self, rows: Sequence[int]) -> str:
        """Return the positions of the first of these rows, for a message: "line 5, 9, 12 and 3
        more".
        """
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
    r"""Read a table with a header, as saved by spreadsheets, statistics programs and people.

    - Text in UTF-8, UTF-16 or UTF-32 (a byte order mark decides), otherwise cp1252, with a note;
      comma, semicolon, tab or vertical bar as separator; a first line "sep=;"; quotes around cells
      with line breaks; any line ending.
    - Excel workbooks (.xlsx, .xlsm): the stored values of one sheet. Formulas are never calculated.
    - Title lines above the header, blank rows, rows with only separators, separators at line ends
      and columns without a name are ignored; so is an apostrophe that marks a number as text.

    If a table is ambiguous, nothing is chosen: the message names `separator`, `encoding` or
    `sheet`.

    Args:
        path: the file.
        separator: column separator of a text file; default: the one that gives the wanted columns
            and rows of equal length.
        encoding: encoding of a text file; default: see above.
        sheet: sheet of a workbook; needed if several are not empty.
        wanted: columns that will be needed; they identify the header and the separator.
        exact: whether the values are kept exactly as in the file, with surrounding characters.

    Raises:
        FileNotFoundError: no such file.
        ImportError: a workbook, but openpyxl is not installed.
        ValueError: no header or no row, a row with a different number of columns, or a file that is
            not such a table.
    """
    path = Path(os.path.expanduser(path))  # pathlib's raises if ~x is a folder and not a user
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not a file; give a CSV file or an Excel workbook (.xlsx) with a header."
        )
    suffix = path.suffix.lower()
    if suffix in OTHER_TABLES:
        raise ValueError(
            f"{path.name} is {OTHER_TABLES[suffix]} by its name, which is not supported; save it "
            "as .xlsx, or as CSV in UTF-8."
        )
    if suffix in WORKBOOKS:
        if separator is not None or encoding is not None:
            raise ValueError(
                f"{path.name} is a workbook: separator and encoding apply to text files; pass only "
                "sheet."
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
            f"{path.name} has {size} bytes, and the limit for tables is {_MOST_BYTES}; remove "
            "unused columns."
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
        raise ValueError(f"{name} has {len(rows)} lines; a header and at least one row are needed.")
    if layout.wrong:
        row = layout.wrong[0]
        raise ValueError(
            f"{name}: line {lines[row]} has {len(rows[row])} columns, but the header (line "
            f"{lines[layout.header]}) has {len(layout.names)} ({len(layout.wrong)} such lines); "
            "quote values that contain the separator, or pass another separator."
        )
    if layout.header:
        above = "; ".join(" ".join(filter(None, map(tidy, row))) for row in rows[: layout.header])
        lines_were = (
            "1 line above the header was"
            if layout.header == 1
            else f"{layout.header} lines above the header were"
        )
        notes.append(f"{lines_were} ignored: {above[:200]!r}.")
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
    return TextTable(name, columns, lines[layout.header + 1 :], tuple(notes), repeated)
