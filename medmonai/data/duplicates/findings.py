"""The findings of an audit: sets of cases, counted by split, with examples and in full."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """A case as named in a finding."""

    split: str
    id: str
    label: str

    def __str__(self) -> str:
        return f"{self.id} ({self.split}, {self.label})"


def one_per_split(cases: Sequence[Case]) -> list[Case]:
    """Return the first case of each split. If there is only one split, return the first of each
    label; if there is only one label, the first two.
    """
    for what in ("split", "label"):
        firsts = list({getattr(case, what): case for case in reversed(cases)}.values())[::-1]
        if len(firsts) > 1:
            return firsts
    return list(cases[:2])


class RowSets(NamedTuple):
    """Concatenated sets of rows: set i is rows[starts[i] : starts[i + 1]]."""

    rows: np.ndarray
    starts: np.ndarray

    def numbers(self) -> np.ndarray:
        """Return the index of each row's set."""
        return np.repeat(np.arange(len(self.starts)), np.diff(self.starts, append=len(self.rows)))

    def at(self, i: int) -> np.ndarray:
        """Return the rows of one set."""
        return self.rows[self.starts[i] : self.starts[i + 1] if i + 1 < len(self.starts) else None]

    def chosen(self, mask: np.ndarray) -> RowSets:
        """Return the sets where the mask is true."""
        sizes = np.diff(self.starts, append=len(self.rows))[mask]
        return RowSets(self.rows[mask[self.numbers()]], np.cumsum(sizes) - sizes)

    def differing(self, values: np.ndarray) -> RowSets:
        """Return the sets whose rows do not all have the same value."""
        if not len(self.starts):
            return self
        of_rows = values[self.rows]
        return self.chosen(
            np.minimum.reduceat(of_rows, self.starts) != np.maximum.reduceat(of_rows, self.starts)
        )


class SetsOfCases(NamedTuple):
    """Sets of rows and the names of the rows, with each set's similarity or the name of what its
    cases share, if any.
    """

    case: Callable[[int], Case]
    sets: RowSets
    scores: np.ndarray | None = None
    names: np.ndarray | None = None

    def every(self) -> Iterator[dict[str, Any]]:
        """Yield "cases" and, if available, "similarity" or "group" of each set."""
        for i in range(len(self.sets.starts)):
            of_set: dict[str, Any] = {"cases": [self.case(int(row)) for row in self.sets.at(i)]}
            if self.scores is not None:
                of_set["similarity"] = float(self.scores[i])
            if self.names is not None:
                of_set["group"] = str(self.names[i])
            yield of_set


@dataclass(frozen=True)
class Finding:
    """One kind of finding: how often it occurs, between which splits, and examples.

    Args:
        kind: what was found, for example "exact duplicates".
        count: number of findings: sets of identical images, pairs of near duplicates, patients, or
            single images.
        cases: number of cases in any finding.
        across: number of findings that involve two splits, keyed by "train/val" and so on; {} if
            not applicable.
        across_count: number of findings that involve more than one split.
        cases_across: number of cases of each split with a partner in another split.
        examples: the first findings, those across splits first; each is a tuple of at most eight of
            its cases.
        scores: similarity of each example, for near duplicates.
        names: name of what the cases of each example share, if it has one: the patient.
        found: all sets with their cases and similarity, for `every`.
    """

    kind: str
    count: int = 0
    cases: int = 0
    across: tuple[tuple[str, int], ...] = ()
    across_count: int = 0
    cases_across: tuple[tuple[str, int], ...] = ()
    examples: tuple[tuple[Case, ...], ...] = ()
    scores: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    found: SetsOfCases | None = field(default=None, repr=False, compare=False)

    def every(self) -> Iterator[dict[str, Any]]:
        """Yield all findings, not only the examples: "cases" and, if available, "similarity" or
        "group".
        """
        return iter(()) if self.found is None else self.found.every()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-compatible values with every set of cases."""
        sets = [
            {**entry, "cases": [case._asdict() for case in entry["cases"]]}
            for entry in self.every()
        ]
        return {
            "kind": self.kind,
            "count": self.count,
            "cases": self.cases,
            "across_splits": self.across_count,
            "across": dict(self.across),
            "cases_across": dict(self.cases_across),
            "sets": sets,
        }

    def line(self) -> str:
        """Return the finding as one line of text, with its first example."""
        if not self.count:
            return f"{self.kind}: none"
        between = ", ".join(f"{pair} {n}" for pair, n in self.across if n)
        split = f", {self.across_count} across splits ({between})" if between else ""
        example = ""
        if self.examples:
            name = f"{self.names[0]}: " if self.names else ""
            example = (
                "; e.g. "
                f"{name}{(', ' if name else ' = ').join(map(str, one_per_split(self.examples[0])))}"
            )
        return f"{self.kind}: {self.count} ({self.cases} cases){split}{example}"
