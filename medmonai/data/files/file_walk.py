"""The files below folders: each folder is listed once; hidden files and loops are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal

from medmonai.data.containers import is_dicom
from medmonai.data.datalist import LeftOut
from medmonai.data.formats import KINDS

DicomFolders = Literal["series", "files"]
AGAIN = "a link to a folder that is read already"
NOT_READ = "an image of a kind that is not read"
_TWO_FILES = (".hdr", ".img", ".mhd", ".nhdr")  # a volume: header and voxels
_IMAGE_LIKE = {
    *(".bmp", ".gif", ".webp", ".jp2", ".jfif", ".heic", ".heif", ".avif", ".jxl", ".ppm", ".pgm"),
    *(".svs", ".ndpi", ".mrxs", ".czi", ".npy", *_TWO_FILES),
}


class TooManyFiles(ValueError):
    """The folders contain more files than may be examined."""


@dataclass
class FoundFiles:
    """What `find_images` found: cases as paths relative to the folder, and everything that is not a
    case.

    Args:
        cases: image files and folders of a DICOM series, as posix paths inside the folder, sorted.
        left_out: every other file, broken links, and folders that a link leads to a second time.
    """

    cases: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass
class _Walk:
    """A walk through one of several folders."""

    found: FoundFiles
    _: KW_ONLY
    seen: set[tuple[int, int]]
    left: Iterator[int]
    links: list[tuple[Path, str]]
    series: bool


def is_hidden(name: str) -> bool:
    """Return whether a name is skipped silently: hidden files, and what macOS adds to zip files."""
    return name.startswith(".") or name == "__MACOSX"


def known_suffix(name: str) -> str:
    """Return the suffix of an image file as written in its name, or "".

    Example:
        >>> known_suffix("ct.1.NII.gz"), known_suffix("1.2.840")
        ('.NII.gz', '')
    """
    suffix = next((suffix for suffix in KINDS if name.lower().endswith(suffix)), "")
    return name[len(name) - len(suffix) :]


def find_images(
    root: Path, *, inside: str = "", dicom_folders: DicomFolders = "series"
) -> FoundFiles:
    """Return the images in a folder and its subfolders; see `find_in_folders`.

    Args:
        root: the folder.
        inside: prefix of the names in `left_out`, so that they lead back to the source.
        dicom_folders: "series" or "files".
    """
    return find_in_folders([(root, inside)], dicom_folders=dicom_folders)[0]


def find_in_folders(
    folders: Iterable[tuple[Path, str]],
    *,
    above: Iterable[Path] = (),
    dicom_folders: DicomFolders = "series",
    most: int | None = None,
) -> list[FoundFiles]:
    """Return the images in several folders and their subfolders, without opening files with a known
    suffix.

    - Files of the formats in `medmonai.data.formats.formats` are cases; the suffix may be in upper
      or lower case.
    - A subfolder whose images are mostly DICOM files is one case, a series; other images in it are
      left out, and folders below it are examined separately. DICOM files in one of `folders`
      itself, or in a subfolder with at least as many other images, are one case each. With
      `dicom_folders="files"` every DICOM file is a case.
    - Files with another suffix, or none, are DICOM if their content says so (`is_dicom`); otherwise
      they are left out.
    - Links are followed after everything that is not a link has been read. No folder is read twice,
      in whichever of `folders` it lies; a link back to one is left out.

    Args:
        folders: folders, each with the prefix of its names in `left_out`.
        above: further folders that no link may lead back to.
        dicom_folders: "series" or "files".
        most: maximum number of files and folders to examine in total.

    Raises:
        TooManyFiles: there are more than `most`.
        ValueError: an unknown `dicom_folders`, or a name that is not UTF-8.
    """
    if dicom_folders not in ("series", "files"):
        raise ValueError(
            f"dicom_folders={dicom_folders!r}; 'series' (a folder of DICOM files is one case) or "
            "'files' (each file is one) is needed."
        )
    roots = list(folders)
    seen = {_identity(folder) for folder in above}
    links = [[] for _ in roots]
    left = count() if most is None else iter(range(most))
    walks = [
        _Walk(FoundFiles(), seen=seen, left=left, links=link, series=dicom_folders == "series")
        for link in links
    ]
    for walk, (root, _) in zip(walks, roots):
        if root.is_symlink():
            walk.links.append((root, ""))
        else:
            _enter(root, "", walk)
    for walk in walks:
        for folder, prefix in walk.links:  # grows while it is read
            _enter(folder, prefix, walk)
    for walk, (_, inside) in zip(walks, roots):
        walk.found.cases.sort()
        left_out = (
            LeftOut(f"{inside}{out.name}".rstrip("/"), out.reason) for out in walk.found.left_out
        )
        walk.found.left_out = sorted(left_out, key=lambda out: out.name)
    return [walk.found for walk in walks]


def is_image(path: Path, dicom_folders: DicomFolders = "series") -> bool:
    """Return whether `find_in_folders` would count a path as a case: an image file, or a folder
    whose images are mostly DICOM.
    """
    try:
        if not path.is_dir():
            suffix = known_suffix(path.name).lower()
            return path.is_file() and (KINDS[suffix] != "npz" if suffix else is_dicom(path))
        if dicom_folders != "series":
            return False
        kinds = [kind for entry in _shown(path) if entry.is_file() and (kind := _kind(entry))]
    except OSError:  # a name that is too long, a folder that nobody may read
        return False
    return 2 * kinds.count("DICOM") > len(kinds)


def sub_folders(root: Path) -> list[str]:
    """Return the sorted names of the folders in a folder, without hidden ones.

    Raises:
        ValueError: a name that is not UTF-8.
    """
    return sorted(entry.name for entry in _shown(root) if entry.is_dir())


def _shown(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Return the contents of a folder without hidden files. A name that no table could store is
    refused before anything is decoded.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            try:
                entry.name.encode()
            except UnicodeEncodeError:
                raise ValueError(
                    f"the name {entry.name!a} is not UTF-8; rename it: tables and reports hold "
                    "names as text."
                ) from None
            yield entry


def _counted(folder: Path, walk: _Walk) -> Iterator[os.DirEntry[str]]:
    for entry in _shown(folder):
        if next(walk.left, None) is None:
            raise TooManyFiles(str(folder))
        yield entry


def _identity(folder: str | Path) -> tuple[int, int]:
    stat = os.stat(folder)
    return stat.st_dev, stat.st_ino


def _enter(folder: Path, prefix: str, walk: _Walk) -> None:
    """Read a folder unless it has already been read; queue links to folders for later."""
    identity = _identity(folder)
    if identity in walk.seen:
        walk.found.left_out.append(LeftOut(prefix, AGAIN))
        return
    walk.seen.add(identity)
    folders = []
    dicom = []
    images = []
    for entry in sorted(_counted(folder, walk), key=lambda e: e.name):
        if entry.is_dir():
            folders.append(entry)
        elif not entry.is_file():
            walk.found.left_out.append(
                LeftOut(prefix + entry.name, "a link that leads nowhere, or no file")
            )
        elif (kind := _kind(entry)) is None:
            walk.found.left_out.append(LeftOut(prefix + entry.name, why_no_case(entry.name)))
        else:
            (dicom if kind == "DICOM" else images).append(entry.name)
    if walk.series and prefix and len(dicom) > len(images):
        walk.found.cases.append(prefix.rstrip("/"))
        walk.found.left_out += [
            LeftOut(prefix + name, "another image in the folder of a DICOM series")
            for name in images
        ]
    else:
        walk.found.cases += [prefix + name for name in (*images, *dicom)]
    for entry in folders:
        if entry.is_symlink():
            walk.links.append((Path(entry.path), f"{prefix}{entry.name}/"))
        else:
            _enter(Path(entry.path), f"{prefix}{entry.name}/", walk)


def _kind(entry: os.DirEntry[str]) -> str | None:
    """Return the kind of an image file by its name; only files with an unknown suffix are
    opened.
    """
    suffix = known_suffix(entry.name).lower()
    if not suffix:
        return "DICOM" if is_dicom(Path(entry.path)) else None
    return None if KINDS[suffix] == "npz" else KINDS[suffix]


def why_no_case(name: str) -> str:
    """Return why a file is left out, by its name.

    Example:
        >>> why_no_case("a.bmp"), why_no_case("a.pdf")
        ('an image of a kind that is not read (.bmp)', 'no image by its name')
    """
    suffix = Path(name).suffix.lower()
    return f"{NOT_READ} ({suffix})" if suffix in _IMAGE_LIKE else "no image by its name"


def unread_kinds(left_out: Iterable[LeftOut]) -> str:
    """Return how many images are of a kind that is not read, and what to do; "" for none."""
    unread = [out.name for out in left_out if out.reason.startswith(NOT_READ)]
    kinds = sorted({Path(name).suffix.lower() for name in unread})
    if not kinds:
        return ""
    how = {
        "convert them to PNG without loss": set(kinds) - {*_TWO_FILES, ".npy"},
        "save each volume in one file, as .nii.gz": set(kinds) & {*_TWO_FILES},
        "put the arrays into one npz file": set(kinds) & {".npy"},
    }
    advice = "; ".join(said for said, fits in how.items() if fits)
    return f"{len(unread)} images of a kind that is not read ({', '.join(kinds)}); {advice}"
