"""Assigning cases to train, val or test: kept as given, drawn by class and group, or read from a
file.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from medmonai.data.cohort import Cohort
from medmonai.data.datalist import SPLITS, Listing

from .division import part_numbers
from .split_files import FileMissing, with_splits_of

logger = logging.getLogger("medmonai.data")

_MIN_VALIDATION = 50
_FRACTION = 0.15  # fraction of a split that must be drawn, if none is given
_PER_CLASS = 5  # fewer validation cases say nothing about a class


def split_listing(
    listing: Listing,
    *,
    val_fraction: float | None = None,
    test_fraction: float | None = None,
    seed: int = 0,
    file: str | Path | None = None,
    file_missing: FileMissing = "error",
    keep_given: bool = True,
    min_validation: int = _MIN_VALIDATION,
) -> Listing:
    """Return the listing with a split assigned to every case.

    - Splits given by the source (folders, a column) are kept. `val_fraction` draws a new validation
      split from the given train and val cases together; the given test split is never touched.
    - A split that is not given is drawn: val and test from the cases outside the kept splits, 15 %
      each unless a fraction says otherwise; the rest is train.
    - Drawn splits have the same share of every class, and a group is never divided
      (`part_numbers`). `require_no_leakage` checks whether groups are in two *given* splits.
    - `file` takes the splits from a table (columns id, split), as written by `write_splits`, and
      nothing is drawn; see `read_splits`.

    If the validation split is too small for choosing a network, a warning says which fraction would
    be enough. `monai.data.partition_dataset_classes` divides lists by class, without groups and
    without a record.

    Args:
        listing: the cases.
        val_fraction: fraction of the cases divided here that goes to validation.
        test_fraction: the same for test.
        seed: of the draw.
        file: a table of splits.
        file_missing: how to treat cases without a row in `file` and rows without a case. "error"
            raises; "skip" leaves them out, lists each in `left_out` and counts them in a note.
        keep_given: False draws all three splits again, whatever the source gives.
        min_validation: minimum number of validation cases; fewer, or fewer than five of a class
            (label), give a warning.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a fraction outside (0, 1), or a fraction for a kept split; a file whose ids
            differ from the listing's; no train cases; a class without cases in one of the splits
            (multilabel: no positives or no negatives).

    Example:
        >>> from medmonai.data import split_listing
        >>> from medmonai.data.cohort import Provenance
        >>> from medmonai.task import Task
        >>> names = [f"p{i // 2}_{i}.png" for i in range(200)]
        >>> listing = Listing(
        ...     [Path(name) for name in names],
        ...     ids=names,
        ...     labels=np.arange(200) % 4 // 2,
        ...     groups=np.array([name.split("_")[0] for name in names]),
        ...     task=Task("binary", 2),
        ...     class_names=("normal", "lesion"),
        ...     provenance=Provenance("example"),
        ... )
        >>> split_listing(listing, val_fraction=0.25, test_fraction=0.25)
        Listing(example: 200 cases, 2 classes, train 100, val 50, test 50)
    """
    if file is not None:
        if val_fraction is not None or test_fraction is not None:
            raise ValueError(
                f"file={str(file)!r} and a fraction are given; the file names every split, so "
                "leave the fractions out."
            )
        divided = with_splits_of(listing, file, missing=file_missing)
        said = divided.notes[len(listing.notes) + 1 :]
    else:
        splits, note = _draw(
            listing, {"val": val_fraction, "test": test_fraction}, seed=seed, keep_given=keep_given
        )
        divided = replace(listing, splits=splits, notes=(*listing.notes, note))
        said = ()
    splits = divided.splits
    assert splits is not None
    require_every_class(divided, splits, file="" if file is None else Path(file).name)
    advice = validation_advice(divided, splits, min_validation)
    for sentence in (*said, *filter(None, [advice])):
        logger.warning("%s: %s", listing.provenance.name, sentence)
    planned = dict(zip(divided.ids.tolist(), splits.tolist()))
    return replace(divided, planned=planned, notes=(*divided.notes, *filter(None, [advice])))


def take_per_class(cohort: Cohort, cases: int, *, seed: int = 0) -> Cohort:
    """Return the training cohort with at most `cases` cases per class, the same ones in every
    epoch.

    The seed determines which ones; they keep their order. Classes with fewer cases are unchanged.
    `Balance("target", target=500)` shows every class 500 times per epoch, and
    `Balance("cap", cap=500)` draws a new 500 in each epoch, which uses all images over time. This
    function is for studies that discard the rest.

    Args:
        cohort: a training split; validation and test cases are never discarded.
        cases: at most this many per class.
        seed: of the draw.

    Raises:
        ValueError: `cases` below 1, a split other than train, or a multilabel task.
    """
    if isinstance(cases, bool) or not isinstance(cases, int) or cases < 1:
        raise ValueError(
            f"cases={cases!r}; a whole number of at least 1 case of a class is needed."
        )
    if cohort.split != "train" or not cohort.task.exclusive:
        what = f"the {cohort.split} split" if cohort.split != "train" else "a multilabel task"
        raise ValueError(
            f"take_per_class was given {what}; only training cases of one class each can be "
            "thinned out."
        )
    rng = np.random.default_rng(seed)
    chosen = [
        rng.permutation(np.flatnonzero(cohort.labels == c))[:cases]
        for c in range(cohort.task.num_classes)
    ]
    rows = np.sort(np.concatenate(chosen))
    if len(rows) == len(cohort):
        return cohort
    note = (
        f"Of {len(cohort)} training cases {len(rows)} are used: at most {cases} of a class (seed "
        f"{seed})."
    )
    provenance = replace(cohort.provenance, facts=(*cohort.provenance.facts, note))
    return replace(cohort.subset(rows), provenance=provenance)


def _draw(
    listing: Listing, fractions: dict[str, float | None], *, seed: int, keep_given: bool
) -> tuple[np.ndarray, str]:
    """Return the splits (N,) and one sentence about how they were made."""
    given = (
        np.full(len(listing), "") if listing.splits is None or not keep_given else listing.splits
    )
    kept = [
        s for s in ("val", "test") if (given == s).any() and (s == "test" or fractions[s] is None)
    ]
    if "test" in kept and fractions["test"] is not None:
        _refuse_test_fraction(listing, given, fractions["test"])
    if len(kept) == 2:
        return given.copy(), "Splits: as the source gives them."
    drawn = {
        s: _FRACTION if f is None else _check_fraction(s, f)
        for s, f in fractions.items()
        if s not in kept
    }
    if sum(drawn.values()) >= 1:
        raise ValueError(
            f"val_fraction + test_fraction = {sum(drawn.values()):g}; nothing would be left for "
            "train; give smaller fractions."
        )
    rows = np.flatnonzero(~np.isin(given, kept))
    if len(rows) == 0:
        raise ValueError(
            f"{listing.provenance.name} gives {' and '.join(kept)} only; no case is left for train."
        )
    groups = None if listing.groups is None else listing.groups[rows]
    units = (
        np.arange(len(rows))
        if groups is None
        else np.unique(groups, return_inverse=True)[1].reshape(-1)
    )
    shares = [1 - sum(drawn.values()), *drawn.values()]
    numbers = part_numbers(listing.labels[rows], units, task=listing.task, shares=shares, seed=seed)
    splits = given.astype("U5")
    splits[rows] = np.array(["train", *drawn])[numbers]
    said = " and ".join(f"{s} ({share:.3g})" for s, share in drawn.items())
    source = "all" if len(rows) == len(listing) else "the other"
    whole = "patients are not known, one may be in two splits"
    whole = whole if groups is None else "groups kept whole"
    stays = f"; {' and '.join(kept)} as the source gives it" if kept else ""
    drawn_from = f"{said} drawn from {source} {len(rows)} cases by class with seed {seed}"
    return splits, f"Splits: {drawn_from}, {whole}{stays}."


def _refuse_test_fraction(listing: Listing, given: np.ndarray, fraction: float) -> NoReturn:
    raise ValueError(
        f"test_fraction={fraction} and {listing.provenance.name} has a test split of "
        f"{int((given == 'test').sum())} cases, which is kept; leave the fraction out "
        "(--test_fraction null), or draw all splits again with keep_given=False "
        "(--planned_listing#keep_given false)."
    )


def _check_fraction(split: str, fraction: float) -> float:
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 < fraction < 1:
        raise ValueError(
            f"{split}_fraction={fraction!r}; a number between 0 and 1 (exclusive) is needed."
        )
    return float(fraction)


def require_every_class(listing: Listing, splits: np.ndarray, *, file: str = "") -> None:
    """Raise ValueError if a split (N,) lacks a class (multilabel: positives or negatives of a
    label).

    `file` is the name of the table with the splits, if there is one; that table must then be
    changed.
    """
    hot = listing.task.one_hot(listing.labels)
    for split in SPLITS:
        here = hot[splits == split]
        counts = here.sum(axis=0)
        full = len(here) if not listing.task.exclusive else -1
        lacking = [name for name, n in zip(listing.class_names, counts) if n in (0, full)]
        if lacking:
            kind = "class" if listing.task.exclusive else "positive or no negative case of label"
            column = hot[:, listing.class_names.index(lacking[0])]
            units = (
                ""
                if listing.groups is None
                else f" in {len(np.unique(listing.groups[column == 1]))} groups"
            )
            todo = (
                f"give {split} such cases in {file}"
                if file
                else (
                    "draw the splits here, with larger fractions (--val_fraction 0.15 "
                    "--planned_listing#keep_given false)"
                )
            )
            raise ValueError(
                f"{listing.provenance.name}: {split} has no {kind} "
                f"{', '.join(map(repr, lacking))} among its {len(here)} cases ({lacking[0]!r} has "
                f"{int(column.sum())} of {len(listing)}{units}); {todo}, or leave the class out."
            )


def validation_advice(listing: Listing, splits: np.ndarray, minimum: int = _MIN_VALIDATION) -> str:
    """Return a sentence with advice if the validation split is too small for choosing a network,
    else "".
    """
    counts = listing.task.one_hot(listing.labels[splits == "val"]).sum(axis=0)
    cases = int((splits == "val").sum())
    pool = int((splits != "test").sum())
    rarest = int(counts.argmin())
    if cases >= minimum and counts[rarest] >= _PER_CLASS:
        return ""
    of_pool = listing.task.one_hot(listing.labels[splits != "test"]).sum(axis=0)
    needed = np.ceil(100 * max(_FRACTION, minimum / pool, _PER_CLASS / of_pool.min())) / 100
    advice = 'use "folds" in a study, or cross_validation_cohort'
    if needed <= 0.5:
        advice = (
            f"val_fraction={needed:.2f} draws {round(needed * pool)} of the {pool} train and val "
            "cases, by class and group"
        )
    return (
        f"validation has {cases} cases, {int(counts[rarest])} of {listing.class_names[rarest]!r}: "
        f"too few to choose a network or a threshold on; {advice}."
    )
