"""Cross-validation: the training and validation cases of a set are divided again by class, with
groups and identical images kept together.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from medmonai.data.case_columns import check_case_ids
from medmonai.data.cohort import Cohort
from medmonai.data.duplicates import image_keys
from medmonai.data.image_place import ImagePlace
from medmonai.task import Task

from .division import part_numbers

Part = Literal["train", "validation"]

_CHUNK_BYTES = 1 << 24


def cross_validation_cohort(
    cohorts: Sequence[Cohort], *, folds: int, fold: int, part: Part, seed: int = 0
) -> Cohort:
    """Return the training or the validation cases of one fold.

    All cases of the cohorts are divided into `folds` parts (see `fold_numbers`); part number `fold`
    is for validation, the others are for training. Over all folds, every case is a validation case
    exactly once. Cases of one group and cases with the same pixels stay together, so a leak between
    the given splits does not leak between the parts.

    Cases keep their ids, labels, groups and order. Images in memory are copied; those on disk stay
    there: the part is written to a temporary file that is removed with the process.

    `monai.data.partition_dataset_classes` divides lists of dictionaries by class, but knows neither
    groups nor images; scikit-learn's `StratifiedGroupKFold` takes 20 s for 50,000 cases.

    Args:
        cohorts: the splits to divide, usually train and validation, but never test.
        folds: number of parts, at least 2.
        fold: which of them is for validation, from 0.
        part: "train" or "validation"; the result's split is "train" or "val".
        seed: seed of the division; use the same one for all folds.

    Raises:
        ValueError: an argument outside the values above; cohorts that do not belong together, or
            only some of them with groups; a duplicate id; a class (for a label, its positives or
            negatives) in too few groups to be on both sides of every fold.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> cohorts = [lesion_phantom(split=split, num_cases=20) for split in ("train", "val")]
        >>> [
        ...     len(cross_validation_cohort(cohorts, folds=5, fold=0, part=part))
        ...     for part in ("train", "validation")
        ... ]
        [32, 8]
    """
    _check_fold(folds, fold, part)
    _check_cohorts(cohorts)
    labels = np.concatenate([c.labels for c in cohorts])
    groups = _groups(cohorts)
    keys = np.concatenate([image_keys(c.images) for c in cohorts])
    ids = check_case_ids(np.concatenate([c.ids for c in cohorts]), len(labels))
    task = cohorts[0].task
    numbers = fold_numbers(labels, units_of(keys, groups), task=task, folds=folds, seed=seed)
    _check_classes(cohorts[0], labels, numbers, folds)
    rows = np.flatnonzero((numbers == fold) == (part == "validation"))
    splits = " and ".join(c.split for c in cohorts)
    note = (
        f"Cross-validation: {splits} ({len(labels)} cases) were divided again into {folds} folds "
        f"(seed {seed}), identical images and groups kept whole; these are the {part} cases of "
        f"fold {fold}. What is said of leaks between {splits} does not hold for them."
    )
    provenance = cohorts[0].provenance
    return replace(
        cohorts[0],
        images=gather_images([c.images for c in cohorts], rows),
        labels=labels[rows],
        ids=ids[rows],
        groups=None if groups is None else groups[rows],
        metadata=_metadata(cohorts, rows),
        places=_places(cohorts, rows),
        split="train" if part == "train" else "val",
        provenance=replace(provenance, facts=(*provenance.facts, note)),
    )


def units_of(*columns: np.ndarray | None) -> np.ndarray:
    """Return the unit number (N,) of each case: cases that share a value in any column are in one
    unit.

    Sharing is transitive: if a and b share a patient, and b and c an image, all three form one
    unit.

    Args:
        columns: (N,) arrays, such as patients and keys of images; None is ignored.

    Example:
        >>> units_of(np.array(["p", "p", "q", "r"]), np.array([0, 1, 1, 2])).tolist()
        [0, 0, 0, 1]
    """
    values = [
        np.unique(column, return_inverse=True)[1].reshape(-1)
        for column in columns
        if column is not None
    ]
    n = len(values[0])
    start = len(values[0])
    edges = []
    # a graph of cases and values, with an edge between each case and each of its values
    for numbers in values:
        edges.append(start + numbers)
        start += numbers.max() + 1
    rows = np.tile(np.arange(n), len(values))
    ends = np.concatenate(edges)
    graph = coo_array((np.ones(len(rows), bool), (rows, ends)), shape=(start, start))
    return connected_components(graph, directed=False)[1][:n]


def fold_numbers(
    labels: np.ndarray, units: np.ndarray, *, task: Task, folds: int, seed: int = 0
) -> np.ndarray:
    """Return the fold (N,) of each case, from 0. Units are never divided, and classes are spread
    evenly.

    This is `part_numbers` with equal shares: without larger units, the folds differ by at most one
    case in every class.

    Args:
        labels: as `Task.check_labels` returns them.
        units: (N,) number of the unit of each case.
        task: what the labels mean.
        folds: number of folds.
        seed: seed for breaking ties.
    """
    return part_numbers(labels, units, task=task, shares=np.ones(folds), seed=seed)


def gather_images(parts: Sequence[np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Return the images at the rows of all parts in one array: in memory, or on disk if any part
    is.
    """
    shape = (len(rows), *parts[0].shape[1:])
    dtype = parts[0].dtype
    if any(isinstance(part, np.memmap) for part in parts):
        with tempfile.TemporaryFile() as file:  # the mapping keeps the space until closed
            out = np.memmap(file, dtype=dtype, mode="w+", shape=shape)
    else:
        out = np.empty(shape, dtype)
    step = max(1, _CHUNK_BYTES // max(1, parts[0][0].nbytes))
    start = 0
    filled = 0
    for part in parts:
        inner = rows[(rows >= start) & (rows < start + len(part))] - start
        for first in range(0, len(inner), step):
            chosen = inner[first : first + step]
            out[filled : filled + len(chosen)] = part[chosen]
            filled += len(chosen)
        start += len(part)
    return out


def _check_fold(folds: int, fold: int, part: str) -> None:
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise ValueError(f"folds={folds!r}; a whole number of at least 2 is needed.")
    if isinstance(fold, bool) or not isinstance(fold, int) or not 0 <= fold < folds:
        raise ValueError(f"fold={fold!r}; {folds} folds are numbered 0 to {folds - 1}.")
    if part not in get_args(Part):
        raise ValueError(f"part={part!r} is unknown; use {' or '.join(map(repr, get_args(Part)))}.")


def _check_cohorts(cohorts: Sequence[Cohort]) -> None:
    if not cohorts:
        raise ValueError("cohorts are empty; give the training and the validation split.")
    for name in ("task", "class_names", "in_channels", "spatial_size", "dtype"):
        values = [c.images.dtype.name if name == "dtype" else getattr(c, name) for c in cohorts]
        if any(value != values[0] for value in values):
            of_split = dict(zip((c.split for c in cohorts), values))
            raise ValueError(f"cohorts differ in {name}: {of_split}; give the splits of one set.")


def _groups(cohorts: Sequence[Cohort]) -> np.ndarray | None:
    unknown = [c.split for c in cohorts if c.groups is None]
    if len(unknown) == len(cohorts):
        return None
    if unknown:
        raise ValueError(
            f"cohorts: {', '.join(unknown)} has no groups and the others have; give all of them "
            "groups, or none."
        )
    columns = [c.groups for c in cohorts if c.groups is not None]
    same = len({column.dtype.kind == "U" for column in columns}) == 1
    return np.concatenate(columns if same else [column.astype(str) for column in columns])


def _metadata(cohorts: Sequence[Cohort], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns common to all cohorts, at the given rows."""
    names = [
        name for name in cohorts[0].metadata if all(name in cohort.metadata for cohort in cohorts)
    ]
    return {
        name: np.concatenate([cohort.metadata[name] for cohort in cohorts])[rows] for name in names
    }


def _places(cohorts: Sequence[Cohort], rows: np.ndarray) -> tuple[ImagePlace, ...] | None:
    """Return where the volumes at the given rows lie in space, if all cohorts know it."""
    known = [cohort.places for cohort in cohorts if cohort.places is not None]
    if len(known) < len(cohorts):
        return None
    places = [place for places in known for place in places]
    return tuple(places[row] for row in rows)


def _check_classes(cohort: Cohort, labels: np.ndarray, numbers: np.ndarray, folds: int) -> None:
    """Refuse folds that lack a class of the set, because their AUC would be undefined."""
    hot = cohort.task.one_hot(labels)
    for c, name in enumerate(cohort.class_names):
        for value in (0, 1):
            kind = (
                f"class {name!r}"
                if cohort.task.exclusive
                else f"{'positives' if value else 'negatives'} of {name!r}"
            )
            here = hot[:, c] == value
            without = np.flatnonzero(np.bincount(numbers[here], minlength=folds) == 0)
            if here.any() and len(without) and (value or not cohort.task.exclusive):
                raise ValueError(
                    f"folds={folds}: {kind}, {int(here.sum())} cases, would be missing in "
                    f"{len(without)} of the validation parts; use fewer folds."
                )
