"""Files that are written completely or not at all, and JSON reading with helpful errors."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medmonai.processes import alive

# Errors that mean no room for a file: full disk, user quota, maximum file size (4 GB on a FAT
# disk).
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# How `replacing` names unfinished files.
TEMPORARY = re.compile(
    r"\.(?P<stem>.*)\.medmonai-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}(\.[^.]*)?", re.DOTALL
)
_OF_EARLIER_VERSIONS = re.compile(r"\..*\.[0-9a-f]{32}(\.[^.]*)?", re.DOTALL)
# Seconds after which a temporary file of another machine counts as abandoned.
_LONG_AGO = 86_400.0


class DiskFull(OSError):
    """There is no room for a file; an existing file of that name is unchanged."""


@contextmanager
def replacing(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path next to `path` to write to; it replaces `path` only if the block
    succeeds.

    The content is on the disk (fsync) before the rename, so a crash leaves the old file or the new
    one, never part of one. MONAI and torch write in place.

    Raises:
        DiskFull: the disk has no room for it.
        FileExistsError: `path` exists and `overwrite` is False.
        FileNotFoundError: the folder does not exist.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with replacing(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"folder {path.parent} of {path.name} does not exist; create it first."
        )
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"{path} exists; pass overwrite=True to replace it, or choose another name."
        )
    # Not mkstemp: its files stay private to this user. The number is that of a process on the
    # machine named before it.
    own = f"medmonai-{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    temporary = path.with_name(f".{path.stem}.{own}{path.suffix}")
    try:
        with naming(path, temporary):
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
        if not overwrite and path.exists():
            raise FileExistsError(
                f"{path} was created by another process in the meantime; it was left unchanged."
            )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def naming(path: Path, written: Path | None = None) -> Iterator[None]:
    """Make an OSError in the block name the file that could not be written, as the user knows it.

    Args:
        path: the file.
        written: the temporary file written in its place, if any.

    Raises:
        DiskFull: the block found no room.
    """
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM and not isinstance(error, DiskFull):
            full = DiskFull(
                f"{path} could not be written: {os.strerror(error.errno)}. Finished results are "
                "safe; free some space there and run the same command again."
            )
            full.errno = error.errno
            raise full from error
        if written is not None and error.filename == str(written) and error.errno:
            unwritten = type(error)(
                f"{path} cannot be written: {os.strerror(error.errno)}; choose another location, "
                "or make this one writable."
            )
            unwritten.errno = error.errno
            raise unwritten from error
        raise


def _machine() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def remove_abandoned(folder: str | Path) -> None:
    """Remove the temporary files that killed processes left in a run folder, in its models/ and
    figures/.

    Only files that `replacing` named, and only those of processes that are gone: on this machine by
    their number, otherwise those not written to for a day.
    """
    for place in (Path(folder), Path(folder) / "models", Path(folder) / "figures"):
        for path in place.glob(".*") if place.is_dir() else ():
            if _is_abandoned(path):
                path.unlink(missing_ok=True)


def _is_abandoned(path: Path) -> bool:
    ours = TEMPORARY.fullmatch(path.name)
    if not (ours or _OF_EARLIER_VERSIONS.fullmatch(path.name)):
        return False
    if ours and ours["host"] == _machine():
        return not alive(int(ours["pid"]))
    try:
        return time.time() - path.lstat().st_mtime > _LONG_AGO
    except FileNotFoundError:
        return False


def write_json(content: Any, path: str | Path) -> None:
    """Write JSON, replacing an older file and creating its folder if missing.

    Raises:
        ValueError: the content holds NaN or infinity, which JSON cannot represent.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(
            json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8"
        )


def read_json(
    path: str | Path, *, what_to_do: str = "put a good copy of it in its place"
) -> dict[str, Any]:
    """Return the object in a JSON file, or an empty dictionary if there is no file.

    Args:
        path: the file, UTF-8 with or without a byte-order mark.
        what_to_do: advice if it is damaged; ends the message.

    Raises:
        ValueError: the file cannot be read, is damaged, or does not hold an object; the message
            names it.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, RecursionError, ValueError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise ValueError(f"{path} cannot be read as JSON ({reason}); {what_to_do}.") from error
    if not isinstance(content, dict):
        kind = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(
            type(content), "a number"
        )
        raise ValueError(f"{path} is damaged: it holds {kind} instead of an object; {what_to_do}.")
    return content
