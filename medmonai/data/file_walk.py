"""The files below a folder: each folder listed once, hidden ones and loops passed over."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from .decoding import KINDS
from .dicom import is_dicom
from .listing import LeftOut


@dataclass
class FoundFiles:
    """What `find_images` saw: cases as paths relative to the folder, and what is none.

    Args:
        cases: image files and folders of a DICOM series, as posix paths inside the folder, sorted.
        left_out: every other file, broken links, and folders that a link leads to a second time.
    """

    cases: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def is_hidden(name: str) -> bool:
    """Whether a name is passed over without a word: hidden files, and what macOS puts into zip files."""
    return name.startswith(".") or name == "__MACOSX"


def find_images(root: Path, *, inside: str = "") -> FoundFiles:
    """Return the images in a folder and its sub-folders, without opening any that has a known suffix.

    - PNG, JPEG, TIFF, NIfTI and DICOM files are cases, whatever the case of their suffix.
    - A sub-folder whose images are DICOM files is one case: a series. DICOM files in `root` itself, or beside other images
      or folders, are a case each.
    - Files with another suffix, or none, are DICOM if they say so themselves (`is_dicom`), else they are left out.
    - Links are followed, but no folder is read twice: a link back to a folder that is read already is left out.

    Args:
        root: the folder.
        inside: prefix of the names in `left_out`, so that they lead back to the source.
    """
    found, seen = FoundFiles(), {_identity(root)}
    _walk(root, "", found, seen)
    found.cases.sort()
    found.left_out = sorted((LeftOut(f"{inside}{out.name}", out.reason) for out in found.left_out), key=lambda out: out.name)
    return found


def sub_folders(root: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, without the hidden ones."""
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if not is_hidden(entry.name) and entry.is_dir())


def _identity(folder: str | Path) -> tuple[int, int]:
    stat = os.stat(folder)
    return stat.st_dev, stat.st_ino


def _walk(folder: Path, prefix: str, found: FoundFiles, seen: set[tuple[int, int]]) -> None:
    folders, dicom, images, others = [], [], [], []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            if is_hidden(entry.name):
                continue
            if entry.is_dir():
                folders.append(entry)
            elif not entry.is_file():
                found.left_out.append(LeftOut(prefix + entry.name, "a link that leads nowhere, or no file"))
            else:
                kind = _kind(entry)
                (others if kind is None else dicom if kind == "DICOM" else images).append(entry.name)
    found.left_out += [LeftOut(prefix + name, "no image by its name") for name in others]
    if dicom and prefix and not (images or folders):
        found.cases.append(prefix.rstrip("/"))
    else:
        found.cases += [prefix + name for name in (*images, *dicom)]
    for entry in sorted(folders, key=lambda e: (e.is_symlink(), e.name)):  # the folder itself before links to it
        identity = _identity(entry.path)
        if identity in seen:
            found.left_out.append(LeftOut(prefix + entry.name, "a link to a folder that is read already"))
            continue
        seen.add(identity)
        _walk(Path(entry.path), f"{prefix}{entry.name}/", found, seen)


def _kind(entry: os.DirEntry[str]) -> str | None:
    """Return the kind of an image file by its name; only a file with a suffix that is not known is looked into."""
    name = entry.name.lower()
    kind = next((kind for suffix, kind in KINDS.items() if name.endswith(suffix)), None)
    if kind is None:
        return "DICOM" if is_dicom(Path(entry.path)) else None
    return None if kind == "npz" else kind
