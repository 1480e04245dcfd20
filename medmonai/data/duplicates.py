"""Which cases of several splits show the same image, exactly or nearly, and how such findings are told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from .cohort import Cohort
from .similarity import shape_features

EXAMPLE_CASES = 8
_CHUNK_BYTES = 1 << 22


class Case(NamedTuple):
    """A case as it is named in a finding."""

    split: str
    id: str
    label: str

    def __str__(self) -> str:
        return f"{self.id} ({self.split}, {self.label})"


def one_a_split(cases: Sequence[Case]) -> list[Case]:
    """Return the first case of each split; the first two where all are of one split."""
    firsts = list({case.split: case for case in reversed(cases)}.values())[::-1]
    return firsts if len(firsts) > 1 else list(cases[:2])


@dataclass(frozen=True)
class Finding:
    """One kind of finding: how often, between which splits, and examples.

    Args:
        kind: what was found, for example "exact duplicates".
        count: findings: sets of identical images, pairs of near duplicates, patients, or single images.
        cases: cases that are part of one.
        across: findings that touch both of two splits, by "train/val" and so on; {} where that has no meaning.
        across_count: findings that touch more than one split.
        cases_across: cases of each split that have a partner in another split.
        examples: the first findings, those across splits first; each a tuple of (at most eight of its) cases.
        scores: similarity of each example, for near duplicates.
    """

    kind: str
    count: int = 0
    cases: int = 0
    across: tuple[tuple[str, int], ...] = ()
    across_count: int = 0
    cases_across: tuple[tuple[str, int], ...] = ()
    examples: tuple[tuple[Case, ...], ...] = ()
    scores: tuple[float, ...] = ()

    def as_dict(self, examples: int | None = None) -> dict[str, Any]:
        """Return plain values that JSON can hold, with at most so many examples."""
        scores = {"scores": list(self.scores[:examples])} if self.scores else {}
        return {"kind": self.kind, "count": self.count, "cases": self.cases, "across_splits": self.across_count,
                "across": dict(self.across), "cases_across": dict(self.cases_across),
                "examples": [[case._asdict() for case in found] for found in self.examples[:examples]], **scores}

    def line(self) -> str:
        """Return the finding in one line, with its first example."""
        if not self.count:
            return f"{self.kind}: none"
        between = ", ".join(f"{pair} {n}" for pair, n in self.across if n)
        split = f", {self.across_count} across splits ({between})" if between else ""
        example = f"; e.g. {' = '.join(map(str, one_a_split(self.examples[0])))}" if self.examples else ""
        return f"{self.kind}: {self.count} ({self.cases} cases){split}{example}"


class RowSets(NamedTuple):
    """Sets of rows, one after the other: set i is rows[starts[i] : starts[i + 1]]."""

    rows: np.ndarray
    starts: np.ndarray

    def numbers(self) -> np.ndarray:
        """Return the number of the set of each row."""
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
        found = values[self.rows]
        return self.chosen(np.minimum.reduceat(found, self.starts) != np.maximum.reduceat(found, self.starts))


class CaseTable:
    """The cases of several cohorts under one running number: their splits, ids and labels, and access to the images.

    Args:
        cohorts: splits of one set; images of one shape, one task.
        examples: how many examples a finding keeps.
    """

    def __init__(self, cohorts: Sequence[Cohort], *, examples: int = 20) -> None:
        self.cohorts = tuple(cohorts)
        self.examples = examples
        self.starts = np.cumsum([0, *(len(c) for c in cohorts)])
        self.split_of = np.repeat(np.arange(len(cohorts)), [len(c) for c in cohorts])
        labels = np.concatenate([c.labels for c in cohorts])
        # One number a label: rows of a multilabel task that are equal get the same one.
        self.label_of = labels if labels.ndim == 1 else np.unique(labels, axis=0, return_inverse=True)[1].reshape(-1)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def case(self, row: int) -> Case:
        """Return how a case is named."""
        cohort = self.cohorts[self.split_of[row]]
        inner = row - self.starts[self.split_of[row]]
        label = cohort.labels[inner]
        if cohort.task.exclusive:
            text = cohort.class_names[label]
        else:
            text = "; ".join(name for name, yes in zip(cohort.class_names, label) if yes) or "no label"
        return Case(cohort.split, str(cohort.ids[inner]), text)

    def features(self, rows: np.ndarray) -> np.ndarray:
        """Return `shape_features` of some rows, in their order; only these images are read."""
        parts = []
        order = np.argsort(rows, kind="stable")
        for split, cohort in enumerate(self.cohorts):
            inner = rows[order][self.split_of[rows[order]] == split] - self.starts[split]
            if inner.size:
                parts.append(shape_features(cohort.images[inner]))
        out = np.empty((len(rows), parts[0].shape[1]), np.float32)
        out[order] = np.concatenate(parts)
        return out

    def finding(self, kind: str, sets: RowSets, scores: np.ndarray | None = None) -> Finding:
        """Count sets of rows (each of two cases or more) and those that lie in several splits."""
        if not len(sets.starts):
            return Finding(kind)
        names = [cohort.split for cohort in self.cohorts]
        touches = np.zeros((len(sets.starts), len(names)), bool)
        touches[sets.numbers(), self.split_of[sets.rows]] = True
        crosses = touches.sum(axis=1) > 1
        partners = self.split_of[np.unique(sets.rows[crosses[sets.numbers()]])]
        first = np.argsort(~crosses, kind="stable")[: self.examples]
        return Finding(
            kind, count=len(sets.starts), cases=len(np.unique(sets.rows)), across_count=int(crosses.sum()),
            across=tuple((f"{names[a]}/{names[b]}", int(np.sum(touches[:, a] & touches[:, b])))
                         for a, b in combinations(range(len(names)), 2)),
            cases_across=tuple((name, int(np.sum(partners == i))) for i, name in enumerate(names)),
            examples=tuple(self._shown(sets.at(i)) for i in first),
            scores=() if scores is None else tuple(float(scores[i]) for i in first),
        )

    def _shown(self, rows: np.ndarray) -> tuple[Case, ...]:
        """Return the first cases of a set, one of each of its splits among them."""
        _, firsts = np.unique(self.split_of[rows], return_index=True)
        chosen = np.concatenate([firsts, np.delete(np.arange(len(rows)), firsts)])[:EXAMPLE_CASES]
        return tuple(self.case(int(row)) for row in rows[np.sort(chosen)])

    def singles(self, kind: str, rows: np.ndarray) -> Finding:
        """Count single cases."""
        return Finding(kind, count=len(rows), cases=len(rows),
                       examples=tuple((self.case(int(row)),) for row in rows[: self.examples]))


def image_chunks(images: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first row, images) in chunks of a few megabytes, so that a memmap is never read whole."""
    step = max(1, _CHUNK_BYTES // max(1, images[0].nbytes))
    for start in range(0, len(images), step):
        yield start, np.ascontiguousarray(images[start : start + step])


def image_keys(images: np.ndarray) -> np.ndarray:
    """Return a key (N,) of 16 bytes (SHA-256, cut) for each image: equal keys, equal pixels.

    Images are compared as they are stored: the same picture as uint8 and as float32 has two keys (and is a near
    duplicate). -0.0 and 0.0 are one value.
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
    """Return the rows of each value that occurs more than once, in the order of their first rows."""
    _, first, number, counts = np.unique(values, return_index=True, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(counts[number] > 1)
    key = first[number[rows]]
    order = np.argsort(key, kind="stable")
    return RowSets(rows[order], np.flatnonzero(np.diff(key[order], prepend=-1)))
