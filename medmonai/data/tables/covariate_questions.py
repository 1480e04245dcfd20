"""Covariate columns of a table that carry something else: an identifier, a date, or the label."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from medmonai.data.class_names import class_keys, is_blank
from medmonai.tables import TextTable, number_of, numbers_of

from .column_questions import looks_like_dates
from .table_columns import TableLabels
from .table_options import TableColumns

_MANY = 20  # categories
_FEW_CASES = 3
_LEAST_DISTINCT = 10  # cases from which values that never repeat are an identifier
_MISSING_CODES = (-9999, -999, -99, -9, -1, 99, 999, 9999)
_LARGEST = 1e30  # its square is still a number
_LONG = 10_000  # numbers of patients have five digits or more
_MISSING_APART = 0.5  # difference between the shares of missing values of two classes


def covariates_of(
    table: TextTable, columns: TableColumns, rows: Sequence[int], labels: TableLabels
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return the covariates of some rows as texts (N,), and a note on each that may give the label
    away.

    Args:
        table: the table.
        columns: which column holds what.
        rows: rows that have an image.
        labels: of these rows.

    Raises:
        ValueError: a column that already means something else; one without a value or with a
            single one; dates, identifiers; a column that says the label in other words.
    """
    _refuse_named_twice(table, columns)
    covariates = {}
    notes: list[str] = []
    for name in columns.covariates:
        values = table.column(name, "covariates")
        texts = [values[row] for row in rows]
        where = f"covariates: column {name!r} of {table.name}"
        keys = _checked(texts, where)
        notes += _codes(keys, where)
        for label, of_case in _classes(labels):
            notes += _questions(keys, texts, of_case, label, where)
        covariates[name] = np.array(texts)
    return covariates, tuple(dict.fromkeys(notes))


def _refuse_named_twice(table: TextTable, columns: TableColumns) -> None:
    named = {
        "image_column": columns.image_columns,
        "label_column": columns.label_columns,
        "group_column": [columns.group_column],
        "split_column": [columns.split_column],
    }
    taken = {
        table.column_name(column, argument): argument
        for argument, listed in named.items()
        for column in listed
        if column
    }
    for name in columns.covariates:
        own = table.column_name(name, "covariates")
        if own in taken:
            again = "is named twice" if taken[own] == "covariates" else f"is the {taken[own]}"
            raise ValueError(f"covariates: {name!r} {again}; leave it out.")
        taken[own] = "covariates"


def _checked(texts: Sequence[str], where: str) -> list[Hashable]:
    """Return what each case's value is compared by, None where it is missing; raise for a column
    that cannot be a covariate.
    """
    filled = [text for text in texts if not is_blank(text)]
    if not filled:
        raise ValueError(f"{where} holds no value; leave it out.")
    try:
        numbers = numbers_of(filled)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    spelled = class_keys(dict.fromkeys(filled)) if numbers is None else {}
    keys = [spelled[text] for text in filled] if numbers is None else numbers.tolist()
    counts = Counter(keys)
    if len(counts) == 1 and len(filled) == len(texts):
        raise ValueError(f"{where} holds {filled[0]!r} only, which tells no cases apart.")
    distinct = len(counts) == len(filled) >= _LEAST_DISTINCT
    if numbers is not None:
        if looks_like_dates(filled):
            raise ValueError(_dates(where, filled[0]))
        if np.abs(numbers).max() > _LARGEST:
            largest = filled[int(np.abs(numbers).argmax())]
            raise ValueError(
                f"{where} holds {largest}, which is not a measurement; correct it, or leave the "
                "cell blank."
            )
        if distinct and (numbers == np.round(numbers)).all() and np.ptp(numbers) < len(numbers):
            raise ValueError(
                f"{where} numbers the cases ({min(numbers):g} to {max(numbers):g}): an identifier "
                "cannot be a covariate; leave it out."
            )
    elif looks_like_dates(filled):
        raise ValueError(_dates(where, filled[0]))
    else:
        _refuse_mixed(filled, where)
        rare = sum(n < _FEW_CASES for n in counts.values())
        if distinct or (len(counts) > _MANY and 2 * rare > len(counts)):
            raise ValueError(
                f"{where} holds {len(counts)} different texts in {len(filled)} cases, such as "
                f"{filled[0]!r}: that looks like an identifier or a remark. Leave it out, or write "
                "few categories or numbers."
            )
    known = iter(keys)
    return [None if is_blank(text) else next(known) for text in texts]


def _dates(where: str, first: str) -> str:
    return (
        f"{where} holds dates, such as {first!r}; write a number instead, such as the age or the "
        "year."
    )


def _refuse_mixed(filled: Sequence[str], where: str) -> None:
    """Raise ValueError for a measurement with a few cells that are not numbers."""
    read = [number_of(text, mark="," if "," in text else ".") for text in filled]
    others = [text for text, number in zip(filled, read) if math.isnan(number)]
    numbers = len(filled) - len(others)
    if numbers > len(others) and len({n for n in read if not math.isnan(n)}) >= _LEAST_DISTINCT:
        raise ValueError(
            f"{where} holds {numbers} numbers and {len(others)} other "
            f"{'text' if len(others) == 1 else 'texts'} (first {others[0]!r}); write a number "
            "there, or leave the cell blank."
        )


def _codes(keys: Sequence[Hashable], where: str) -> Iterator[str]:
    """Yield a note on a number that may stand for a missing value, or on numbers that may name the
    cases.
    """
    numbers = np.array([key for key in keys if isinstance(key, float)])
    if not len(numbers):
        return
    values, counts = np.unique(numbers, return_counts=True)
    for at in {0, len(values) - 1} if len(values) >= _LEAST_DISTINCT else ():
        others = np.delete(values, at)
        apart = min(abs(others - values[at])) > max(np.ptp(others) / 4, 5)
        if values[at] in _MISSING_CODES and apart:
            yield (
                f"{where} holds {values[at]:g} in {counts[at]} of {len(keys)} cases, far from all "
                "other values: if it stands for a missing value, leave the cell blank."
            )
    whole = (numbers == np.round(numbers)).all()
    if whole and counts.max() == 1 and len(numbers) >= _LEAST_DISTINCT and values[0] >= _LONG:
        yield (
            f"{where} holds another large number in every case: if it names the patient or the "
            "examination, leave it out."
        )


def _classes(labels: TableLabels) -> Iterator[tuple[str, list[str]]]:
    """Yield what is predicted, in words, and the class of every case; one for each label of a
    multilabel task.
    """
    if labels.task.exclusive:
        yield "the class", [labels.class_names[label] for label in labels.labels.tolist()]
        return
    for name, column in zip(labels.class_names, labels.labels.T):
        yield f"the label {name!r}", ["1" if on else "0" for on in column]


def _questions(
    keys: Sequence[Hashable], texts: Sequence[str], classes: Sequence[str], label: str, where: str
) -> Iterator[str]:
    """Yield a note where a covariate determines the class, or where missing values do; raise where
    it is the class in other words.
    """
    of_key: dict[Hashable, set[str]] = defaultdict(set)
    for key, name in zip(keys, classes):
        of_key[key].add(name)
    known = {key: names for key, names in of_key.items() if key is not None}
    for said in (known, of_key):  # that a value is missing may say it, too
        reached = {name for names in said.values() for name in names}
        if _pure(said) and len(said) == len(reached) > 1:
            _refuse_label(said, keys, texts, label, where)
    reached = {name for names in known.values() for name in names}
    repeated = sum(key is not None for key in keys) >= 2 * len(known)
    numeric = all(isinstance(key, float) for key in known)
    if len(reached) > 1 and (
        (_pure(known) and repeated) or (numeric and _separated(keys, classes))
    ):
        yield (
            f"{where} determines {label}: every value belongs to one class. If it is not known "
            "before the diagnosis, it gives the answer away; leave it out then."
        )
    missing = _shares_missing(keys, classes)
    if missing and max(missing.values()) - min(missing.values()) > _MISSING_APART:
        said = ", ".join(f"{name} {share:.0%}" for name, share in missing.items())
        yield f"{where} is missing more often in one class ({said}): that it is may carry {label}."


def _pure(of_key: Mapping[Hashable, set[str]]) -> bool:
    return all(len(names) == 1 for names in of_key.values())


def _refuse_label(
    of_key: Mapping[Hashable, set[str]],
    keys: Sequence[Hashable],
    texts: Sequence[str],
    label: str,
    where: str,
) -> None:
    spelled = {key: repr(text) for text, key in zip(reversed(texts), reversed(keys))}
    spelled[None] = "missing"
    said = ", ".join(f"{spelled[key]} = {min(of_key[key])!r}" for key in list(of_key)[:3])
    raise ValueError(
        f"{where} is {label} in other words ({said}): a model would read the answer. Leave it out."
    )


def _separated(keys: Sequence[Hashable], classes: Sequence[str]) -> bool:
    """Return whether the numbers of each class lie apart from those of the others."""
    ranges: Mapping[str, list[float]] = defaultdict(lambda: [math.inf, -math.inf])
    for key, name in zip(keys, classes):
        if isinstance(key, float):
            ranges[name] = [min(ranges[name][0], key), max(ranges[name][1], key)]
    ordered = sorted(ranges.values())
    return all(low[1] < high[0] for low, high in pairwise(ordered))


def _shares_missing(keys: Sequence[Hashable], classes: Sequence[str]) -> dict[str, float]:
    cases = Counter(classes)
    missing = Counter(name for key, name in zip(keys, classes) if key is None)
    return {name: missing[name] / n for name, n in cases.items()} if missing else {}
