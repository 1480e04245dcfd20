"""The machine that a fit runs on: cores, memory, GPU."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from medmonai.data.decoding import check_jobs
from medmonai.data.sources import available_memory

_GROUPS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",  # version 1
)


@dataclass(frozen=True)
class Machine:
    """What a fit may use.

    Args:
        cores: CPU cores that this process may use.
        memory_gb: of the machine, or of the control group of this process if that has less; None
            where the operating system does not say.
        free_gb: what this process may still allocate.
        limited: whether `memory_gb` is the limit of a control group.
        gpu: name of the first CUDA device; "" if there is none that torch can use.
        gpu_gb: its memory.
    """

    cores: int
    memory_gb: float | None
    free_gb: float
    limited: bool = False
    gpu: str = ""
    gpu_gb: float = 0.0

    def line(self) -> str:
        """Return the machine for a person to read."""
        cores = f"{self.cores} CPU core{'s' * (self.cores != 1)}"
        total = "" if self.memory_gb is None else f"{self.memory_gb:.1f} GB of memory"
        limit = " (limit of the control group)" if self.limited else ""
        gpu = f"{self.gpu} with {self.gpu_gb:.0f} GB" if self.gpu else "no GPU that torch can use"
        memory = f"{total}{limit}, {self.free_gb:.1f} GB free".lstrip(", ")
        return f"{cores}; {memory}; {gpu}"


def this_machine() -> Machine:
    """Look at the machine."""
    import torch

    physical = _physical_memory()
    limits = [limit for path in _GROUPS if (limit := _limit(Path(path))) is not None]
    limited = bool(limits) and (physical is None or min(limits) < physical)
    total = min(limits) if limited else physical
    gpu = {}
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        gpu = {"gpu": str(properties.name), "gpu_gb": properties.total_memory / 2**30}
    return Machine(
        check_jobs(None),
        None if total is None else total / 2**30,
        available_memory() / 2**30,
        limited=limited,
        **gpu,
    )


def _physical_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # Windows has no sysconf
        return None


def _limit(path: Path) -> int | None:
    """Return the limit of a control group in bytes; None without one ("max")."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
