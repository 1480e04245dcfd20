"""Whether a process of this machine lives."""

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
    stat = Path(f"/proc/{pid}/stat")  # one that has ended and waits for its parent to notice is gone, too
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z" if stat.is_file() else True
    except (OSError, IndexError):
        return False
