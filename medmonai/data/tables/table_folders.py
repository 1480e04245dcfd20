"""The images below the folders of a table: every folder is listed once, and each name is looked
up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from medmonai.data.class_names import path_key
from medmonai.data.files import DicomFolders, TooManyFiles, find_in_folders, known_suffix
from medmonai.tables import TextTable

from .table_paths import Bases, Place, find_places

# limit on files and folders examined below the image folders, or four times the rows
MOST_LISTED = 500_000


def image_bases(
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


def places_of_column(
    table: TextTable,
    column: str,
    suffix: str,
    bases: Bases,
    *,
    unclear: dict[int, str] | None = None,
) -> tuple[list[str], list[Place | None]]:
    """Return the names of the images and their places, also where a spreadsheet has rewritten
    them.
    """
    names, places = _found(table.column(column, "image_column"), suffix, bases, unclear)
    if not all(places):
        rewritten = table.identifiers(column, "image_column")
        again = _found(rewritten, suffix, bases, unclear)[1]
        places = [place or other for place, other in zip(places, again)]
    return names, places


def named_images(values: Sequence[str], suffix: str, bases: Bases) -> list[Path]:
    """Return the images that some of these values name."""
    return [place.file for place in _found(values, suffix, bases, {})[1] if place]


def possible_suffixes(suffix: str, bases: Bases) -> list[str]:
    """Return what the names in a table may lack: what is given, or nothing and each suffix of the
    images in the folders, the most common first.
    """
    if suffix:
        return [suffix]
    kinds = Counter(known_suffix(name) for name in bases.known or {})
    return ["", *(kind for kind, _ in kinds.most_common() if kind)]


def none_found(table: TextTable, names: Sequence[str], bases: Bases) -> ValueError:
    """Return the error for a table in which no row has an image."""
    return ValueError(
        f"{table.name}: none of {len(table)} rows has an image; the first would be "
        f"{names[0]!r} and {_held(bases)}; check image_column, image_folders (on a command "
        "line --images) and suffix."
    )


def _found(
    values: Sequence[str], suffix: str, bases: Bases, unclear: dict[int, str] | None = None
) -> tuple[list[str], list[Place | None]]:
    """Return the names of the images and their places."""
    names = [
        value
        if not suffix or not value or value.lower().endswith(suffix.lower())
        else value + suffix
        for value in values
    ]
    names = _as_known(list(names), bases.known or {})
    return names, find_places(names, bases, unclear=unclear)


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
