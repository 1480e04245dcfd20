"""Whether a process on this machine is alive, and since when."""

from __future__ import annotations

import os
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether a process with this number is running on this machine.

    Example:
        >>> alive(os.getpid())
        True
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's, but it exists
        return True
    try:  # a zombie process counts as gone, too
        return _fields(pid)[0] != "Z" if Path(f"/proc/{pid}/stat").is_file() else True
    except (OSError, IndexError):
        return False


def start_token(pid: int) -> int | None:
    """Return a token unique among processes with this number: boot id and clock ticks since boot;
    None without Linux's /proc.

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
    """Return the fields after the process name in /proc/PID/stat; the first is its state."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
