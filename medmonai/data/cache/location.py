"""The cache of images that are decoded or expanded once: where it is, which process may write, and
which files are unchanged.
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
    """Return the folder of the cache: `cache_dir`, else MEDMONAI_CACHE, else the user's own
    (~/.cache/medmonai).

    Data folders are left untouched: nothing is written beside the images unless `cache_dir` points
    there.

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
        OSError: the folder is not writable.
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
    """Check that a folder has room for a file, and explain the error if the disk fills up during
    writing.

    Raises:
        OSError: ENOSPC, EDQUOT or EFBIG; the message has the sizes and what to do.
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
    """Return a number of bytes as readable text."""
    return f"{nbytes / 1e6:,.1f} MB" if nbytes >= 1e5 else f"{nbytes} bytes"


@contextmanager
def file_claim(path: Path) -> Iterator[None]:
    """Hold the only claim on a cache file. Wait for another process that holds it, unless that
    process is gone (no sign of life for 30 s).
    """
    from filelock import SoftFileLease, Timeout

    lease = SoftFileLease(path.with_suffix(".lock"), lease_duration=LEASE)
    try:
        lease.acquire(timeout=0)
    except Timeout:
        logger.info("another process writes %s; waiting for it", path.name)
        lease.acquire()
    try:
        for part in path.parent.glob(f".{path.stem}.*"):  # left by a process that was killed
            part.unlink(missing_ok=True)
        yield
    finally:
        lease.release()


def read_note(path: Path) -> dict[str, Any] | None:
    """Return the note beside a cached array; None if the note or the array is missing, or the note
    is damaged.
    """
    try:
        note = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and path.is_file() else None


def write_note(path: Path, note: dict[str, Any]) -> None:
    """Write the note beside a complete array: the given fields and the array's size, time and
    SHA-256.
    """
    import pooch

    whole = {**note, "array": _stamp(path), "sha256": pooch.file_hash(path, alg="sha256")}
    with replacing(path.with_suffix(".json"), overwrite=True) as temporary:
        temporary.write_text(json.dumps(whole), encoding="utf-8")


def intact(path: Path, note: dict[str, Any]) -> bool:
    """Return whether an array is unchanged since it was written.

    The file's size and time are compared first. If they differ from the note's, as after copying
    the cache, the SHA-256 decides.
    """
    if note.get("array") == _stamp(path):
        return True
    import pooch

    if not note.get("sha256") or pooch.file_hash(path, alg="sha256") != note["sha256"]:
        return False
    try:
        write_note(path, note)
    except OSError:  # a read-only cache
        logger.debug("the note of %s could not be renewed", path.name)
    return True


def _stamp(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size}:{stat.st_mtime_ns}"
