"""The audit of the splits of a set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from medmonai.data.cohort import Cohort
from medmonai.data.describe import ImageStatistics, describe_split, image_statistics
from medmonai.data.duplicates import (
    COPY_THRESHOLD,
    MAX_PAIRS,
    NEAR_THRESHOLD,
    Alike,
    AlikeSearch,
    CaseTable,
    Finding,
    RowSets,
    group_sets,
    image_keys,
    same_rows,
)
from medmonai.data.positive_class import classes_line
from medmonai.data.sources import is_published

from .audit import (
    CONFLICTS,
    COPIES,
    EXACT,
    GROUP_CLASSES,
    GROUPS,
    NEAR,
    NEAR_CONFLICTS,
    TURNED,
    Audit,
)

# An image has low contrast if its standard deviation is below this fraction of the median image's.
LOW_CONTRAST = 0.2


def audit_cohorts(
    cohorts: Sequence[Cohort],
    *,
    near_threshold: float | None = NEAR_THRESHOLD,
    leak_threshold: float | None = COPY_THRESHOLD,
    examples: int = 20,
    max_pairs: int = MAX_PAIRS,
) -> Audit:
    """Audit the splits of one set: duplicates within and across them, label conflicts, blank
    images, distributions.

    - Exact duplicates: sets of cases with the same pixels (SHA-256). Constant images are excluded:
      two equal ones need not come from the same source.
    - Near duplicates: pairs of different images whose band-passed shapes correlate
      (`shape_features`); an image that occurs several times counts once. The search is complete: it
      finds every pair at or above the threshold.
    - Almost identical images: near duplicates at or above `leak_threshold`. The audit sees the
      correlation, not its cause: a picture saved again as JPEG or resized, neighboring slices of
      one patient, frames of one video.
    - Mirrored or rotated copies: 2D images that reach `leak_threshold` under one of the symmetries
      of the square.
    - Label conflicts: exact duplicates, and near duplicates, that have different labels.
    - Groups in several splits, and ids in several splits (only a note: sources may number each
      split from the start).
    - Groups with cases of several classes: a fact about the set, not a fault.
    - Constant images, and images of low contrast: those with a standard deviation below a fifth of
      the median image's.

    Images are read in chunks, so a memmap stays on disk. 100,000 images of 28 pixels took 28
    seconds on one core; the search for near duplicates grows with the square of the number of
    cases. MONAI's `DataAnalyzer` collects statistics of segmentation sets; it does not look for
    duplicates.

    Args:
        cohorts: one per split.
        near_threshold: correlation in (0, 1]; None skips near duplicates.
        leak_threshold: correlation at or above which near duplicates are almost identical, and
            leakage across splits; None: none of them are.
        examples: number of examples to keep of each finding.
        max_pairs: number of similar pairs at which the search for near duplicates stops; counts are
            then lower bounds.

    Raises:
        ValueError: no cohort; two with the same split name; different image shapes, tasks or class
            names; thresholds outside (0, 1]; or a `leak_threshold` below `near_threshold`.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> splits = [lesion_phantom(split=s, num_cases=20) for s in ("train", "val")]
        >>> audit_cohorts(splits).leaks
        ()
    """
    _check_cohorts(cohorts)
    _check_thresholds(near_threshold, leak_threshold)
    table = CaseTable(cohorts, examples=examples)
    statistics = [image_statistics(cohort.images) for cohort in cohorts]
    constant = np.concatenate([s.low == s.high for s in statistics])
    keys = np.concatenate([image_keys(cohort.images) for cohort in cohorts])
    shown = np.flatnonzero(~constant)
    exact = same_rows(keys[shown])
    exact = RowSets(shown[exact.rows], exact.starts)
    search = AlikeSearch(table, exact, constant, max_pairs=max_pairs)
    near = search.near(near_threshold)
    copies = search.copies(near, leak_threshold if near_threshold is not None else None)
    first = cohorts[0]
    return Audit(
        " + ".join(dict.fromkeys(cohort.provenance.name for cohort in cohorts)),
        checksum=first.provenance.checksum,
        splits=tuple(describe_split(cohort, s) for cohort, s in zip(cohorts, statistics)),
        findings=(
            table.finding(EXACT, exact),
            table.finding(CONFLICTS, exact.differing(table.label_of)),
            *(() if near_threshold is None else _of_alike(table, near, copies)),
            *_of_groups(table),
            table.finding(
                "ids in several splits",
                same_rows(np.concatenate([cohort.ids for cohort in cohorts])),
            ),
            table.singles("constant images", np.flatnonzero(constant)),
            table.singles(
                "images of low contrast", np.flatnonzero(~constant & _low_contrast(statistics))
            ),
        ),
        near_threshold=near_threshold,
        near_complete=near.complete and all(finding.complete for finding in copies),
        leak_threshold=leak_threshold,
        groups_known=all(cohort.groups is not None for cohort in cohorts),
        classes=classes_line(
            first.class_names, first.class_names[1] if first.task.kind == "binary" else None
        ),
        official=all(is_published(cohort.provenance.checksum) for cohort in cohorts),
    )


def _check_thresholds(near: float | None, leak: float | None) -> None:
    if near is not None and leak is not None and not near <= leak <= 1:
        raise ValueError(
            f"leak_threshold={leak} with near_threshold={near}; leak_threshold must lie between "
            "near_threshold and 1, or be None."
        )


def _check_cohorts(cohorts: Sequence[Cohort]) -> None:
    if not cohorts:
        raise ValueError(
            "cohorts are empty; give one for each split, for example those of train, val and test."
        )
    splits = [cohort.split for cohort in cohorts]
    if len(set(splits)) < len(splits):
        raise ValueError(f"cohorts have the splits {splits}; each needs a name of its own.")
    for name in ("in_channels", "spatial_size", "task", "class_names"):
        values = [getattr(cohort, name) for cohort in cohorts]
        if any(value != values[0] for value in values):
            raise ValueError(
                f"cohorts differ in {name}: {dict(zip(splits, values))}; audit the splits of one "
                "set together."
            )


def _of_alike(table: CaseTable, near: Alike, copies: Sequence[Alike]) -> Iterator[Finding]:
    """Yield the findings on images that are alike but not equal: first copies, which are leakage,
    then pairs that a person must judge.
    """
    for kind, pairs in zip((COPIES, TURNED), copies):
        yield table.finding(kind, pairs.sets, pairs.scores)
    yield table.finding(NEAR, near.sets, near.scores)
    yield table.finding(NEAR_CONFLICTS, near.sets.differing(table.label_of))


def _of_groups(table: CaseTable) -> list[Finding]:
    """Return the findings on groups: those in several splits and, if a case has one class, in
    several classes.
    """
    sets = group_sets(table)
    chosen = [(GROUPS, sets.differing(table.split_of))]
    if table.cohorts[0].task.exclusive:
        chosen.append((GROUP_CLASSES, sets.differing(table.label_of)))
    return [
        table.finding(kind, of_kind, names=table.group_of(of_kind.rows[of_kind.starts]))
        for kind, of_kind in chosen
    ]


def _low_contrast(statistics: Sequence[ImageStatistics]) -> np.ndarray:
    sds = np.concatenate([s.sds for s in statistics])
    return sds < LOW_CONTRAST * np.median(sds)
