"""Finding the image of each table row: every image folder is listed once, and each name is looked
up.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medmonai.data.class_names import path_key
from medmonai.data.files import DicomFolders, TooManyFiles, find_in_folders
from medmonai.tables import TextTable

from .table_paths import Bases, Place, find_places, place_notes, without_folder

# limit on files and folders examined below the image folders, or four times the rows
MOST_LISTED = 500_000


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
    bases, notes = _listed(folders, beside, len(table), dicom_folders)
    names, places = _found(table.column(column, "image_column"), suffix, bases)
    if not all(places):
        rewritten = table.identifiers(column, "image_column")
        places = [
            place or other for place, other in zip(places, _found(rewritten, suffix, bases)[1])
        ]
    rows = [row for row, place in enumerate(places) if place]
    without = [row for row, place in enumerate(places) if not place]
    if not rows:
        raise ValueError(
            f"{table.name}: none of {len(table)} rows has an image; the first would be "
            f"{names[0]!r} and {_held(bases)}; check image_column, image_folders (on a command "
            "line --images) and suffix."
        )
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


def _found(
    values: Sequence[str], suffix: str, bases: Bases
) -> tuple[list[str], list[Place | None]]:
    """Return the names of the images and their places."""
    names = [
        value
        if not suffix or not value or value.lower().endswith(suffix.lower())
        else value + suffix
        for value in values
    ]
    names = _as_known(list(names), bases.known or {})
    return names, find_places(names, bases)


def _listed(
    folders: Sequence[Path], beside: Path, rows: int, dicom_folders: DicomFolders
) -> tuple[Bases, list[str]]:
    """Return the folders with their contents, unless these are too many to examine; then rows are
    looked up one by one.
    """
    most = max(MOST_LISTED, 4 * rows)
    try:
        if not any(map(_is_wide, folders)):
            return Bases(
                tuple(folders), _known(folders, dicom_folders, most), beside, dicom_folders
            ), []
        why = "an image folder is a whole disk or the home of a user"
    except TooManyFiles:
        why = f"the image folders hold more than {most} files"
    return Bases(tuple(folders), None, beside, dicom_folders), [
        (
            f"{why}: rows were looked up one by one, and images without a row are not counted; "
            "name a folder nearer to the images."
        )
    ]


def _is_wide(folder: Path) -> bool:
    """Return whether a folder holds much besides data: the root of a disk, a home folder, or the
    parent of home folders.
    """
    path = folder.resolve()
    return path == Path(path.anchor) or Path.home().resolve().is_relative_to(path)


def _held(bases: Bases) -> str:
    if bases.known is None:
        return "the image folders do not have it"
    if not bases.folders:
        return f"neither the table's folder {bases.beside} nor the working directory has it"
    return (
        f"the folders hold {len(bases.known)} images, first {next(iter(bases.known))!r}"
        if bases.known
        else ("the folders hold no image")
    )


def _known(folders: Sequence[Path], dicom_folders: DicomFolders, most: int) -> dict[str, Path]:
    """Return path inside its folder -> path for every image."""
    known: dict[str, Path] = {}
    for folder in folders:
        for image in find_in_folders([(folder, "")], dicom_folders=dicom_folders, most=most)[
            0
        ].cases:
            if image in known:
                raise ValueError(
                    f"{image!r} is in the folders {known[image].parent.name} and {folder.name}; "
                    "take one of them away, or name one folder."
                )
            known[image] = folder / image
    return known


def _as_known(names: list[str], known: Mapping[str, Path]) -> list[str]:
    """Return the names as the images spell them, if they differ only in the spelling of the
    path.
    """
    if all(name in known for name in names):
        return names
    called = {path_key(image): image for image in known}
    return [name if name in known else called.get(path_key(name), path_key(name)) for name in names]
