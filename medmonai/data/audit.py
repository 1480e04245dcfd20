"""The audit of a data set: what is wrong with its splits before anything is trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .cohort import Cohort
from .description import ImageStatistics, SplitDescription, describe_split, image_statistics
from .duplicates import CaseTable, Finding, RowSets, image_keys, one_a_split, same_rows
from .similarity import COPY_THRESHOLD, MAX_PAIRS, NEAR_THRESHOLD, near_pairs

# An image is of low contrast if its standard deviation is below this part of the median image's.
LOW_CONTRAST = 0.2
EXACT, NEAR, GROUPS = "exact duplicates", "near duplicates", "groups in several splits"
COPIES, CONFLICTS = "altered copies", "label conflicts of exact duplicates"


@dataclass(frozen=True)
class Audit:
    """What `audit_cohorts` found.

    Args:
        name: the set.
        checksum: of its file, as the cohorts' provenance has it; "" if it was not verified.
        splits: one description a split.
        findings: one of each kind, those without a case too.
        near_threshold: correlation from which two images are near duplicates; None if they were not looked for.
        near_complete: False if the search stopped because too many images are alike.
        leak_threshold: correlation from which near duplicates are altered copies, and leakage across splits; None: never.
        groups_known: whether every split says which patient or lesion a case belongs to.
    """

    name: str
    checksum: str
    splits: tuple[SplitDescription, ...]
    findings: tuple[Finding, ...]
    near_threshold: float | None
    near_complete: bool
    leak_threshold: float | None
    groups_known: bool

    def finding(self, kind: str) -> Finding:
        """Return the finding of a kind.

        Raises:
            ValueError: unknown kind.
        """
        found = next((f for f in self.findings if f.kind == kind), None)
        if found is None:
            raise ValueError(f"kind={kind!r} is unknown; use one of {', '.join(repr(f.kind) for f in self.findings)}.")
        return found

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """Findings that let a split know cases of another one: exact duplicates, altered copies and groups across splits.

        Near duplicates below `leak_threshold` are none: two X-rays of 28 pixels that correlate at .94 may be one exposure
        saved twice or two children alike, and only a person can tell. From .99 on, or of equal pixels, there is no doubt.
        """
        return tuple(f for f in self.findings if f.kind in (EXACT, COPIES, GROUPS) and f.across_count)

    @property
    def near_across(self) -> Finding | None:
        """Near duplicates across splits, for a person to look at; None if there are none, or they are leaks already."""
        found = next((f for f in self.findings if f.kind == NEAR), None)
        copies = sum(leak.across_count for leak in self.leaks if leak.kind == COPIES)
        return found if found is not None and found.across_count > copies else None

    @property
    def verdict(self) -> str:
        """Leakage or not, in one sentence."""
        unsure = "" if self.groups_known else "; patients are not known, so theirs cannot be ruled out"
        unsure += "" if self.near_complete else "; the search for near duplicates stopped early"
        if self.near_across is not None:
            unsure = f"; {self.near_across.across_count} near duplicates across splits, to be looked at{unsure}"
        if not self.leaks:
            return f"no leakage found between the splits{unsure}"
        told = ", ".join(f"{leak.kind} {leak.across_count} ({', '.join(f'{p} {n}' for p, n in leak.across if n)})"
                         for leak in self.leaks)
        return f"leakage between splits: {told}{unsure}"

    def as_dict(self, examples: int | None = None) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold, with at most so many examples a finding."""
        return {
            "name": self.name, "checksum": self.checksum, "verdict": self.verdict,
            "leaks": [leak.kind for leak in self.leaks], "splits": [split.as_dict() for split in self.splits],
            "findings": [found.as_dict(examples) for found in self.findings], "near_threshold": self.near_threshold,
            "near_complete": self.near_complete, "leak_threshold": self.leak_threshold, "groups_known": self.groups_known,
        }

    def compact(self, *, allowed: bool = False) -> dict[str, Any]:
        """Return what a record of a run needs: verdict, counts, and the first ids of each leak.

        Args:
            allowed: whether leakage was allowed; kept in the record.
        """
        return {
            "verdict": self.verdict, "leakage": bool(self.leaks), "leakage_allowed": bool(allowed),
            "counts": {found.kind: found.count for found in self.findings},
            "across_splits": {found.kind: found.across_count for found in self.findings if found.across},
            "leaks": {leak.kind: {"across": dict(leak.across),
                                  "examples": [[case.id for case in one_a_split(found)] for found in leak.examples[:3]]}
                      for leak in self.leaks},
            "near_threshold": self.near_threshold, "leak_threshold": self.leak_threshold, "near_complete": self.near_complete,
        }

    def lines(self) -> list[str]:
        """Return the audit for a person to read: the verdict, the splits, one line a finding."""
        lines = [f"{self.name}: {self.verdict}"]
        lines += [line for split in self.splits for line in split.lines()]
        lines += [found.line() for found in self.findings]
        if self.near_threshold is None:
            lines.append("near duplicates: not looked for")
        if not self.near_complete:
            lines.append(f"near duplicates: the search stopped, too many pairs are alike, so there are more than these; raise "
                         f"the threshold ({self.near_threshold}).")
        return lines


def audit_cohorts(
    cohorts: Sequence[Cohort], *, near_threshold: float | None = NEAR_THRESHOLD,
    leak_threshold: float | None = COPY_THRESHOLD, examples: int = 20, max_pairs: int = MAX_PAIRS,
) -> Audit:
    """Audit the splits of one set: duplicates within and across them, label conflicts, blank images, distributions.

    - Exact duplicates: sets of cases with the same pixels (SHA-256). Constant images are left out of it: that two of them
      are equal says nothing about where they come from.
    - Near duplicates: pairs of different images whose band-passed shapes correlate (`shape_features`), each image that
      occurs more than once taken once. Complete: every pair at or above the threshold is found.
    - Altered copies: near duplicates at or above `leak_threshold`, such as a picture saved again as JPEG or in another size.
    - Label conflicts: exact duplicates, and near duplicates, that have different labels.
    - Groups in several splits, and ids in several splits (a note: sources may number each split from the start).
    - Constant images; images of low contrast, with a standard deviation under a fifth of the median image's.

    Images are read a chunk at a time, so a memmap stays on disk. 100,000 images of 28 pixels take about five seconds on
    one core; the search for near duplicates grows with the square of the number of cases. MONAI's `DataAnalyzer` collects
    statistics of segmentation sets; it looks for no duplicates.

    Args:
        cohorts: one a split.
        near_threshold: correlation in (0, 1]; None leaves near duplicates out.
        leak_threshold: correlation from which they are altered copies, and across splits leakage; None makes none of them.
        examples: examples kept of each finding.
        max_pairs: pairs alike at which the search for near duplicates stops; counts are then lower limits.

    Raises:
        ValueError: no cohort, two of one split name, other image shapes, tasks or class names; thresholds outside (0, 1], or
            a `leak_threshold` below `near_threshold`.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> splits = [lesion_phantom(split=s, num_cases=20) for s in ("train", "val")]
        >>> audit_cohorts(splits).leaks
        ()
    """
    _check_cohorts(cohorts)
    if None not in (near_threshold, leak_threshold) and not near_threshold <= leak_threshold <= 1:
        raise ValueError(f"leak_threshold={leak_threshold} with near_threshold={near_threshold}; what leaks is near, so a "
                         "correlation from that up to 1 is needed, or None.")
    table = CaseTable(cohorts, examples=examples)
    statistics = [image_statistics(cohort.images) for cohort in cohorts]
    constant = np.concatenate([s.low == s.high for s in statistics])
    keys = np.concatenate([image_keys(cohort.images) for cohort in cohorts])
    shown = np.flatnonzero(~constant)
    exact = same_rows(keys[shown])
    exact = RowSets(shown[exact.rows], exact.starts)
    near, scores, complete = _near(table, exact, constant, near_threshold, max_pairs)
    known = all(cohort.groups is not None for cohort in cohorts)
    names = dict.fromkeys(cohort.provenance.name for cohort in cohorts)
    of_near = (table.finding(NEAR, near, scores),
               table.finding("label conflicts of near duplicates", near.differing(table.label_of)))
    if near_threshold is not None and leak_threshold is not None:
        # A search that stopped early is done again for the copies alone: those must not be missed.
        alike, how = (near, scores) if complete else _near(table, exact, constant, leak_threshold, max_pairs)[:2]
        of_near = (table.finding(COPIES, alike.chosen(how >= leak_threshold), how[how >= leak_threshold]), *of_near)
    return Audit(
        " + ".join(names), checksum=cohorts[0].provenance.checksum,
        splits=tuple(describe_split(cohort, s) for cohort, s in zip(cohorts, statistics)),
        findings=(
            table.finding(EXACT, exact), table.finding(CONFLICTS, exact.differing(table.label_of)),
            *(() if near_threshold is None else of_near),
            table.finding(GROUPS, _shared_groups(table)),
            table.finding("ids in several splits", same_rows(np.concatenate([cohort.ids for cohort in cohorts]))),
            table.singles("constant images", np.flatnonzero(constant)),
            table.singles("images of low contrast", np.flatnonzero(~constant & _low_contrast(statistics))),
        ),
        near_threshold=near_threshold, near_complete=complete, leak_threshold=leak_threshold, groups_known=known,
    )


def _check_cohorts(cohorts: Sequence[Cohort]) -> None:
    if not cohorts:
        raise ValueError("cohorts are empty; give one a split, for example those of train, val and test.")
    splits = [cohort.split for cohort in cohorts]
    if len(set(splits)) < len(splits):
        raise ValueError(f"cohorts have the splits {splits}; each needs a name of its own.")
    for name in ("in_channels", "spatial_size", "task", "class_names"):
        values = [getattr(cohort, name) for cohort in cohorts]
        if any(value != values[0] for value in values):
            raise ValueError(f"cohorts differ in {name}: {dict(zip(splits, values))}; audit the splits of one set together.")


def _near(
    table: CaseTable, exact: RowSets, constant: np.ndarray, threshold: float | None, max_pairs: int
) -> tuple[RowSets, np.ndarray, bool]:
    """Return pairs of near duplicates as sets of two rows, their similarity, and whether the search was complete."""
    nothing = RowSets(np.empty(0, np.int64), np.empty(0, np.int64)), np.empty(0), True
    kept = ~constant
    kept[np.delete(exact.rows, exact.starts)] = False  # the first of each set stands for it
    rows = np.flatnonzero(kept)
    if threshold is None or len(rows) < 2:
        return nothing
    row_bytes = 3 * 4 * table.cohorts[0].images[0].size
    pairs, scores, complete = near_pairs(len(rows), lambda part: table.features(rows[part]), threshold=threshold,
                                         max_pairs=max_pairs, row_bytes=row_bytes)
    pairs = rows[pairs]
    members = dict(zip(exact.rows[exact.starts].tolist(), map(exact.at, range(len(exact.starts)))))
    firsts = np.array(list(members), np.int64)
    for i in np.flatnonzero(np.isin(pairs, firsts).any(axis=1)):
        pairs[i] = _across(table.split_of, *(members.get(row, [row]) for row in pairs[i].tolist()))
    return RowSets(pairs.reshape(-1), np.arange(0, 2 * len(pairs), 2)), scores, complete


def _across(split_of: np.ndarray, a: Sequence[int], b: Sequence[int]) -> tuple[int, int]:
    """Return a member of each of two sets of equal images, from different splits where there are such."""
    return next(((i, j) for i in a for j in b if split_of[i] != split_of[j]), (a[0], b[0]))


def _shared_groups(table: CaseTable) -> RowSets:
    known = [i for i, cohort in enumerate(table.cohorts) if cohort.groups is not None]
    if not known:
        return RowSets(np.empty(0, np.int64), np.empty(0, np.int64))
    rows = np.flatnonzero(np.isin(table.split_of, known))
    sets = same_rows(np.concatenate([np.asarray(table.cohorts[i].groups).astype(str) for i in known]))
    return RowSets(rows[sets.rows], sets.starts).differing(table.split_of)


def _low_contrast(statistics: Sequence[ImageStatistics]) -> np.ndarray:
    sds = np.concatenate([s.sds for s in statistics])
    return sds < LOW_CONTRAST * np.median(sds)
