"""CSV and its relatives: which mark is between the cells, and the rows of cells."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from .cells import tidy
from .layout import Layout, lay_out

MARKS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
# the first line that Excel reads and writes
_SAID = re.compile(r'"?sep=(.)"?[ \t]*(\r\n|\r|\n|$)', re.IGNORECASE)
_SAMPLE = 50  # rows by which marks are told apart, before all rows are

Rows = tuple[list[list[str]], list[int]]


def split_rows(
    text: str,
    name: str,
    *,
    separator: str | None = None,
    wanted: Sequence[str] = (),
    tabs: bool = False,
) -> Rows:
    r"""Return the rows of cells that are not blank, and the line of the file on which each begins.

    The separator is what a line `sep=` says; else the mark of `MARKS` with which the header has the
    most of the wanted columns and all rows are of one length.

    Args:
        text: of the file.
        name: of the file, for messages.
        separator: between the cells, if it is known.
        wanted: names of columns that the table should have.
        tabs: whether a tab in the text is the separator.

    Raises:
        ValueError: quotes that are not closed, or two separators with which the text is a table.

    Example:
        >>> split_rows("sep=;\na;b\n1;2,5\n", "t.csv")
        ([['a', 'b'], ['1', '2,5']], [2, 3])
    """
    said = _SAID.match(text)
    skipped = 0
    if said:
        separator = separator or said.group(1)
        text = text[said.end() :]
        skipped = 1
    if separator is not None and len(separator) != 1:
        raise ValueError(f"separator={separator!r}; one character is needed, such as ';' or ','.")
    mark = separator or _mark_of(text, name, wanted, tabs=tabs)
    try:
        return _listed(_rows(text, mark), skipped)
    except csv.Error as error:
        raise ValueError(
            f"{name} cannot be read as a table ({error}); the separator is a "
            f"{MARKS.get(mark, repr(mark))}: close the quotes, or pass another separator."
        ) from None


def _rows(text: str, mark: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line and cells of each row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    line = 1
    for row in reader:
        if any(row) and any(map(tidy, row)):
            yield line, row
        line = reader.line_num + 1


def _listed(found: Iterator[tuple[int, list[str]]], skipped: int = 0) -> Rows:
    rows = []
    lines = []
    for line, row in found:
        rows.append(row)
        lines.append(line + skipped)
    return rows, lines


def _mark_of(text: str, name: str, wanted: Sequence[str], *, tabs: bool) -> str:
    top = text[: 1 << 16]
    marks = [mark for mark in MARKS if mark in top]
    if tabs and "\t" in marks:
        return "\t"
    read = {mark: layout for mark in marks if (layout := _layout(text, mark, wanted, _SAMPLE))}
    if len(read) < 2:
        return next(iter(read or marks), ",")
    most = max(layout.matched for layout in read.values())
    read = {mark: layout for mark, layout in read.items() if layout.matched == most}
    fitting = [mark for mark, layout in read.items() if layout.fits]
    if len(fitting) > 1:
        fitting = [
            mark
            for mark in fitting
            if (layout := _layout(text, mark, wanted, None)) and layout.fits
        ] or fitting[:1]
    fitting = [mark for mark in fitting if not _is_beaten(read, mark, fitting)]
    if len(fitting) > 1:
        names = " or ".join(f"{MARKS[mark]} ({len(read[mark].names)} columns)" for mark in fitting)
        raise ValueError(
            f"{name} is a table with more than one separator: {names}; pass the one that is meant, "
            f"such as separator={fitting[-1]!r}, or write sep={fitting[-1]} into a first line."
        )
    return fitting[0] if fitting else max(read, key=lambda mark: len(read[mark].names))


def _is_beaten(read: Mapping[str, Layout], mark: str, others: Sequence[str]) -> bool:
    """Return whether another mark makes a header with as many columns or more of what this one
    passes over as a title: commas in numbers such as 61,5 below a header without any.
    """
    own = read[mark]
    return any(
        read[other].header < own.header and len(read[other].names) >= len(own.names)
        for other in others
    )


def _layout(text: str, mark: str, wanted: Sequence[str], most: int | None) -> Layout | None:
    """Return the layout of the first rows with this mark; None if they cannot be read so."""
    try:
        rows = [row for _, row in islice(_rows(text, mark), most)]
    except csv.Error:
        return None
    return lay_out(rows, wanted) if rows else None
