"""Which process is working in a folder: a lease that expires when the process is gone."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from filelock import SoftFileLease, Timeout

from medmonai.atomic_files import remove_abandoned
from medmonai.processes import alive, start_token

CLAIM = ".claim"
_NOTE = ".claim.json"
# seconds without renewal until a lease is void; that of a dead process on this machine is void
# immediately
LEASE = 30.0
# Seconds to wait for a claim of another machine: slightly longer than a lease lasts without
# renewal.
PATIENCE = LEASE + 5.0

logger = logging.getLogger("medmonai.claims")

_mine: dict[str, _Held] = {}
_lock = threading.RLock()


@dataclass
class _Held:
    """A folder held by this process: its lease, how often it was taken, which folders were created
    for it (innermost first).
    """

    lease: SoftFileLease
    times: int
    made: list[Path]


class FolderInUse(ValueError):
    """Another live process is working in the folder."""


@contextmanager
def claim(folder: str | Path) -> Iterator[Path]:
    """Hold a folder for this process while the block runs; no second training or evaluation may
    write into it.

    The folder is created if it does not exist, and removed again if the block leaves it empty. The
    holder removes temporary files left there by killed processes. A process that already holds the
    folder may claim it again.

    The claim is a lease that is renewed every ten seconds, not `flock`, which network disks do not
    honor. The claim of a dead process on this machine is void immediately. A claim of another
    machine is watched for 35 s and taken over if it is not renewed.

    Args:
        folder: the folder.

    Raises:
        FolderInUse: another process holds it; the message names its machine, its number, and since
            when.
        OSError: the folder cannot be created or written.

    Example:
        >>> import tempfile
        >>> with claim(Path(tempfile.mkdtemp()) / "run") as folder:
        ...     folder.is_dir()
        True
        >>> folder.exists()
        False
    """
    take(folder)
    try:
        yield Path(folder)
    finally:
        release(folder)


def take(folder: str | Path) -> None:
    """Start a claim that does not end with a block; see `claim`."""
    folder = Path(folder)
    with _lock:
        if _key(folder) in _mine:
            _mine[_key(folder)].times += 1
            return
        require_writable(folder)
        made = _make(folder)
        try:
            _mine[_key(folder)] = _Held(_acquired(folder), 1, made)
            _write_note(folder)
            remove_abandoned(folder)
        except BaseException:
            release(folder)
            _remove_empty(made)
            raise


def release(folder: str | Path) -> None:
    """End one `take` of a folder; the last one releases it."""
    folder = Path(folder)
    with _lock:
        held = _mine.get(_key(folder))
        if held is None:
            return
        held.times -= 1
        if not held.times:
            del _mine[_key(folder)]
            (folder / _NOTE).unlink(missing_ok=True)
            held.lease.release()
            _remove_empty(held.made)


def holds(folder: str | Path) -> bool:
    """Whether this process holds the folder."""
    return _key(Path(folder)) in _mine


def refuse_in_use(folder: str | Path) -> None:
    """Raise `FolderInUse` if another live process holds the folder."""
    folder = Path(folder)
    if not holds(folder) and claimed(folder):
        raise FolderInUse(_who(folder))


def require_writable(folder: str | Path) -> None:
    """Refuse a folder that cannot be created or written, or that is a file.

    Raises:
        OSError: why.
    """
    folder = Path(folder)
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        what = "a file, not a folder" if there.exists() else "a broken link"
        raise NotADirectoryError(f"{there} is {what}; choose another --output_dir.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder}: {there} is not writable; choose another --output_dir.")


def lease(folder: Path) -> SoftFileLease:
    """Return the lease of a folder, not yet taken."""
    return SoftFileLease(folder / CLAIM, lease_duration=LEASE, thread_local=False)


def claimed(folder: Path) -> bool:
    """Whether an apparently live process holds the folder: judged by its number on this machine, by
    the lease's age elsewhere.
    """
    said = _said(folder)
    age = _age(folder)
    if age is None:
        return False
    return _alive_here(said) if _is_here(said) else age < 2 * LEASE


def clear(folder: Path) -> None:
    """Remove a claim that no one holds any longer."""
    if not claimed(folder):
        (folder / CLAIM).unlink(missing_ok=True)
        (folder / _NOTE).unlink(missing_ok=True)


def _key(folder: Path) -> str:
    return os.path.realpath(folder)


def _make(folder: Path) -> list[Path]:
    """Create a folder with its parents, and return those that were created, innermost first."""
    missing = [path for path in (folder, *folder.absolute().parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # a name that is too long, no space
        raise type(error)(
            f"{folder} cannot be created ({error.strerror}); choose another --output_dir."
        ) from error
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:  # not empty, or gone
            return


def _acquired(folder: Path) -> SoftFileLease:
    said = _said(folder)
    elsewhere = bool(said) and not _is_here(said)
    if elsewhere:
        logger.warning(
            "%s is claimed by process %s on %s; waiting up to %.0f s to see whether it is alive",
            folder,
            said.get("pid", "?"),
            _host(said),
            PATIENCE,
        )
    held = lease(folder)
    try:
        held.acquire(timeout=PATIENCE if elsewhere else 1.0)
    except Timeout:
        raise FolderInUse(_who(folder)) from None
    return held


def _write_note(folder: Path) -> None:
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    content = {"host": socket.gethostname(), "pid": os.getpid(), "since": since}
    (folder / _NOTE).write_text(json.dumps(content), encoding="utf-8")


def _who(folder: Path) -> str:
    said = _said(folder)
    since = ""
    try:
        note = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
        if str(note["pid"]) == said.get("pid") and note["host"] == _host(said):
            since = f" since {note['since']} (UTC)"
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return (
        f"{folder} is in use by process {said.get('pid', '?')} on {_host(said)}{since}; wait for "
        "it, end it, or choose another --output_dir."
    )


def _host(said: dict[str, str]) -> str:
    return said.get("host", "another machine").partition("?pidns-")[0]


def _said(folder: Path) -> dict[str, str]:
    try:
        text = (folder / CLAIM).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _age(folder: Path) -> float | None:
    try:
        changed = (folder / CLAIM).stat().st_mtime
    except OSError:
        return None
    return datetime.now().timestamp() - changed


def _is_here(said: dict[str, str]) -> bool:
    return said.get("host") in _names_of_this_machine() and said.get("pid", "").isdecimal()


def _names_of_this_machine() -> tuple[str, ...]:
    """Return filelock's name for this machine: in a container, including the namespace of the
    process number.
    """
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return (socket.gethostname(),)
    return socket.gethostname(), f"{socket.gethostname()}?pidns-{namespace:x}"


def _alive_here(said: dict[str, str]) -> bool:
    pid = int(said["pid"])
    began = start_token(pid)  # after a reboot, another process may have the number
    return alive(pid) and (began is None or said.get("start", str(began)) == str(began))
