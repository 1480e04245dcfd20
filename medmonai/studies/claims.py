"""Who is at a cell: a lease in its folder, which a process that is gone loses."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from filelock import SoftFileLease

CLAIM = ".claim"
LEASE = 30.0  # seconds; one that nobody has renewed for so long is void, on the same machine that of a dead process at once


def lease(folder: Path) -> SoftFileLease:
    """Return the lease of a cell's folder, not yet taken."""
    return SoftFileLease(folder / CLAIM, lease_duration=LEASE)


def claimed(folder: Path) -> bool:
    """Whether a process that seems to live holds the folder: by its number on this machine, by the lease's age elsewhere."""
    path = folder / CLAIM
    try:
        said = dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines() if "=" in line)
        age = time.time() - path.stat().st_mtime
    except OSError:
        return False
    if said.get("host") != socket.gethostname() or not said.get("pid", "").isdecimal():
        return age < 2 * LEASE
    return _alive(int(said["pid"]))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, but there
        return True
    stat = Path(f"/proc/{pid}/stat")  # one that has ended and waits for its parent to notice is gone, too
    return not stat.is_file() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def clear(folder: Path) -> None:
    """Remove a claim that nobody holds any more."""
    if not claimed(folder):
        (folder / CLAIM).unlink(missing_ok=True)
