"""Header fields that go with the class: all images of one class from one device, in one format."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

from medmonai.metrics.comparison import holm
from medmonai.task import Task

_DRAWS = 4999  # random tables; the smallest p value is 1 / 5000
_LEVEL = 0.01
_LEAST_V = 0.3  # what Cohen (1988) calls a medium effect
_FEWEST = 10  # patients, or cases where patients are not known
_CATEGORIES = 10  # numbers with more values than this are compared by their quantiles
_BINS = 5
_SHOWN = 2  # values of a class that are shown
NOT_STATED = "not stated"


@dataclass(frozen=True)
class HeaderFinding:
    """A header field whose values go with the class.

    Args:
        field: of the header.
        label: of a multilabel task; "" otherwise.
        values: class -> its most common values with their cases, or its median, as text.
        v: Cramér's V with Bergsma's correction for bias: 0 for none, 1 for a perfect association.
        p: of a permutation test, after Holm's correction for the number of fields.
        fields: that were compared.
        n: patients that were compared; cases where patients are not known.
    """

    field: str
    _: KW_ONLY
    label: str = ""
    values: Mapping[str, str]
    v: float
    p: float
    fields: int
    n: int

    def line(self) -> str:
        """Return the finding as one line of text."""
        shown = "; ".join(f"{name}: {values}" for name, values in self.values.items())
        p = "p < .001" if self.p < 0.001 else f"p = {self.p:.3f}".replace("0.", ".")
        what = f"label {self.label!r}" if self.label else "class"
        return (
            f"{self.field} goes with the {what}: {shown} (Cramér's V {self.v:.2f}, {p}, corrected "
            f"for {self.fields} field{'s' * (self.fields != 1)}, n = {self.n})"
        )


def header_findings(
    facts: Sequence[Mapping[str, str]],
    labels: np.ndarray,
    *,
    task: Task,
    class_names: Sequence[str],
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[HeaderFinding, ...]:
    """Return the header fields that go with the class, the strongest first.

    Each field is compared with the class by Cramér's V (Bergsma 2013) and a permutation test of
    chi-squared: 4,999 tables with the same margins. A patient counts once for each class. Numbers
    with more than ten values are compared by their fifths. Fields with p <= .01 after Holm's
    correction and V >= .3 are returned. Such a field is not a proof that a network will use it.

    Args:
        facts: field -> value of each case; see `medmonai.data.files.acquisition`. A case without a
            field has the value "not stated" if others of its "format" have it; otherwise it is left
            out of the comparison.
        labels: (N,) or (N, L).
        task: what is predicted; every label of a multilabel task is compared by itself.
        class_names: in the order of the labels.
        groups: (N,) patients; None if not known.
        seed: of the random tables.

    Example:
        >>> facts = [{"Manufacturer": "A"}] * 20 + [{"Manufacturer": "B"}] * 20
        >>> labels = np.repeat([0, 1], 20)
        >>> (found,) = header_findings(
        ...     facts, labels, task=Task("binary", 2), class_names=("benign", "malignant")
        ... )
        >>> found.field, round(found.v, 2), found.p < 0.001
        ('Manufacturer', 1.0, True)
    """
    stated = np.flatnonzero([bool(one) for one in facts])
    fields = list(dict.fromkeys(name for one in facts for name in one))
    tests = []
    for label, of_case, names in _classes(np.asarray(labels), task, class_names):
        rows = _one_per_patient(stated, of_case, groups)
        for field in fields:
            kept = _that_may_state(field, facts, rows)
            values = [facts[row].get(field, NOT_STATED) for row in kept]
            if len(kept) >= _FEWEST and len(set(values)) > 1 and len(set(of_case[kept])) > 1:
                tests.append(
                    _tested(field, values, of_case[kept], label=label, names=names, seed=seed)
                )
    corrected = holm([test.p for test in tests])
    findings = [
        HeaderFinding(
            test.field,
            label=test.label,
            values=test.values,
            v=test.v,
            p=p,
            fields=len(tests),
            n=test.n,
        )
        for test, p in zip(tests, corrected)
        if p is not None and p <= _LEVEL and test.v >= _LEAST_V
    ]
    return tuple(sorted(findings, key=lambda one: -one.v))


class _Test(NamedTuple):
    field: str
    label: str
    values: dict[str, str]
    v: float
    p: float
    n: int


def _classes(
    labels: np.ndarray, task: Task, class_names: Sequence[str]
) -> list[tuple[str, np.ndarray, Sequence[str]]]:
    """Return (label, class of each case, names of the classes) of each comparison."""
    if task.exclusive:
        return [("", labels, class_names)]
    return [(name, labels[:, i], ("no", "yes")) for i, name in enumerate(class_names)]


def _that_may_state(field: str, facts: Sequence[Mapping[str, str]], rows: np.ndarray) -> np.ndarray:
    """Return the rows whose format states a field in some file: a PNG has no JPEG quality."""
    formats = {facts[row].get("format") for row in rows if field in facts[row]}
    return np.array([row for row in rows if facts[row].get("format") in formats], np.int64)


def _one_per_patient(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Return the first of the rows of each patient and class."""
    if groups is None:
        return rows
    keys = np.array([f"{labels[row]} {groups[row]}" for row in rows])
    return rows[np.sort(np.unique(keys, return_index=True)[1])]


def _tested(
    field: str,
    values: Sequence[str],
    labels: np.ndarray,
    *,
    label: str,
    names: Sequence[str],
    seed: int,
) -> _Test:
    compared = _binned(values)
    shown = {
        name: _shown([v for v, of in zip(values, labels) if of == c], whole=compared == values)
        for c, name in enumerate(names)
        if (labels == c).any()
    }
    columns = np.unique(labels, return_inverse=True)[1]
    rows = np.unique(compared, return_inverse=True)[1]
    table = np.zeros((rows.max() + 1, columns.max() + 1), np.int64)
    np.add.at(table, (rows, columns), 1)
    p = 1.0 if len(table) < 2 else _p_value(table, seed)
    return _Test(field, label, shown, _cramers_v(table), p, len(values))


def _shown(values: Sequence[str], *, whole: bool) -> str:
    """Return the most common values with their numbers; the median of numbers that were binned."""
    if not whole:
        ordered = sorted((v for v in values if not math.isnan(_number(v))), key=_number)
        return f"median {ordered[len(ordered) // 2]}" if ordered else NOT_STATED
    counts = Counter(values).most_common()
    shown = ", ".join(f"{value} ({n})" for value, n in counts[:_SHOWN])
    return f"{shown} and others" if len(counts) > _SHOWN else shown


def _binned(values: Sequence[str]) -> list[str]:
    """Return the fifth of each number, where there are many numbers; other values as they are."""
    if len(set(values)) <= _CATEGORIES:
        return list(values)
    numbers = [_number(value) for value in values]
    known = [number for number in numbers if not math.isnan(number)]
    if 2 * len(known) < len(numbers):
        return list(values)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]))
    fifths = np.searchsorted(edges, numbers, side="right")
    return [
        value if math.isnan(number) else f"fifth {fifth}"
        for value, number, fifth in zip(values, numbers, fifths)
    ]


def _number(value: str) -> float:
    """Return the number that a value is, or the product of "512 x 512"; NaN for other text."""
    try:
        return math.prod(float(part) for part in value.replace("\\", " x ").split(" x "))
    except ValueError:
        return math.nan


def _chi_squared(tables: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return ((tables - expected) ** 2 / expected).sum(axis=(-2, -1))


def _expected(table: np.ndarray) -> np.ndarray:
    return np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()


def _p_value(table: np.ndarray, seed: int) -> float:
    """Return the share of random tables with the same margins that are at least as far from
    independence; this one counts among them.
    """
    margins = stats.random_table(table.sum(axis=1), table.sum(axis=0))
    drawn = margins.rvs(_DRAWS, random_state=np.random.default_rng(seed))
    expected = _expected(table)
    own = float(_chi_squared(table, expected))
    as_far = np.count_nonzero(_chi_squared(drawn, expected) >= own * (1 - 1e-12))
    return (1 + as_far) / (1 + _DRAWS)


def _cramers_v(table: np.ndarray) -> float:
    """Return Cramér's V with the correction of Bergsma (2013), 0 to 1."""
    n = table.sum()
    k, r = table.shape
    squared = float(_chi_squared(table, _expected(table))) / n
    squared = max(0.0, squared - (k - 1) * (r - 1) / (n - 1))
    least = min(k - (k - 1) ** 2 / (n - 1), r - (r - 1) ** 2 / (n - 1)) - 1
    return math.sqrt(squared / least) if least > 0 else 0.0
