"""What a run needs to be repeated: the seed, the versions, the revision of the code, the
machine.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import platform
import sys
from pathlib import Path

import torch
from monai.utils import set_determinism

from .versions import git_revision, versions

_MOST_THREADS = 4096  # OpenMP ends the process without a word at numbers far beyond
logger = logging.getLogger("medmonai.engines")


def prepare_process(seed: int, *, device: str | torch.device = "cpu") -> None:
    """Seed Python, NumPy and torch, choose deterministic kernels, and keep freed memory in the
    process.

    On a CPU the same seed, versions, thread count and machine give the same bits. On CUDA
    deterministic kernels are asked for and benchmarking is switched off; operations without a
    deterministic kernel warn. Convolutions in float32 keep its 23 bits there, where torch would
    round their inputs to TF32's 10.

    glibc hands large blocks back to the system at each step and faults them in again at the next;
    keeping them makes small 3D networks up to 1.9 times as fast on a CPU. Elsewhere than on glibc
    nothing is changed.

    Raises:
        ValueError: the seed is not a whole number from 0 to 2**32 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"seed={seed!r}; a whole number from 0 to {2**32 - 1} is needed.")
    set_determinism(seed=seed)
    if torch.device(device).type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Otherwise one more kernel fills each new tensor before it is written.
        filling = torch.utils.deterministic
        filling.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
        torch.backends.cudnn.allow_tf32 = False
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4  # the numbers of malloc.h
    for option, value in ((m_mmap_max, 0), (m_trim_threshold, 2**31 - 1), (m_top_pad, 256 * 2**20)):
        mallopt(option, value)


def release_freed_memory() -> None:
    """Give memory that was freed back to the system, which `prepare_process` keeps for speed.

    Call it between two trainings in one process. The pieces that one leaves between objects that
    live on do not fit the next, and a process would grow with each training.
    """
    gc.collect()  # a run's network, cohorts and handlers refer to each other
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def keep_threads(threads: object, *, device: str | torch.device) -> None:
    """Go on with the number of CPU threads that a run began with, and say so: on a CPU its bits
    depend on it.

    Args:
        threads: as the run recorded it; None if it did not.
        device: what the network runs on; nothing is changed for another one than a CPU.

    Raises:
        ValueError: no whole number, or one that no machine has.
    """
    if threads is None:
        return
    if (
        isinstance(threads, bool)
        or not isinstance(threads, int)
        or not 1 <= threads <= _MOST_THREADS
    ):
        raise ValueError(
            f"run.json says threads={threads!r}; a whole number from 1 to {_MOST_THREADS} is "
            "needed."
        )
    if torch.device(device).type == "cpu" and threads != torch.get_num_threads():
        logger.warning(
            "this run began with %d CPU threads and this process has %d: it goes on with %d, so "
            "that the result stays the same; OMP_NUM_THREADS=%d sets them from the start.",
            threads,
            torch.get_num_threads(),
            threads,
            threads,
        )
        torch.set_num_threads(threads)


def run_record(*, seed: int, device: str | torch.device) -> dict[str, object]:
    """Return what is written beside every result: seed, device, threads, versions, revision,
    machine; no paths or names.
    """
    device = torch.device(device)
    return {
        "seed": seed,
        "device": torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"cpu ({_cpu_name()})",
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "git_revision": git_revision(Path(__file__).parent),
        "platform": f"{platform.system()} {platform.machine()}",
        "byteorder": sys.byteorder,
    }


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(
                (line.split(":", 1)[1].strip() for line in file if line.startswith("model name")),
                "unknown",
            )
    except OSError:
        return platform.processor() or "unknown"
