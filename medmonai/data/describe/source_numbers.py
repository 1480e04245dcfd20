"""Groups and columns of a source in numbers."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import numpy as np

from medmonai.data.class_names import is_blank
from medmonai.tables import numbers_of

_VALUES = 10  # values of a column that are shown


def group_numbers(
    groups: np.ndarray, splits: np.ndarray, *, labels: np.ndarray | None = None
) -> dict[str, Any]:
    """Return the number of groups, their minimum, median and maximum number of cases, and how many
    groups are in several splits.

    Args:
        groups: (N,) group of each case.
        splits: (N,) split of each case.
        labels: (N,) class of each case; None if a case may have several. If given, the groups with
            cases of several classes are named.

    Example:
        >>> group_numbers(np.array(["p", "p", "q"]), np.array(["train", "val", "val"]))
        {'groups': 2, 'fewest': 1, 'median': 1.5, 'most': 2, 'in_several_splits': 1}
        >>> group_numbers(
        ...     np.array(["p", "p", "q"]), np.array(["all"] * 3), labels=np.array([0, 1, 1])
        ... )["in_several_classes"]
        ['p']
    """
    names, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    described = {
        "groups": len(sizes),
        "fewest": int(sizes.min()),
        "median": float(np.median(sizes)),
        "most": int(sizes.max()),
        "in_several_splits": len(_in_several(numbers, splits)),
    }
    if labels is not None:
        described["in_several_classes"] = [
            str(name) for name in names[_in_several(numbers, labels)]
        ]
    return described


def _in_several(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the numbers of the groups whose cases do not all have the same value."""
    pairs = np.unique(
        np.stack([numbers.reshape(-1), np.unique(values, return_inverse=True)[1].reshape(-1)]),
        axis=1,
    )
    return np.flatnonzero(np.bincount(pairs[0]) > 1)


def column_numbers(values: np.ndarray) -> dict[str, Any]:
    """Describe a text column: cases without a value, distinct values, and their range or the most
    common ones.

    Example:
        >>> column_numbers(np.array(["f", "m", "f", ""]))
        {'missing': 1, 'distinct': 2, 'values': {'f': 2, 'm': 1}}
        >>> column_numbers(np.array([str(n) for n in range(21)]))
        {'missing': 0, 'distinct': 21, 'minimum': 0.0, 'median': 10.0, 'maximum': 20.0}
    """
    present = [value for value in np.char.strip(values).tolist() if not is_blank(value)]
    counts = Counter(present)
    described: dict[str, Any] = {"missing": len(values) - len(present), "distinct": len(counts)}
    numbers = None
    if len(counts) > _VALUES:
        # ambiguous numbers are shown as written
        with contextlib.suppress(ValueError):
            numbers = numbers_of(present)
    if numbers is not None:
        return described | {
            "minimum": float(numbers.min()),
            "median": float(np.median(numbers)),
            "maximum": float(numbers.max()),
        }
    return described | {"values": dict(counts.most_common(_VALUES))}
