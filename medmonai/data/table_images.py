"""Which image a row of a table means: every folder is listed once, and each name looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medmonai.tables import TextTable

from .class_names import path_key
from .file_walk import DicomFolders, find_images


@dataclass(frozen=True)
class TableImages:
    """The rows that have an image, and what is left.

    Args:
        rows: their numbers in the table.
        ids: (N,) path of each image inside its folder.
        files: one a row.
        without: rows that have no image.
        unnamed: images that no row names.
        notes: one sentence each.
    """

    rows: list[int]
    ids: np.ndarray
    files: tuple[Path, ...]
    without: list[int]
    unnamed: list[str]
    notes: tuple[str, ...]


def image_folders_of(beside: Path, folders: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the folders that are meant: relative to the table's folder, `*` for any that fit.

    Raises:
        FileNotFoundError: a folder without `*` that is not there, or none at all.
    """
    # A command line turns a folder called 2019 into a number.
    named = list(map(str, [folders] if isinstance(folders, (str, Path, int)) else folders))
    found: list[Path] = []
    for name in map(Path, named):
        folder = beside / name.expanduser()
        if "*" in name.name:
            found += sorted(path for path in folder.parent.glob(name.name) if path.is_dir())
        elif folder.is_dir():
            found.append(folder)
        else:
            raise FileNotFoundError(f"image_folders: {folder} is no folder; name it relative to the table's folder.")
    if not found:
        raise FileNotFoundError(f"image_folders={named} fit no folder beside the table.")
    return list(dict.fromkeys(found))


def find_table_images(
    table: TextTable, column: str, folders: Sequence[Path], *, suffix: str = "", skip: bool = False,
    dicom_folders: DicomFolders = "series",
) -> TableImages:
    """Return the image of each row; names that no image has as they stand are compared by `path_key`.

    Args:
        table: the table.
        column: of file names, or paths inside the folders.
        folders: where the images are.
        suffix: added to names that do not end in it.
        skip: whether rows without an image are left out.
        dicom_folders: see `find_in_folders`.

    Raises:
        ValueError: a row without an image unless `skip`, none that has one, an image in two rows or in two folders.
    """
    values = table.column(column, "image_column")
    names = [value if not suffix or not value or value.lower().endswith(suffix.lower()) else value + suffix for value in values]
    known = _known(folders, dicom_folders)
    names = _as_known(names, known)
    rows = [row for row, name in enumerate(names) if name in known]
    without = [row for row, name in enumerate(names) if name not in known]
    if not rows:
        held = f"{len(known)} images, first {next(iter(known))!r}" if known else "no image"
        raise ValueError(f"{table.name}: none of {len(table)} rows has an image; the first would be {names[0]!r} and the "
                         f"folders hold {held}; check image_column, image_folders and suffix.")
    told = f"{len(without)} of {len(table)} rows have no image, first {names[without[0]]!r}" if without else ""
    if without and not skip:
        raise ValueError(f"{table.name}: {told} ({table.places(without)}); add the images, or pass "
                         "rows_without_image='skip' (--rows_without_image skip, of a bundle --listing#rows_without_image "
                         "skip).")
    row_of: dict[str, int] = {}
    for row in rows:
        if row_of.setdefault(names[row], row) != row:
            raise ValueError(f"{table.name}: {names[row]!r} is in two rows ({table.places([row_of[names[row]], row])}); a case "
                             "has one row.")
    unnamed = [image for image in known if image not in row_of]
    notes = [f"{told} in {table.name}; they were left out."] if without else []
    if unnamed:
        notes.append(f"{len(unnamed)} images have no row in {table.name}, first {unnamed[0]!r}; they were left out.")
    ids = [names[row] for row in rows]
    return TableImages(rows, np.array(ids), tuple(known[case] for case in ids), without, unnamed, tuple(notes))


def _known(folders: Sequence[Path], dicom_folders: DicomFolders) -> dict[str, Path]:
    """Return path inside its folder -> path of every image."""
    known: dict[str, Path] = {}
    for folder in folders:
        for image in find_images(folder, dicom_folders=dicom_folders).cases:
            if image in known:
                raise ValueError(f"{image!r} is in the folders {known[image].parent.name} and {folder.name}; take one of them "
                                 "away, or name one folder.")
            known[image] = folder / image
    return known


def _as_known(names: list[str], known: Mapping[str, Path]) -> list[str]:
    """Return the names as the images are called, where another spelling of the path is all that differs."""
    if all(name in known for name in names):
        return names
    called = {path_key(image): image for image in known}
    return [name if name in known else called.get(path_key(name), name) for name in names]
