"""Moves of files and folders that are whole on the disk, or did not happen."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def folders_in(place: Path) -> list[Path]:
    """Return the folders in a folder, sorted by name."""
    return sorted(one for one in place.iterdir() if one.is_dir())


def instance_names(folder: Path) -> list[str]:
    """Return the names of the instances in a folder."""
    return sorted(file.stem for file in folder.glob("*.dcm"))


def bytes_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def move_into(folder: Path, target: Path) -> None:
    """Move a folder; where the target exists, the files of the folder replace those there."""
    if not target.exists():
        folder.rename(target)
    else:
        for file in folder.iterdir():
            os.replace(file, target / file.name)
        folder.rmdir()
    sync(target.parent)


def remove_tree(folder: Path) -> None:
    """Remove a folder, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def link_or_copy(file: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has no hard links."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def number_in(path: Path) -> int:
    """Return the whole number in a file; 0 without one."""
    try:
        return int(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return 0
