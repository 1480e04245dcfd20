"""Questions about columns, so that none is misread or passed over in silence: labels that are
measurements, dates or identifiers; splits by other words; folds and patients that are not used; a
first line that is not a header.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from medmonai.data.class_names import folded, is_blank, split_of
from medmonai.tables import TextTable, number_of

from .column_names import (
    names_classes,
    names_covariate,
    names_folds,
    names_numbers,
    names_splits,
)
from .table_folders import named_images
from .table_paths import Bases

MOST_NUMBERS = 10  # classes that are numbers: digits, grades
_MANY = 20
_FEW_CASES = 3
_MOST_SPLITS = 8  # words of a column that may hold splits
_CASES = 20  # of a patient, on average, at most
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})"
    r"|(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])",
    re.ASCII,
)
_ADVICE = (
    "name the column of the classes with label_column, or pass labels_are_classes=True "
    "(--labels_are_classes true)"
)


def ask_about_labels(
    table: TextTable, column: str, rows: Sequence[int], *, others: Iterable[tuple[str, str]]
) -> None:
    """Raise ValueError for a label column that does not look like one.

    It refuses the column of the images or groups, or one with the same values; more than 10
    numbers; noninteger numbers; dates; and more than 20 values, most of them with fewer than three
    cases.

    Args:
        table: the table.
        column: column of the labels.
        rows: rows that have an image.
        others: (argument, column that it names) of the columns that are not labels.
    """
    values = table.column(column, "label_column")
    counts: Counter[str] = Counter()
    for label, count in Counter(values[row] for row in rows).items():
        if not is_blank(label):
            counts[folded(label)] += count
    _refuse_identifiers(table, column, rows, others, len(counts))
    what = not_classes(counts)
    if what:
        first = next(iter(counts))
        most = max(counts.values())
        raise ValueError(
            f"label_column={column!r} of {table.name} holds {len(counts)} {what} (such as "
            f"{first!r}), with at most {most} cases each: that looks like a measurement, a date or "
            f"a name, not a class; {_ADVICE}."
        )


def looks_like_dates(texts: Iterable[str]) -> bool:
    """Return whether all texts are dates, such as 2019-05-31, 31.5.2019 or 20190531."""
    return all(map(_DATE.fullmatch, texts))


def _refuse_identifiers(
    table: TextTable,
    column: str,
    rows: Sequence[int],
    others: Iterable[tuple[str, str]],
    count: int,
) -> None:
    own = table.column(column, "label_column")
    for argument, other in others:
        values = table.column(other, argument)
        if values is own or (count > 2 and all(values[row] == own[row] for row in rows)):
            raise ValueError(
                f"label_column={column!r} of {table.name} holds the same values as "
                f"{argument}={other!r}; name the column of the classes."
            )


def not_classes(counts: Mapping[str, int]) -> str:
    """Return what values are that look like measurements, dates or names; "" if they may be
    classes.

    Args:
        counts: value -> number of cases.
    """
    if len(counts) < 3:
        return ""
    if looks_like_dates(counts):
        return "dates"
    numbers = [number_of(label, mark="," if "," in label else ".") for label in counts]
    if not any(map(math.isnan, numbers)):
        if any(number != int(number) for number in numbers):
            return "numbers with fractions"
        return "numbers" if len(set(numbers)) > MOST_NUMBERS else ""
    rare = sum(n < _FEW_CASES for n in counts.values())
    return "values" if len(counts) > _MANY and 2 * rare > len(counts) else ""


def require_header(table: TextTable, columns: Sequence[str], suffix: str, bases: Bases) -> None:
    """Raise ValueError if the first line names an image: the table has no header, and this image
    would be lost.

    Args:
        table: the table.
        columns: that hold images.
        suffix: what the names of the images lack.
        bases: the places of the images.
    """
    first = [column for column in columns if named_images([column], suffix, bases)]
    if first:
        raise ValueError(
            f"{table.name} has no header: its first line names the image {first[0]!r}; put a line "
            "with the names of the columns above it, such as image,label."
        )


def require_known_splits(table: TextTable, columns: Sequence[str]) -> None:
    """Raise ValueError if a column holds names of splits beside other words: a given test split
    would be mixed with the rest.

    Args:
        table: the table.
        columns: that nobody named.
    """
    for column in columns:
        values = table.columns[column]
        words = {folded(value): value for value in values if not is_blank(value)}
        others = [value for word, value in words.items() if split_of(word) is None]
        filled = [value for value in values if not is_blank(value)]
        known = [value for value in filled if split_of(value)]
        if (
            not others
            or "train" not in map(split_of, known)
            or len(words) > _MOST_SPLITS
            or not (names_splits(column) or 2 * len(known) >= len(filled))
        ):
            continue
        rows = [row for row, value in enumerate(values) if value == others[0]]
        raise ValueError(
            f"{table.name}: {column} seems to hold splits, and {others[0]!r} ({table.places(rows)})"
            " is none; write train, val or test there, or say with --split_column '' that the "
            "table gives no splits."
        )


def overlooked(table: TextTable, chosen: Mapping[str, str], named: Collection[str]) -> str:
    """Return sentences on columns that may hold folds or patients and are not used; "" if there are
    none.

    Args:
        table: the table.
        chosen: option -> column, as recognized.
        named: columns that an option names.
    """
    rest = [c for c in table.columns if c not in {*chosen.values(), *named} | table.repeated]
    told = []
    if folds := [column for column in rest if names_folds(column)]:
        told.append(f"{folds[0]!r} is not used: folds of a table are not read.")
    if chosen.get("group_column") == "":
        patients = [column for column in rest if _may_be_patients(table, column)]
        if patients:
            count = len(set(table.columns[patients[0]]))
            told.append(
                f"{patients[0]!r} has {count} values in {len(table)} rows; if these are patients, "
                f"give --group_column {patients[0]!r}."
            )
    return " ".join(told)


def _may_be_patients(table: TextTable, column: str) -> bool:
    """Return whether a column is named for a number and its values repeat, each a few times."""
    named = names_numbers(column) and not names_covariate(column)
    if not named or names_classes(column, list(table.columns)) or names_folds(column):
        return False
    counts = Counter(value for value in table.columns[column] if not is_blank(value))
    return 10 <= len(counts) < counts.total() <= _CASES * len(counts)
