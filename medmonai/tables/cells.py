"""Cells of tables as text: what stands around a value, and identifiers that a spreadsheet has
rewritten.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Sequence

# White space of all kinds, and what is not seen at all: zero-width characters and a byte order mark
# in the middle of a file.
_AROUND = (
    string.whitespace
    + "\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
    + "\u180e\u200b\u200c\u200d\u2060\ufeff"
)
_AROUND += "".join(map(chr, range(0x2000, 0x200B)))
_TEXT_MARK = re.compile(r"'[-+=@\d]")  # 'what a spreadsheet must not take for a number or a formula
_FLOAT = re.compile(r"\d+\.0+", re.ASCII)
_ROUNDED = re.compile(r"\d(\.\d+)?e\+\d+", re.ASCII | re.IGNORECASE)


def tidy(value: str) -> str:
    r"""Return a value without white space and zero-width characters around it, its letters composed
    (NFC).

    macOS writes "ö" as "o" and two dots: the same patient, image or class in two files would be
    two.

    Example:
        >>> tidy("\u00a0 nevus\u200b"), tidy("bo\u0308sartig") == "b\u00f6sartig"
        ('nevus', True)
    """
    value = value.strip(_AROUND)
    return value if value.isascii() else unicodedata.normalize("NFC", value)


def same_name(name: str) -> str:
    """Return a column's name as it is compared: tidied, runs of spaces as one, without case.

    Example:
        >>> same_name("Image  ID ") == same_name("image id")
        True
    """
    return " ".join(tidy(name).split()).casefold()


def without_text_marks(values: list[str]) -> list[str]:
    """Return values without the apostrophe that marks text in spreadsheets, where a number or a
    sign follows it.

    Example:
        >>> without_text_marks(["'0012", "'s-Gravenhage"])
        ['0012', "'s-Gravenhage"]
    """
    return [
        value[1:]
        if value[:1] == "'" and _TEXT_MARK.match(value) and not value.endswith("'")
        else value
        for value in values
    ]


def identifiers(values: Sequence[str], column: str) -> tuple[list[str], tuple[str, ...]]:
    """Return identifiers (images, cases, patients) as they were before a spreadsheet took them for
    numbers, and notes.

    "12.0" is 12, if no value of the column has another fraction. Digits behind 1.2E+05 are lost; a
    note says so. Leading zeros are kept: 007 and 7 are two.

    Args:
        values: of one column.
        column: its name, for the notes.

    Example:
        >>> identifiers(["12.0", "7", "007"], "patient")[0]
        ['12', '7', '007']
        >>> identifiers(["1.0", "1.1"], "version")[0]
        ['1.0', '1.1']
    """
    notes = []
    rounded = [value for value in values if _ROUNDED.fullmatch(value)]
    if rounded:
        notes.append(
            f"column {column!r} holds {rounded[0]!r} ({len(rounded)} such values): a spreadsheet "
            "has rounded long numbers, and different ones may have become one; export the column "
            "as text."
        )
    pointed = [value for value in values if "." in value]
    if not pointed or not all(map(_FLOAT.fullmatch, pointed)):
        return list(values), tuple(notes)
    notes.append(
        f"column {column!r} holds {pointed[0]!r} ({len(pointed)} such values), as programs write "
        "whole numbers that they took for decimals; the zeros behind the point were dropped."
    )
    return [value.partition(".")[0] for value in values], tuple(notes)


def quoted(names: Iterable[str]) -> str:
    """Return names for a message: in quotes, with commas between, at most twenty."""
    listed = list(names)
    more = f" and {len(listed) - 20} more" if len(listed) > 20 else ""
    return ", ".join(map(repr, listed[:20])) + more
