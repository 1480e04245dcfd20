"""Splits and left-out files as CSV: what a run keeps of them, and how splits are read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np

from medmonai.whole_files import replacing

from .listing import SPLITS, Listing


def write_splits(listing: Listing, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a CSV with columns id, split, group, label: the names of the case's classes, "|" between several.

    Raises:
        FileExistsError: the file exists and `overwrite` is False.
        ValueError: a listing without splits.
    """
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(splits_text(listing), encoding="utf-8", newline="")


def splits_text(listing: Listing) -> str:
    """Return what `write_splits` writes.

    Raises:
        ValueError: a listing without splits.
    """
    if listing.splits is None:
        raise ValueError(f"{listing.provenance.name} has no splits yet; call split_listing first.")
    groups = np.full(len(listing), "") if listing.groups is None else listing.groups
    hot = listing.task.one_hot(listing.labels).astype(bool)
    labels = ("|".join(name for name, here in zip(listing.class_names, row) if here) for row in hot)
    return csv_text([("id", "split", "group", "label"), *zip(listing.ids, listing.splits, groups, labels)])


def read_splits(path: str | Path, ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return the split (N,) of each id from a CSV with columns id and split; other columns are not looked at.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a table, an unknown split, an id twice, or other ids than the given ones (the first is named).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file of splits at {path}; give a CSV with columns id, split, or draw with val_fraction.")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not a CSV table in UTF-8 ({error}).") from None
    if not rows or not {"id", "split"} <= set(rows[0]):
        found = list(rows[0]) if rows else []
        raise ValueError(f"{path.name} has {len(rows)} rows and columns {found}; id and split are needed.")
    split_of: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        if row["id"] in split_of or row["split"] not in SPLITS:
            what = f"repeats id {row['id']!r}" if row["id"] in split_of else f"has split {row['split']!r}"
            raise ValueError(f"{path.name}: row {number} {what}; each id needs one row with {', '.join(SPLITS)}.")
        split_of[row["id"]] = row["split"]
    names = [str(case) for case in ids]
    known = set(names)
    for what, missing in (("has no row for", [n for n in names if n not in split_of]),
                          ("has a row for what is no case:", [n for n in split_of if n not in known])):
        if missing:
            raise ValueError(f"{path.name} {what} {missing[0]!r} ({len(missing)} such); its ids must be those of the source.")
    return np.array([split_of[name] for name in names])


def left_out_text(listing: Listing) -> str:
    """Return a CSV with columns name, reason: what the source holds that is no case. Never an absolute path."""
    names = ((PurePath(n).name if PurePath(n).is_absolute() else n, reason)
             for n, reason in ((found.name, found.reason) for found in listing.left_out))
    return csv_text([("name", "reason"), *names])


def csv_text(rows: Sequence[Sequence[object]]) -> str:
    """Return rows as CSV with line feeds."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
