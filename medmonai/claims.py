"""Who is at work in a folder: a lease in it, which a process that is gone loses."""

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
# seconds; one that nobody has renewed for so long is void, on the same machine that of a dead
# process at once
LEASE = 30.0
# Seconds to wait for a claim of another machine: as long as one lasts without renewal, and a
# little.
PATIENCE = LEASE + 5.0

logger = logging.getLogger("medmonai.claims")

_mine: dict[str, _Held] = {}
_lock = threading.RLock()


@dataclass
class _Held:
    """A folder of this process: its lease, how often it was taken, which folders were made for it
    (the innermost first).
    """

    lease: SoftFileLease
    times: int
    made: list[Path]


class FolderInUse(ValueError):
    """Another living process works in the folder."""


@contextmanager
def claim(folder: str | Path) -> Iterator[Path]:
    """Hold a folder for this process while the block runs; no second training or evaluation may
    write into it.

    The folder is made if it does not exist, and then removed again if the block leaves nothing in
    it. Whoever holds it removes the temporary files that killed processes left there. A process
    that holds the folder already may claim it again.

    The claim is a lease that is renewed every ten seconds, and no `flock`, which network disks do
    not keep. That of a dead process of this machine is void at once. That of another machine is
    watched for 35 s: one that is not renewed is taken over.

    Args:
        folder: the folder.

    Raises:
        FolderInUse: another process holds it: its machine, its number, and since when.
        OSError: the folder cannot be made or written.

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
    """Begin what `claim` does, for a claim that ends elsewhere than in a block; see there."""
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
    """End one `take` of a folder; the last one gives it back."""
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
    """Raise `FolderInUse` if another living process holds the folder."""
    folder = Path(folder)
    if not holds(folder) and claimed(folder):
        raise FolderInUse(_who(folder))


def require_writable(folder: str | Path) -> None:
    """Refuse a folder that cannot be made or written, or whose place a file takes.

    Raises:
        OSError: why.
    """
    folder = Path(folder)
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        what = "a file, not a folder" if there.exists() else "a link to nothing"
        raise NotADirectoryError(f"{there} is {what}; choose another --output_dir.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder}: {there} cannot be written; choose another --output_dir.")


def lease(folder: Path) -> SoftFileLease:
    """Return the lease of a folder, not yet taken."""
    return SoftFileLease(folder / CLAIM, lease_duration=LEASE, thread_local=False)


def claimed(folder: Path) -> bool:
    """Whether a process that seems to live holds the folder: by its number on this machine, by the
    lease's age elsewhere.
    """
    said = _said(folder)
    age = _age(folder)
    if age is None:
        return False
    return _alive_here(said) if _is_here(said) else age < 2 * LEASE


def clear(folder: Path) -> None:
    """Remove a claim that nobody holds any more."""
    if not claimed(folder):
        (folder / CLAIM).unlink(missing_ok=True)
        (folder / _NOTE).unlink(missing_ok=True)


def _key(folder: Path) -> str:
    return os.path.realpath(folder)


def _make(folder: Path) -> list[Path]:
    """Make a folder with its parents, and return those that were made, the innermost first."""
    missing = [path for path in (folder, *folder.absolute().parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # a name that is too long, no room
        raise type(error)(
            f"{folder} cannot be made ({error.strerror}); choose another --output_dir."
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
            "%s is claimed by process %s on %s; waiting up to %.0f s to see whether it lives",
            folder,
            said.get("pid", "?"),
            _host(said),
            PATIENCE,
        )
    found = lease(folder)
    try:
        found.acquire(timeout=PATIENCE if elsewhere else 1.0)
    except Timeout:
        raise FolderInUse(_who(folder)) from None
    return found


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
    """Return what filelock calls this machine: in a container, with the namespace in which the
    process has its number.
    """
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return (socket.gethostname(),)
    return socket.gethostname(), f"{socket.gethostname()}?pidns-{namespace:x}"


def _alive_here(said: dict[str, str]) -> bool:
    pid = int(said["pid"])
    began = start_token(pid)  # after a restart of the machine another process may have the number
    return alive(pid) and (began is None or said.get("start", str(began)) == str(began))
