"""The patient of each case, from the file name or from a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medmonai.data.class_names import folded, is_blank, path_key
from medmonai.data.files import known_suffix
from medmonai.data.options import Options
from medmonai.tables import TextTable, read_text_table


@dataclass(frozen=True)
class CaseGroups(Options):
    r"""How to find the group of a case (its patient or lesion): by a pattern or in a table.

    Args:
        group_pattern: regular expression to search for in each file name (for a series, the
            folder's name) or, if it contains a "/", in the path inside the root. Its first group is
            the patient: `r"^(\d+)_"`, `r"^([^_]+)_"`, `r"(person\d+|IM-\d+)"`; for
            root/{CLASS}/{PATIENT}/* `r"^[^/]+/([^/]+)/"`.
        group_table: a CSV with a header, relative to the working directory or the root, with the id
            or file name, and the patient.
        group_column: column of `group_table`; default: `group` (ignoring case), or the second of
            two columns.

    Raises:
        ValueError: both a pattern and a table, or a column without a table.

    Example:
        >>> CaseGroups(r"^(\d+)_").of_cases(["A/12_1.png", "B/12_2.png"], Path()).tolist()
        ['12', '12']
    """

    group_pattern: str | None = None
    group_table: str | Path | None = None
    group_column: str | None = None

    def __post_init__(self) -> None:
        if self.group_pattern is not None and self.group_table is not None:
            raise ValueError("group_pattern and group_table are both given; give one of them.")
        if self.group_table is None and self.group_column is not None:
            raise ValueError(
                f"group_column={self.group_column!r} is given without the group_table that it is a "
                "column of."
            )

    def of_cases(self, ids: Sequence[str], root: Path) -> np.ndarray | None:
        """Return the group (N,) of each case, or None if neither a pattern nor a table is given.

        Args:
            ids: paths of the images inside the root.
            root: the folder that contains them.

        Raises:
            FileNotFoundError: no such table.
            ValueError: see `groups_by_pattern` and `groups_from_table`.
        """
        if self.group_pattern is not None:
            return groups_by_pattern(ids, self.group_pattern)
        if self.group_table is None:
            return None
        path = Path(self.group_table).expanduser()
        if not path.is_file() and (root / path).is_file():
            path = root / path
        return groups_from_table(ids, path, group_column=self.group_column)


def groups_by_pattern(ids: Sequence[str], pattern: str) -> np.ndarray:
    r"""Return the group (N,) of each case: the first group of a regular expression in its name.

    A pattern with a "/" (outside square brackets) is searched for in the whole id, the path inside
    the root. Any other pattern is searched for in the last part of it, the file name.

    Raises:
        ValueError: an invalid regular expression, one without a group, or a name in which it finds
            no group.

    Example:
        >>> groups_by_pattern(
        ...     ["train/A/00012_003.png", "test/A/00012_004.png"], r"^(\d+)_"
        ... ).tolist()
        ['00012', '00012']
        >>> groups_by_pattern(["A/p1/1.png", "B/p2/1.png"], r"/(p\d+)/").tolist()
        ['p1', 'p2']
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ValueError(
            f"group_pattern={pattern!r} is not a valid regular expression: {error}."
        ) from error
    if compiled.groups < 1:
        raise ValueError(
            f"group_pattern={pattern!r} has no group; put the part that names the patient in "
            "parentheses."
        )
    whole = "/" in re.sub(r"\[[^]]*\]", "", pattern)
    names = list(ids) if whole else [name.rpartition("/")[2] for name in ids]
    groups = [match.group(1) if (match := compiled.search(name)) else None for name in names]
    without = [name for name, group in zip(names, groups) if not group]
    if without:
        searched = (
            "paths inside the root"
            if whole
            else "file names (a pattern with a '/' is searched in the path)"
        )
        raise ValueError(
            f"group_pattern={pattern!r} finds no group in {len(without)} of {len(ids)} {searched}, "
            f"first {without[0]!r}; widen the pattern or give a group_table."
        )
    return np.array(groups)


def groups_from_table(
    ids: Sequence[str], table: str | Path, *, group_column: str | None = None
) -> np.ndarray:
    """Return the group (N,) of each case from a table that lists cases by id or file name, with or
    without the suffix.

    Rows of other cases are ignored.

    Args:
        ids: ids of the cases.
        table: the table; the first column other than the group column identifies the cases.
        group_column: column of the groups; default: `group` (ignoring case), or the second of two
            columns.

    Raises:
        FileNotFoundError: no such table.
        ValueError: no such column, or no clear group column; a case without a row, with a blank
            group or with two groups; a name that matches several cases.
    """
    read = read_text_table(table, wanted=("group",) if group_column is None else (group_column,))
    groups = _group_column(read, group_column)
    cases = next(name for name in read.columns if name != groups)
    names = [_names(case) for case in ids]
    keys = read.identifiers(
        cases, "group_table", known={name for of_case in names for name in of_case}
    )
    given: dict[str, str] = {}
    for row, (key, group) in enumerate(
        zip(map(path_key, keys), read.identifiers(groups, "group_column"))
    ):
        if given.setdefault(key, group) != group:
            raise ValueError(
                f"group_table={read.name}: {key!r} has the groups {given[key]!r} and {group!r} "
                f"({read.places([row])}); give each case one."
            )
    shared = {
        name for name, n in Counter(name for of_case in names for name in of_case).items() if n > 1
    }
    groups_of_cases = []
    for case, of_case in zip(ids, names):
        named = next((name for name in of_case if name in given), "")
        if named in shared:
            raise ValueError(
                f"group_table={read.name} names {named!r}, which several cases are called; give "
                f"the path inside the root, such as {case!r}."
            )
        groups_of_cases.append(given.get(named, ""))
    without = [case for case, group in zip(ids, groups_of_cases) if is_blank(group)]
    if without:
        raise ValueError(
            f"group_table={read.name} has no group for {len(without)} of {len(ids)} cases in "
            f"column {groups!r}, first {without[0]!r}; add them."
        )
    return np.array(groups_of_cases)


def _group_column(table: TextTable, name: str | None) -> str:
    if len(table.columns) < 2:
        raise ValueError(
            f"group_table={table.name} has one column; give id (or file name) and group."
        )
    if name is not None:
        return table.column_name(name, "group_column")
    called = [column for column in table.columns if folded(column) == "group"]
    if len(called) == 1:
        return called[0]
    if called or len(table.columns) > 2:
        raise ValueError(
            f"group_table={table.name} has the columns {', '.join(map(repr, table.columns))}; name "
            "the one that holds the patient with group_column."
        )
    return list(table.columns)[1]


def _names(case: str) -> tuple[str, ...]:
    """Return the names that a table may use for a case: its id or file name, with or without
    suffix.
    """
    path = path_key(case)
    suffix = known_suffix(path)
    stem = path[: len(path) - len(suffix)]
    return tuple(dict.fromkeys((path, path.rpartition("/")[2], stem, stem.rpartition("/")[2])))
