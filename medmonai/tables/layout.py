"""Where the header of a table is, and which columns follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .cells import same_name, tidy

_MOST_ABOVE = 20  # rows that are looked through for the header


@dataclass(frozen=True)
class Layout:
    """A reading of rows of cells as a table.

    Args:
        header: the row that names the columns.
        names: of the columns, without empty ones at the end.
        matched: how many of the wanted columns the header has.
        wrong: rows below it that are shorter, or longer by a cell that is not empty.
    """

    header: int
    names: list[str]
    matched: int
    wrong: list[int] = field(repr=False)

    @property
    def fits(self) -> bool:
        """Whether there are columns, and every row has as many."""
        return len(self.names) > 1 and not self.wrong


def lay_out(rows: Sequence[Sequence[str]], wanted: Sequence[str] = ()) -> Layout:
    """Return where the header is, and the rows that do not fit it.

    The header is the first row with the most of the wanted columns; where there is none of them,
    the first row that is not a title: one with a value in its first cell alone, above a row with
    several.

    Args:
        rows: of cells, none of them blank throughout.
        wanted: names of columns, compared without case.

    Example:
        >>> found = lay_out([["Study X", ""], ["id", "label"], ["a", "1"]])
        >>> found.header, found.names
        (1, ['id', 'label'])
    """
    header, matched = _header(rows[:_MOST_ABOVE], {same_name(name) for name in wanted})
    whole = list(map(tidy, rows[header]))
    width = len(whole)
    while width and not whole[width - 1]:
        width -= 1
    wrong = [
        row
        for row in range(header + 1, len(rows))
        if len(rows[row]) != width and not _fits(rows[row], width, len(whole))
    ]
    return Layout(header, whole[:width], matched, wrong)


def _header(top: Sequence[Sequence[str]], wanted: set[str]) -> tuple[int, int]:
    counts = [len(wanted.intersection(map(same_name, row))) for row in top]
    if any(counts):
        return counts.index(max(counts)), max(counts)
    for number, row in enumerate(top):
        if any(map(tidy, row[1:])):
            return number, 0
    return 0, 0


def _fits(row: Sequence[str], width: int, whole: int) -> bool:
    """Whether a row of another width does: what is beyond the named columns is empty, or in a
    column without a name.
    """
    return len(row) > width and (len(row) <= whole or not any(map(tidy, row[whole:])))
