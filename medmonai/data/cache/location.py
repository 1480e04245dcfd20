"""The cache of images that are decoded or expanded once: where it is, who may write, what is still
as it was written.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medmonai.atomic_files import NO_ROOM, replacing
from medmonai.claims import LEASE

logger = logging.getLogger("medmonai.data")

_ELSEWHERE = "pass cache_dir or set MEDMONAI_CACHE to a folder with room"


def cache_folder(cache_dir: str | Path | None = None) -> Path:
    """Return the folder of the cache: `cache_dir`, else what MEDMONAI_CACHE names, else the user's
    own (~/.cache/medmonai).

    Folders of data stay as they are: nothing is written beside the images unless `cache_dir` names
    a place there.

    Example:
        >>> cache_folder("/scratch/cache").as_posix()
        '/scratch/cache'
    """
    given = cache_dir or os.environ.get("MEDMONAI_CACHE")
    if given:
        return Path(given).expanduser()
    import pooch

    return Path(pooch.os_cache("medmonai"))


def writable_cache(cache_dir: str | Path | None = None) -> Path:
    """Create and return the folder of the cache.

    Raises:
        OSError: it cannot be written.
    """
    folder = cache_folder(cache_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise OSError(
            error.errno,
            f"{folder} cannot be written ({error.strerror}); decoded images need a folder: pass "
            "cache_dir or set MEDMONAI_CACHE.",
        ) from error
    return folder


@contextmanager
def room_for(nbytes: int, folder: Path, *, what: str) -> Iterator[None]:
    """Check that a folder has room for a file, and say what was too large if the disk fills up
    while it is written.

    Raises:
        OSError: ENOSPC, EDQUOT or EFBIG, with sizes and what to do.
    """
    need = f"{what} need {size_text(nbytes)}"
    free = shutil.disk_usage(folder).free
    if free < nbytes:
        raise OSError(errno.ENOSPC, f"{need} and {folder} has {size_text(free)}; {_ELSEWHERE}")
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        why = os.strerror(error.errno)
        raise OSError(
            error.errno, f"{need} and {folder} took only a part of them ({why}); {_ELSEWHERE}"
        ) from error


def size_text(nbytes: int) -> str:
    """Return bytes for a person."""
    return f"{nbytes / 1e6:,.1f} MB" if nbytes >= 1e5 else f"{nbytes} bytes"


@contextmanager
def file_claim(path: Path) -> Iterator[None]:
    """Hold the only claim on a file of the cache; wait for another process, unless it is gone (no
    sign for 30 s).
    """
    from filelock import SoftFileLease, Timeout

    lease = SoftFileLease(path.with_suffix(".lock"), lease_duration=LEASE)
    try:
        lease.acquire(timeout=0)
    except Timeout:
        logger.info("another process writes %s; waiting for it", path.name)
        lease.acquire()
    try:
        for part in path.parent.glob(f".{path.stem}.*"):  # of a process that was killed
            part.unlink(missing_ok=True)
        yield
    finally:
        lease.release()


def read_note(path: Path) -> dict[str, Any] | None:
    """Return the note beside an array of the cache; None if there is none, or no array, or the note
    is damaged.
    """
    try:
        note = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and path.is_file() else None


def write_note(path: Path, note: dict[str, Any]) -> None:
    """Write the note beside an array that is complete: what is given, and size, time and SHA-256 of
    the array.
    """
    import pooch

    whole = {**note, "array": _stamp(path), "sha256": pooch.file_hash(path, alg="sha256")}
    with replacing(path.with_suffix(".json"), overwrite=True) as temporary:
        temporary.write_text(json.dumps(whole), encoding="utf-8")


def intact(path: Path, note: dict[str, Any]) -> bool:
    """Return whether an array is as it was written.

    Size and time of the file tell. Where they differ from the note's, as after copying the cache,
    the SHA-256 decides.
    """
    if note.get("array") == _stamp(path):
        return True
    import pooch

    if not note.get("sha256") or pooch.file_hash(path, alg="sha256") != note["sha256"]:
        return False
    try:
        write_note(path, note)
    except OSError:  # a cache that can only be read
        logger.debug("the note of %s could not be renewed", path.name)
    return True


def _stamp(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size}:{stat.st_mtime_ns}"
