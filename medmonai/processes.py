"""Whether a process of this machine lives, and since when."""

from __future__ import annotations

import os
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether a process of this number runs on this machine.

    Example:
        >>> alive(os.getpid())
        True
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's, but there
        return True
    try:  # one that has ended and waits for its parent to notice is gone, too
        return _fields(pid)[0] != "Z" if Path(f"/proc/{pid}/stat").is_file() else True
    except (OSError, IndexError):
        return False


def start_token(pid: int) -> int | None:
    """Return a number that no other process of this number had: boot id and clock ticks since; None
    where Linux's /proc is not.

    The same as in a lock file of `filelock`.
    """
    try:
        boot = (
            Path("/proc/sys/kernel/random/boot_id")
            .read_text(encoding="ascii")
            .strip()
            .replace("-", "")
        )
        return int(boot, 16) << 64 | int(_fields(pid)[19])
    except (OSError, IndexError, ValueError):
        return None


def _fields(pid: int) -> list[str]:
    """Return what follows the name of a process in /proc/PID/stat: its state first."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
