"""Which patient a case belongs to, from the file's name or from a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .text_table import read_text_table


def groups_by_pattern(ids: Sequence[str], pattern: str) -> np.ndarray:
    r"""Return the group (N,) of each case: the first group of a regular expression in the last part of its id.

    Raises:
        ValueError: no regular expression, one without a group, a name that it does not match or matches with nothing.

    Example:
        >>> groups_by_pattern(["train/A/00012_003.png", "test/A/00012_004.png"], r"^(\d+)_").tolist()
        ['00012', '00012']
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ValueError(f"group_pattern={pattern!r} is no regular expression: {error}.") from error
    if compiled.groups < 1:
        raise ValueError(f"group_pattern={pattern!r} has no group; put the part that names the patient in parentheses.")
    names = [name.rpartition("/")[2] for name in ids]
    found = [match.group(1) if (match := compiled.search(name)) else None for name in names]
    without = [name for name, group in zip(ids, found) if not group]
    if without:
        raise ValueError(f"group_pattern={pattern!r} finds no group in {len(without)} of {len(ids)} names, first "
                         f"{without[0]!r}; widen the pattern or give a group_table.")
    return np.array(found)


def groups_from_table(ids: Sequence[str], table: str | Path) -> np.ndarray:
    """Return the group (N,) of each case from a CSV: its first column names cases by id or file name.

    The group is in the column `group`, or in the second one. Rows of other cases do no harm.

    Raises:
        FileNotFoundError: no such table.
        ValueError: a case without a row or with a blank group, one with two, a file name that several cases have.
    """
    read = read_text_table(table)
    if len(read.columns) < 2:
        raise ValueError(f"group_table={read.name} has one column; give id (or file name) and group.")
    key_name = next(iter(read.columns))
    group_name = "group" if "group" in read.columns else list(read.columns)[1]
    given: dict[str, str] = {}
    for row, (key, group) in enumerate(zip(read.columns[key_name], read.columns[group_name])):
        if given.setdefault(key, group) != group:
            raise ValueError(f"group_table={read.name}: {key!r} has the groups {given[key]!r} and {group!r} "
                             f"({read.places([row])}); give each case one.")
    names = [name.rpartition("/")[2] for name in ids]
    shared = {name for name, n in Counter(names).items() if n > 1}
    found = []
    for case, name in zip(ids, names):
        if case not in given and name in given and name in shared:
            raise ValueError(f"group_table={read.name} names {name!r}, which several cases are called; give the path inside "
                             f"the root, such as {case!r}.")
        found.append(given.get(case) or given.get(name))
    without = [case for case, group in zip(ids, found) if not group]
    if without:
        raise ValueError(f"group_table={read.name} has no group for {len(without)} of {len(ids)} cases, first {without[0]!r}; "
                         "add them.")
    return np.array(found)
