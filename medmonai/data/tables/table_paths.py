"""Finding files by the paths in tables: relative paths, absolute paths, and paths from another
computer.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from medmonai.data.files import DicomFolders, is_hidden, is_image

_DRIVE = re.compile(r"[A-Za-z]:/|//")  # C:\ and \\server, with "\" made "/"

_ABSOLUTE = "by their absolute paths"
_BY_TAIL = "by the ends of their paths"


@dataclass(frozen=True)
class Place:
    """The file of a row.

    Args:
        id: its path inside the folder in which it was found.
        file: its path on this machine.
        how: how it was found, for a note; "" if inside an image folder.
        dropped: the beginning of the row's path, which the folder replaces.
    """

    id: str
    file: Path
    how: str = ""
    dropped: str = ""


@dataclass(frozen=True)
class Bases:
    """The places to search for the paths of a table.

    Args:
        folders: the given image folders.
        known: path inside its folder -> file, for every image in them; None if they were not
            listed.
        beside: the table's folder.
        dicom_folders: see `find_in_folders`.
    """

    folders: tuple[Path, ...]
    known: Mapping[str, Path] | None
    beside: Path
    dicom_folders: DicomFolders = "series"

    def inside(self, name: str) -> list[Place]:
        """Return the files with this path in the image folders; two if two folders have one. If
        none has it, case does not count where only one image fits.
        """
        if self.known is not None:
            spelled = name if name in self.known else self._in_any_case.get(name.casefold())
            return [] if spelled is None else [Place(spelled, self.known[spelled])]
        return list(self._joined(self.folders, name, ""))

    @cached_property
    def _in_any_case(self) -> dict[str, str]:
        """Path in lower case -> path, where only one image has it, as on Windows."""
        paths = list(self.known or {})
        count = Counter(path.casefold() for path in paths)
        return {path.casefold(): path for path in paths if count[path.casefold()] == 1}

    def near(self, name: str) -> list[Place]:
        """Return the distinct files with this path in the table's folder and the working
        directory.
        """
        return [
            *self._joined((self.beside,), name, "relative to the table's folder"),
            *self._joined((Path.cwd(),), name, "relative to the working directory"),
        ]

    def absolute(self, name: str) -> list[Place]:
        """Return the file at an absolute path on this machine; its id is the path inside one of the
        known folders.
        """
        file = next(
            (path for path in map(Path, _spellings(name)) if is_image(path, self.dicom_folders)),
            None,
        )
        if file is None:
            return []
        above = [
            folder
            for folder in map(_absolute, (*self.folders, self.beside))
            if file.is_relative_to(folder)
        ]
        return [Place(file.relative_to(above[0]).as_posix() if above else name, file, _ABSOLUTE)]

    def by_tail(self, name: str) -> list[Place]:
        """Return the files that match the longest trailing part of this path, for paths from
        another computer.

        The image folders take precedence over the table's folder, however long the matches are.
        """
        parts = [part for part in name.split("/") if part]
        lead = "/" * (len(name) - len(name.lstrip("/")))
        for look in (self.inside, lambda tail: list(self._joined((self.beside,), tail, ""))):
            for first in range(1, len(parts)):
                matches = look("/".join(parts[first:]))
                if matches:
                    dropped = lead + "/".join(parts[:first])
                    return [Place(place.id, place.file, _BY_TAIL, dropped) for place in matches]
        return []

    def _joined(self, folders: Sequence[Path], name: str, how: str) -> Iterator[Place]:
        parts = name.split("/")
        if ".." in parts or any(is_hidden(part) for part in parts) or _is_absolute(name):
            return
        for folder in folders:
            for spelled in _spellings(name):
                if is_image(folder / spelled, self.dicom_folders):
                    yield Place(spelled, folder / spelled, how)
                    break


def find_places(
    names: Sequence[str], bases: Bases, *, unclear: dict[int, str] | None = None
) -> list[Place | None]:
    """Return the file of each row, or None if there is none.

    The image folders are searched first. Next, a relative path is looked up in the table's folder
    and the working directory, and an absolute one as given. Last, the trailing parts of the path
    are looked up, the longest first, in the image folders and the table's folder. The leading part
    dropped in this way is a folder that these replace, so a path below it is not shortened more
    than the others.

    Args:
        names: names of the images, as `path_key` writes paths.
        bases: the places to search.
        unclear: filled with row -> the reason where two different files fit a row, which then has
            none; None to raise there.

    Raises:
        ValueError: two different files for one row, unless `unclear` is given.
    """
    candidates: list[Place | None] = []
    for row, name in enumerate(names):
        try:
            chosen = _one(name, bases.inside(name) or _elsewhere(name, bases)) if name else None
        except ValueError as error:
            if unclear is None:
                raise
            unclear[row] = str(error)
            chosen = None
        candidates.append(chosen)
    dropped = {place.dropped for place in candidates if place and place.how != _ABSOLUTE}
    for row, place in enumerate(candidates):
        if (
            place
            and place.dropped
            and any(place.dropped != other and _is_below(place.dropped, other) for other in dropped)
        ):
            candidates[row] = None
    return _with_short_ids(candidates)


def place_notes(places: Sequence[Place]) -> tuple[str, ...]:
    """Return one sentence for each way of finding files other than in an image folder."""
    notes = []
    for how, count in Counter(place.how for place in places if place.how).items():
        first = next(place for place in places if place.how == how)
        notes.append(
            f"{count} of {len(places)} images {'was' if count == 1 else 'were'} found {how}, first "
            f"{first.id!r}."
        )
    return tuple(notes)


def without_folder(name: str) -> str:
    """Return a path as reports may show it: only the last part of an absolute path, because folder
    names reveal computers and people.

    Example:
        >>> without_folder("C:/Users/me/x.png"), without_folder("a/x.png")
        ('x.png', 'a/x.png')
    """
    return name.rpartition("/")[2] if _is_absolute(name) else name


def _elsewhere(name: str, bases: Bases) -> list[Place]:
    return (bases.absolute(name) if name.startswith("/") else bases.near(name)) or bases.by_tail(
        name
    )


def _one(name: str, places: Sequence[Place]) -> Place | None:
    different = [place for place in places if not _same_file(place.file, places[0].file)]
    if different:
        raise ValueError(
            f"image {name!r} is {places[0].file} and {different[0].file}; take one of them away, "
            "or name the folder that is meant with image_folders (--images)."
        )
    return places[0] if places else None


def _same_file(a: Path, b: Path) -> bool:
    return a == b or a.samefile(b)


def _spellings(name: str) -> Iterator[str]:
    """Yield a path as given, with its letters composed, and with them decomposed as macOS stores
    names.
    """
    yield from dict.fromkeys(
        (name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD")))
    )


def _is_absolute(name: str) -> bool:
    return name.startswith("/") or _DRIVE.match(name) is not None


def _is_below(path: str, folder: str) -> bool:
    """Return whether a path is in a folder; "" (nothing dropped) contains all relative paths."""
    return path.startswith(f"{folder}/") if folder else not _is_absolute(path)


def _absolute(folder: Path) -> Path:
    return Path(os.path.abspath(folder))


def _with_short_ids(found: Sequence[Place | None]) -> list[Place | None]:
    """Give absolute paths outside all folders ids relative to their common parent folder."""
    outside = [place.id for place in found if place and _is_absolute(place.id)]
    if not outside:
        return list(found)
    common = os.path.commonpath([os.path.dirname(path) for path in outside])
    return [
        Place(os.path.relpath(place.id, common), place.file, place.how)
        if place and _is_absolute(place.id)
        else place
        for place in found
    ]
