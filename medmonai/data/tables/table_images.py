"""Finding the image of each table row; every row and every image counts once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medmonai.data.case_files import CaseFiles
from medmonai.data.datalist import LeftOut
from medmonai.data.files import DicomFolders
from medmonai.tables import TextTable

from .table_cases import RowImages, images_of_rows, missing_note
from .table_folders import image_bases, none_found
from .table_paths import Bases, Place, place_notes


@dataclass(frozen=True)
class TableImages:
    """The rows that have an image, and what remains.

    Args:
        rows: their row numbers in the table.
        ids: (N,) path of each image inside its folder.
        files: one per row, or a tuple with one for each column.
        left_out: rows without an image, and images without a row.
        notes: notes of one sentence each.
    """

    rows: list[int]
    ids: np.ndarray
    files: tuple[CaseFiles, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    def without_rows(self, rows: Sequence[int], reason: str) -> TableImages:
        """Return the images without those of some rows, which are left out for a reason."""
        if not rows:
            return self
        lost = set(rows)
        kept = [i for i, row in enumerate(self.rows) if row not in lost]
        names = [str(self.ids[i]) for i, row in enumerate(self.rows) if row in lost]
        note = f"{len(names)} rows were left out: {reason} (first {names[0]!r})."
        return TableImages(
            [self.rows[i] for i in kept],
            self.ids[kept],
            tuple(self.files[i] for i in kept),
            (*self.left_out, *(LeftOut(name, reason) for name in names)),
            (*self.notes, note),
        )


def image_folders_of(beside: Path, folders: str | Path | Sequence[str | Path] | None) -> list[Path]:
    """Return the given folders, relative to the table's folder, with `*` expanded; none for None.

    Raises:
        FileNotFoundError: a folder without `*` that does not exist, or no folder at all.
    """
    if folders is None:
        return []
    # A command line turns a folder named 2019 into a number.
    named = list(map(str, [folders] if isinstance(folders, (str, Path, int)) else folders))
    paths: list[Path] = []
    for name in map(Path, named):
        folder = beside / name.expanduser()
        if "*" in name.name:
            paths += sorted(path for path in folder.parent.glob(name.name) if path.is_dir())
        elif folder.is_dir():
            paths.append(folder)
        else:
            raise FileNotFoundError(
                f"image_folders: {folder} is not a folder; name it relative to the table's folder."
            )
    if not paths:
        raise FileNotFoundError(f"image_folders={named} fit no folder beside the table.")
    return list(dict.fromkeys(paths))


def find_table_images(
    table: TextTable,
    columns: Sequence[str],
    folders: Sequence[Path],
    *,
    beside: Path,
    suffix: str = "",
    skip: bool = False,
    dicom_folders: DicomFolders = "series",
) -> TableImages:
    """Return the images of each row. Paths are compared by `path_key` and searched for as in
    `find_places`.

    With several columns, a blank cell is a missing image of a case, and rows whose cells are all
    blank are left out.

    Args:
        table: the table.
        columns: columns of file names or paths.
        folders: where the images are; may be none.
        beside: the table's folder.
        suffix: added to names that do not end in it.
        skip: whether to leave out rows without an image, or without one of those that they name.
        dicom_folders: see `find_in_folders`.

    Raises:
        ValueError: a row without an image unless `skip`, no row with an image, or an image in two
            rows, two columns, two folders or two places.
    """
    bases, notes = image_bases(folders, beside, len(table), dicom_folders)
    images = images_of_rows(table, columns, suffix, bases)
    rows = [row for row, image in enumerate(images) if image.is_case]
    if not rows:
        raise none_found(table, [next(iter(images[0].lost), "")], bases)
    several = len(columns) > 1
    blank = [row for row, image in enumerate(images) if several and not any(image.names)]
    without = sorted({*range(len(images))} - {*rows, *blank})
    told = _without_image(table, images, without, skip=skip)
    _check_once(table, rows, images)
    with_image = [place for row in rows for place in images[row].found]
    # an image of a row that is left out has a row, and is not one that nobody named
    unnamed = _unnamed([place for image in images for place in image.found], bases)
    notes = [*place_notes(with_image), *notes]
    notes.append(missing_note([images[row] for row in rows], columns))
    notes += [f"{told} in {table.name}; they were left out."] if told else []
    if blank:
        notes.append(
            f"{len(blank)} of {len(table)} rows name no image in {', '.join(columns)} "
            f"({table.places(blank)}); they were left out."
        )
    if unnamed:
        notes.append(
            f"{len(unnamed)} images have no row in {table.name}, first {unnamed[0]!r}; they were "
            "left out."
        )
    lost = [
        *_left_out(table, images, without, "a row without an image"),
        *_left_out(table, images, blank, "a row that names no image"),
    ]
    return TableImages(
        rows,
        np.array([images[row].found[0].id for row in rows]),
        tuple(images[row].files for row in rows),
        (*lost, *(LeftOut(image, "an image without a row") for image in unnamed)),
        tuple(notes),
    )


def _left_out(
    table: TextTable, images: Sequence[RowImages], rows: Sequence[int], reason: str
) -> list[LeftOut]:
    return [
        LeftOut(next(iter(images[row].lost), "") or f"line {table.lines[row]}", reason)
        for row in rows
    ]


def _without_image(
    table: TextTable, images: Sequence[RowImages], without: Sequence[int], *, skip: bool
) -> str:
    """Return a sentence on how many rows have no image; "" if all have one."""
    if not without:
        return ""
    first = next(iter(images[without[0]].lost), "")
    told = f"{len(without)} of {len(table)} rows have no image, first {first!r}"
    if not skip:
        second = f"if line {table.lines[0]} is a second header line, delete it; " * (without == [0])
        raise ValueError(
            f"{table.name}: {told} ({table.places(without)}); {second}add the images, or set "
            "rows_without_image='skip' in images (--rows_without_image skip, of a bundle "
            "--listing#images#rows_without_image skip)."
        )
    return told


def _unnamed(found: Sequence[Place], bases: Bases) -> list[str]:
    """Return the images that no row names. An image in two nested folders may be named by either
    path.
    """
    ids = {place.id for place in found}
    known = bases.known or {}
    unnamed = [image for image in known if image not in ids]
    if not unnamed:
        return []
    files = set(_true_paths([place.file for place in found]))
    return [
        image
        for image, file in zip(unnamed, _true_paths([known[image] for image in unnamed]))
        if file not in files
    ]


def _true_paths(files: Sequence[Path]) -> list[Path]:
    """Return paths that are equal if the files are, however they were reached."""
    folders = {folder: Path(os.path.realpath(folder)) for folder in {file.parent for file in files}}
    return [folders[file.parent] / file.name for file in files]


def _check_once(table: TextTable, rows: Sequence[int], images: Sequence[RowImages]) -> None:
    """Refuse an image in two rows or two columns, and two images with the same id."""
    row_of: dict[str | Path, int] = {}
    pairs = [(row, place) for row in rows for place in images[row].found]
    # two rows with the same file then have the same id, and paths are slow to compare
    one_way = not any(place.how for _, place in pairs)
    files: Sequence[Path | None] = (
        [None] * len(pairs) if one_way else _true_paths([place.file for _, place in pairs])
    )
    for (row, place), file in zip(pairs, files):
        for key in (place.id,) if file is None else (place.id, file):
            if key not in row_of:
                row_of[key] = row
            elif row_of[key] == row:
                raise ValueError(
                    f"{table.name}: {place.id!r} is in two columns ({table.places([row])}); each "
                    "channel of a case has its own image."
                )
            else:
                raise ValueError(
                    f"{table.name}: {place.id!r} is in two rows "
                    f"({table.places([row_of[key], row])}); a case has one row."
                )
