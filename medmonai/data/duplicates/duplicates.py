"""Which cases of several splits show the same image, and how such findings are counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from medmonai.data.cohort import Cohort

from .findings import Case, Finding, RowSets, SetsOfCases
from .padding import without_padding
from .similarity import shape_features

EXAMPLE_CASES = 8
_CHUNK_BYTES = 1 << 22


class CaseTable:
    """The cases of several cohorts, numbered consecutively: their splits, ids and labels, and
    access to the images.

    Args:
        cohorts: splits of one set, with the same image shape and task.
        examples: number of examples that a finding keeps.
    """

    def __init__(self, cohorts: Sequence[Cohort], *, examples: int = 20) -> None:
        self.cohorts = tuple(cohorts)
        self.examples = examples
        self.starts = np.cumsum([0, *(len(c) for c in cohorts)])
        self.split_of = np.repeat(np.arange(len(cohorts)), [len(c) for c in cohorts])
        labels = np.concatenate([c.labels for c in cohorts])
        # One number per label: equal rows of a multilabel task get the same number.
        self.label_of = (
            labels
            if labels.ndim == 1
            else np.unique(labels, axis=0, return_inverse=True)[1].reshape(-1)
        )

    def __len__(self) -> int:
        return int(self.starts[-1])

    def case(self, row: int) -> Case:
        """Return the name of a case."""
        cohort = self.cohorts[self.split_of[row]]
        inner = row - self.starts[self.split_of[row]]
        label = cohort.labels[inner]
        if cohort.task.exclusive:
            text = cohort.class_names[label]
        else:
            text = (
                "; ".join(name for name, yes in zip(cohort.class_names, label) if yes) or "no label"
            )
        return Case(cohort.split, str(cohort.ids[inner]), text)

    def group_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the group (n,) of some rows, as text; "" if not known."""
        groups = [
            np.full(len(c), "") if c.groups is None else np.asarray(c.groups).astype(str)
            for c in self.cohorts
        ]
        return np.concatenate(groups)[rows]

    def features(self, rows: np.ndarray) -> np.ndarray:
        """Return `shape_features` of the given rows, without padding, in that order, reading only
        their images.
        """
        parts = []
        order = np.argsort(rows, kind="stable")
        for split, cohort in enumerate(self.cohorts):
            inner = rows[order][self.split_of[rows[order]] == split] - self.starts[split]
            if inner.size:
                places = None if cohort.places is None else [cohort.places[row] for row in inner]
                parts.append(shape_features(without_padding(cohort.images[inner], places)))
        out = np.empty((len(rows), parts[0].shape[1]), np.float32)
        out[order] = np.concatenate(parts)
        return out

    def finding(
        self,
        kind: str,
        sets: RowSets,
        scores: np.ndarray | None = None,
        *,
        names: np.ndarray | None = None,
    ) -> Finding:
        """Count sets of rows (each of two or more cases) and those that span several splits."""
        if not len(sets.starts):
            return Finding(kind)
        splits = [cohort.split for cohort in self.cohorts]
        touches = np.zeros((len(sets.starts), len(splits)), bool)
        touches[sets.numbers(), self.split_of[sets.rows]] = True
        crosses = touches.sum(axis=1) > 1
        partners = self.split_of[np.unique(sets.rows[crosses[sets.numbers()]])]
        first = np.argsort(~crosses, kind="stable")[: self.examples]
        return Finding(
            kind,
            count=len(sets.starts),
            cases=len(np.unique(sets.rows)),
            across_count=int(crosses.sum()),
            across=tuple(
                (f"{splits[a]}/{splits[b]}", int(np.sum(touches[:, a] & touches[:, b])))
                for a, b in combinations(range(len(splits)), 2)
            ),
            cases_across=tuple((name, int(np.sum(partners == i))) for i, name in enumerate(splits)),
            examples=tuple(self._shown(sets.at(i)) for i in first),
            scores=() if scores is None else tuple(float(scores[i]) for i in first),
            names=() if names is None else tuple(str(names[i]) for i in first),
            found=SetsOfCases(self.case, sets, scores, names),
        )

    def _shown(self, rows: np.ndarray) -> tuple[Case, ...]:
        """Return the first cases of a set, including one from each of its splits and labels."""
        firsts = np.unique(
            np.concatenate(
                [
                    np.unique(values[rows], return_index=True)[1]
                    for values in (self.split_of, self.label_of)
                ]
            )
        )
        chosen = np.concatenate([firsts, np.delete(np.arange(len(rows)), firsts)])[:EXAMPLE_CASES]
        return tuple(self.case(int(row)) for row in rows[np.sort(chosen)])

    def singles(self, kind: str, rows: np.ndarray) -> Finding:
        """Count single cases."""
        sets = SetsOfCases(self.case, RowSets(rows, np.arange(len(rows))))
        return Finding(
            kind,
            count=len(rows),
            cases=len(rows),
            found=sets,
            examples=tuple((self.case(int(row)),) for row in rows[: self.examples]),
        )


def image_chunks(images: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first row, images) in chunks of a few megabytes, so that a memmap is never read
    whole.
    """
    step = max(1, _CHUNK_BYTES // max(1, images[0].nbytes))
    for start in range(0, len(images), step):
        yield start, np.ascontiguousarray(images[start : start + step])


def image_keys(images: np.ndarray) -> np.ndarray:
    """Return a key (N,) of 16 bytes (truncated SHA-256) for each image: equal keys mean equal
    pixels.

    Images are compared as stored: the same picture as uint8 and as float32 has two keys (and is a
    near duplicate). -0.0 and 0.0 are the same value.
    """
    keys = np.empty(len(images), "V16")
    start_of = hashlib.sha256(f"{images.dtype.str}{images.shape[1:]}".encode())
    for start, chunk in image_chunks(images):
        pixels = chunk.reshape(len(chunk), -1)
        for row, image in enumerate(pixels + pixels.dtype.type(0), start=start):  # -0.0 + 0 is 0.0
            digest = start_of.copy()
            digest.update(image)
            keys[row] = digest.digest()[:16]
    return keys


def same_rows(values: np.ndarray) -> RowSets:
    """Return the rows of each value that occurs more than once, ordered by first row."""
    _, first, number, counts = np.unique(
        values, return_index=True, return_inverse=True, return_counts=True
    )
    rows = np.flatnonzero(counts[number] > 1)
    key = first[number[rows]]
    order = np.argsort(key, kind="stable")
    return RowSets(rows[order], np.flatnonzero(np.diff(key[order], prepend=-1)))
