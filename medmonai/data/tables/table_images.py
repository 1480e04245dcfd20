"""Finding the image of each table row; every row and every image counts once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medmonai.data.files import DicomFolders
from medmonai.tables import TextTable

from .table_folders import image_bases, none_found, places_of_column
from .table_paths import Bases, Place, place_notes, without_folder


@dataclass(frozen=True)
class TableImages:
    """The rows that have an image, and what remains.

    Args:
        rows: their row numbers in the table.
        ids: (N,) path of each image inside its folder.
        files: one per row.
        without: rows without an image.
        unnamed: images that no row names.
        notes: notes of one sentence each.
    """

    rows: list[int]
    ids: np.ndarray
    files: tuple[Path, ...]
    without: list[int]
    unnamed: list[str]
    notes: tuple[str, ...]


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
    column: str,
    folders: Sequence[Path],
    *,
    beside: Path,
    suffix: str = "",
    skip: bool = False,
    dicom_folders: DicomFolders = "series",
) -> TableImages:
    """Return the image of each row. Paths are compared by `path_key` and searched for as in
    `find_places`.

    Args:
        table: the table.
        column: column of file names or paths.
        folders: where the images are; may be none.
        beside: the table's folder.
        suffix: added to names that do not end in it.
        skip: whether to leave out rows without an image.
        dicom_folders: see `find_in_folders`.

    Raises:
        ValueError: a row without an image unless `skip`, no row with an image, or an image in two
            rows, two folders or two places.
    """
    bases, notes = image_bases(folders, beside, len(table), dicom_folders)
    names, places = places_of_column(table, column, suffix, bases)
    rows = [row for row, place in enumerate(places) if place]
    without = [row for row, place in enumerate(places) if not place]
    if not rows:
        raise none_found(table, names, bases)
    told = _without_image(table, names, without, skip=skip)
    with_image = [place for place in places if place]
    _check_once(table, rows, with_image)
    unnamed = _unnamed(with_image, bases)
    notes = [*place_notes(with_image), *notes]
    notes += [f"{told} in {table.name}; they were left out."] if told else []
    if unnamed:
        notes.append(
            f"{len(unnamed)} images have no row in {table.name}, first {unnamed[0]!r}; they were "
            "left out."
        )
    return TableImages(
        rows,
        np.array([place.id for place in with_image]),
        tuple(place.file for place in with_image),
        without,
        unnamed,
        tuple(notes),
    )


def _without_image(
    table: TextTable, names: Sequence[str], without: Sequence[int], *, skip: bool
) -> str:
    """Return a sentence on how many rows have no image; "" if all have one."""
    if not without:
        return ""
    told = (
        f"{len(without)} of {len(table)} rows have no image, first "
        f"{without_folder(names[without[0]])!r}"
    )
    if not skip:
        raise ValueError(
            f"{table.name}: {told} ({table.places(without)}); add the images, or set "
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


def _check_once(table: TextTable, rows: Sequence[int], found: Sequence[Place]) -> None:
    """Refuse two rows with the same image, and two images with the same id."""
    row_of: dict[str | Path, int] = {}
    # two rows with the same file then have the same id, and paths are slow to compare
    one_way = not any(place.how for place in found)
    files: Sequence[Path | None] = (
        [None] * len(found) if one_way else _true_paths([place.file for place in found])
    )
    for row, place, file in zip(rows, found, files):
        for key in (place.id,) if file is None else (place.id, file):
            if row_of.setdefault(key, row) != row:
                raise ValueError(
                    f"{table.name}: {place.id!r} is in two rows "
                    f"({table.places([row_of[key], row])}); a case has one row."
                )
