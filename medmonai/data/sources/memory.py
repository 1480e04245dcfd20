"""How much memory images may take; beyond this they stay on disk."""

from __future__ import annotations

import os
from pathlib import Path


def available_memory() -> int:
    """Return the bytes of memory that this process may still allocate: free on the machine, and
    within its control group.
    """
    free = [1 << 32]
    try:
        with open("/proc/meminfo") as file:
            free = [
                int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:")
            ] or free
        group = Path("/sys/fs/cgroup")
        used = int((group / "memory.current").read_text())
        free.append(int((group / "memory.max").read_text()) - used)
    except (OSError, ValueError):  # another operating system, or a group without a limit ("max")
        pass
    return max(0, min(free))


def default_memory_limit() -> int:
    """Return the size in bytes above which images stay on disk: MEDMONAI_MEMORY_LIMIT, or half of
    the free memory.

    Raises:
        ValueError: MEDMONAI_MEMORY_LIMIT is not a number of bytes.
    """
    given = os.environ.get("MEDMONAI_MEMORY_LIMIT", "")
    if given and not given.isdecimal():
        raise ValueError(
            f"MEDMONAI_MEMORY_LIMIT={given!r}; a number of bytes is needed, or leave it unset."
        )
    return int(given) if given else available_memory() // 2
