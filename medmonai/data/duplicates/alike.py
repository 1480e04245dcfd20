"""Sets of cases that show almost the same image, also mirrored or rotated, and sets of cases of one
patient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .duplicates import CaseTable, same_rows
from .findings import RowSets
from .similarity import grid_of, near_pairs
from .turned import turned_pairs

_NO_SETS = RowSets(np.empty(0, np.int64), np.empty(0, np.int64))


@dataclass(frozen=True)
class Alike:
    """Pairs of rows that are alike.

    Args:
        sets: sets of two rows each.
        scores: (P,) their similarity.
        complete: False if the search stopped because too many images are alike.
    """

    sets: RowSets = _NO_SETS
    scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    complete: bool = True

    def chosen(self, mask: np.ndarray) -> Alike:
        """Return the pairs where the mask (P,) is true."""
        return Alike(self.sets.chosen(mask), self.scores[mask], self.complete)


class AlikeSearch:
    """The searches for pairs of images that are alike but not equal.

    Args:
        table: the cases.
        exact: sets of identical images; the first case represents each set.
        constant: (N,) mask of images without any shape, which are left out.
        max_pairs: number of pairs at which a search stops.
    """

    def __init__(
        self, table: CaseTable, exact: RowSets, constant: np.ndarray, *, max_pairs: int
    ) -> None:
        kept = ~constant
        kept[np.delete(exact.rows, exact.starts)] = False
        images = table.cohorts[0].images
        self.table, self.rows, self.grid = table, np.flatnonzero(kept), grid_of(images)
        self.options = {"max_pairs": max_pairs, "row_bytes": 3 * 4 * images[0].size}
        self.members = dict(
            zip(exact.rows[exact.starts].tolist(), map(exact.at, range(len(exact.starts))))
        )

    def near(self, threshold: float | None) -> Alike:
        """Return the pairs whose shapes correlate at or above `threshold`; no pairs if it is
        None.
        """
        return self._found(near_pairs, threshold)

    def copies(self, near: Alike, threshold: float | None) -> tuple[Alike, ...]:
        """Return the pairs at or above `threshold`, in 2D also those mirrored or rotated; no pairs
        if it is None.

        If the search for near duplicates stopped early, it is repeated for these pairs alone,
        because none may be missed.
        """
        if threshold is None:
            return ()
        alike = near if near.complete else self.near(threshold)
        alike = alike.chosen(alike.scores >= threshold)
        return (alike,) if len(self.grid) != 3 else (alike, self._turned(threshold, without=alike))

    def _turned(self, threshold: float, *, without: Alike) -> Alike:
        """Return the pairs that reach `threshold` when mirrored or rotated, except those in
        `without`.
        """
        pairs = self._found(turned_pairs, threshold, shape=self.grid)
        known = {tuple(pair) for pair in without.sets.rows.reshape(-1, 2).tolist()}
        return pairs.chosen(
            np.array(
                [tuple(pair) not in known for pair in pairs.sets.rows.reshape(-1, 2).tolist()], bool
            )
        )

    def _found(
        self,
        search: Callable[..., tuple[np.ndarray, np.ndarray, bool]],
        threshold: float | None,
        **more,
    ) -> Alike:
        if threshold is None or len(self.rows) < 2:
            return Alike()
        pairs, scores, complete = search(
            len(self.rows),
            lambda part: self.table.features(self.rows[part]),
            threshold=threshold,
            **more,
            **self.options,
        )
        pairs = self.rows[pairs]
        for i in np.flatnonzero(np.isin(pairs, np.array(list(self.members), np.int64)).any(axis=1)):
            pairs[i] = _across(
                self.table.split_of, *(self.members.get(row, [row]) for row in pairs[i].tolist())
            )
        return Alike(RowSets(pairs.reshape(-1), np.arange(0, 2 * len(pairs), 2)), scores, complete)


def _across(
    split_of: np.ndarray, a: Sequence[int] | np.ndarray, b: Sequence[int] | np.ndarray
) -> tuple[int, int]:
    """Return one member of each of two sets of equal images, from different splits if possible."""
    return next(((i, j) for i in a for j in b if split_of[i] != split_of[j]), (a[0], b[0]))


def group_sets(table: CaseTable) -> RowSets:
    """Return the cases of each group with several cases, over the splits whose groups are known."""
    known = [i for i, cohort in enumerate(table.cohorts) if cohort.groups is not None]
    if not known:
        return _NO_SETS
    rows = np.flatnonzero(np.isin(table.split_of, known))
    sets = same_rows(
        np.concatenate([np.asarray(table.cohorts[i].groups).astype(str) for i in known])
    )
    return RowSets(rows[sets.rows], sets.starts)
