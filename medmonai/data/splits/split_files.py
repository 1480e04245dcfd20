"""Splits and omitted files as CSV: what a run records of them, and how to read splits back."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Literal

import numpy as np

from medmonai.atomic_files import replacing
from medmonai.data.class_names import path_key, split_of
from medmonai.data.datalist import SPLITS, LeftOut, Listing
from medmonai.tables import read_text_table

FileMissing = Literal["error", "skip"]


def write_splits(listing: Listing, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a CSV with columns id, split, group, label: the names of the case's classes, separated
    by "|".

    Cases that were left out after the division because they could not be read follow without group
    and label. The file can then divide the source again whether or not they have become readable.

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
    cases = zip(listing.ids, listing.splits, groups, labels)
    unread = (
        (out.name, listing.planned[out.name], "", "")
        for out in listing.left_out
        if out.name in listing.planned
    )
    return csv_text([("id", "split", "group", "label"), *cases, *unread])


def read_splits(path: str | Path, ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return the split (N,) of each id from a table with columns id and split; other columns are
    ignored.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a table, an unknown split, a duplicate id, or ids other than the given
            ones (the message names the first).
    """
    told = _split_by_id(path, ids)
    _refuse_unmatched(Path(path).name, *_unmatched(told, ids))
    return _in_order(told, ids)


def with_splits_of(
    listing: Listing, path: str | Path, *, missing: FileMissing = "error"
) -> Listing:
    """Return the listing with the splits of a table; see `read_splits`.

    Args:
        listing: the cases.
        path: path of the table.
        missing: how to treat cases without a row and rows without a case. "error" raises; "skip"
            leaves them out, lists each in `left_out` and counts them in a note.

    Raises:
        FileNotFoundError: no such file.
        ValueError: see `read_splits`; also an unknown `missing`, or no case with a row.
    """
    if missing not in ("error", "skip"):
        raise ValueError(f"file_missing={missing!r}; 'error' or 'skip' is needed.")
    name = Path(path).name
    told = _split_by_id(path, listing.ids)
    new, gone = _unmatched(told, listing.ids)
    if missing == "error":
        _refuse_unmatched(name, new, gone)
    if len(new) == len(listing):
        raise ValueError(
            f"{name} has a row for none of the {len(listing)} cases, first {new[0]!r}; its ids "
            "must be those of the source."
        )
    kept = listing.subset(~np.isin(listing.ids, new))
    notes = [f"Splits: taken from {name}; val_fraction, test_fraction and split_seed do nothing."]
    if new or gone:
        notes.append(
            f"{len(new)} cases have no row in {name} and {len(gone)} of its rows no case, first "
            f"{(new + gone)[0]!r}; they were left out."
        )
    left_out = (
        *(LeftOut(case, f"a case without a row in {name}") for case in new),
        *(LeftOut(row, f"a row of {name} without a case") for row in gone),
    )
    return replace(
        kept,
        splits=_in_order(told, kept.ids),
        left_out=(*kept.left_out, *left_out),
        notes=(*kept.notes, *notes),
    )


def _split_by_id(path: str | Path, known: Sequence[str] | np.ndarray) -> dict[str, str]:
    """Return `path_key` of the id -> split for every row; `known` are the ids of the source."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"no file of splits at {path}; give a CSV with columns id, split, or draw with "
            "val_fraction."
        )
    table = read_text_table(path, wanted=("id", "split"))
    ids = table.identifiers("id", "column", known=set(map(str, known)))
    splits = table.column("split", "column")
    told: dict[str, str] = {}
    for row, (case, value) in enumerate(zip(map(path_key, ids), splits)):
        split = split_of(value)
        if case in told or split is None:
            what = f"repeats id {case!r}" if case in told else f"has split {value!r}"
            raise ValueError(
                f"{table.name}: {table.places([row])} {what}; each id needs one row with "
                f"{', '.join(SPLITS)}."
            )
        told[case] = split
    return told


def _unmatched(
    told: Mapping[str, str], ids: Sequence[str] | np.ndarray
) -> tuple[list[str], list[str]]:
    """Return the ids without a row, and the rows without an id."""
    key_of = {str(case): path_key(str(case)) for case in ids}
    known = set(key_of.values())
    return [case for case, key in key_of.items() if key not in told], [
        row for row in told if row not in known
    ]


def _refuse_unmatched(name: str, new: list[str], gone: list[str]) -> None:
    for what, missing in (("has no row for", new), ("has a row for what is not a case:", gone)):
        if missing:
            raise ValueError(
                f"{name} {what} {missing[0]!r} ({len(missing)} such); its ids must be those of the "
                "source, or file_missing='skip' (--splits_file_missing skip) leaves out what is "
                "not in both."
            )


def _in_order(told: Mapping[str, str], ids: Sequence[str] | np.ndarray) -> np.ndarray:
    return np.array([told[path_key(str(case))] for case in ids])


def left_out_text(listing: Listing) -> str:
    """Return a CSV with columns name, reason of everything that is not a case, sorted by name and
    without absolute paths.
    """
    names = (
        (PurePath(n).name if PurePath(n).is_absolute() else n, reason)
        for n, reason in ((out.name, out.reason) for out in listing.left_out)
    )
    return csv_text([("name", "reason"), *sorted(names)])


def csv_text(rows: Sequence[Sequence[object]]) -> str:
    """Return rows as CSV with LF line endings."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
