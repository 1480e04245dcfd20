"""Label columns with something other than classes: measurements, dates, identifiers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from medmonai.data.class_names import folded, is_blank
from medmonai.tables import TextTable, number_of

MOST_NUMBERS = 10  # classes that are numbers: digits, grades
_MANY = 20
_FEW_CASES = 3
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})", re.ASCII
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
    """Return whether all texts are dates, such as 2019-05-31 or 31.5.2019."""
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
