"""Where decoded images are kept: in a folder that was named, beside the images, or in the user's cache."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path


def cache_folders(root: Path, cache_dir: str | Path | None) -> list[Path]:
    """Return where decoded images may be, the best first.

    `cache_dir` if it is given, else the environment variable MEDMONAI_CACHE, else `.medmonai` in the images' folder, and the
    user's cache folder where that one cannot be written (no write bit at all counts as such, for root too).
    """
    given = cache_dir or os.environ.get("MEDMONAI_CACHE")
    if given:
        return [Path(given).expanduser()]
    import pooch

    beside = root / ".medmonai"
    at = beside if beside.is_dir() else root
    writable = os.access(at, os.W_OK) and at.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    own = Path(pooch.os_cache("medmonai"))
    return [beside, own] if writable else [own, beside]


def writable_folder(folders: Sequence[Path]) -> Path:
    """Create and return the first folder that can be written.

    Raises:
        OSError: none of them can.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            failure = error
            continue
        if os.access(folder, os.W_OK):
            return folder
        failure = OSError(errno.EACCES, os.strerror(errno.EACCES))
    raise OSError(failure.errno, f"{folders[0]} cannot be written ({failure.strerror}); decoded images need a folder: pass "
                  "cache_dir or set MEDMONAI_CACHE.")
