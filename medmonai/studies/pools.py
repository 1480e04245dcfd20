"""Where cells run: processes of this machine (joblib's loky), or a Ray cluster. Both give a Future
for a cell.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from .cell import Cell
from .cell_run import Outcome, run_cell

# Libraries that start a thread per core unless they are told not to.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# The place of this worker process; freed by the system when the process ends.
_held: list[FileLock] = []


class Pool(Protocol):
    """Runs cells side by side."""

    def submit(self, cell: Cell, folder: Path) -> Future[Outcome]:
        """Start a cell when there is room for it."""
        ...

    def close(self, *, now: bool) -> None:
        """Stop the workers, `now` also those that are at a cell."""


@dataclass(frozen=True)
class Resources:
    """What a cell gets.

    Args:
        jobs: cells at a time.
        threads: CPU threads of a cell.
        num_gpus: GPUs of a cell, a fraction shares one; 0 runs on the CPU under Ray. On one machine
            GPUs are handed out in turn instead.
        retries: how often a cell whose worker died is started again.
    """

    jobs: int = 1
    threads: int = 1
    num_gpus: float = 0.0
    retries: int = 2

    @classmethod
    def shared(cls, jobs: int, *, num_gpus: float = 0.0) -> Resources:
        """Share the cores that this process may use among the jobs, so that threads never outnumber
        cores.

        Whoever has set OMP_NUM_THREADS has said how many threads a cell gets.

        Raises:
            ValueError: fewer than one job, or a negative share of GPUs.
        """
        if jobs < 1 or num_gpus < 0:
            raise ValueError(
                f"jobs={jobs}, num_gpus={num_gpus}; at least 1 job, and GPUs from 0 up, are needed."
            )
        cores = (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
        given = os.environ.get("OMP_NUM_THREADS", "")
        return cls(
            jobs,
            int(given) if given.isdecimal() and int(given) else max(1, cores // jobs),
            num_gpus,
        )

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a worker: its threads, and images mapped from disk so that all workers share
        their pages.
        """
        return {**dict.fromkeys(_THREADS, str(self.threads)), "MEDMONAI_MEMORY_LIMIT": "0"}

    @contextmanager
    def in_this_process(self) -> Iterator[None]:
        """Set the variables of a worker for a while in this process."""
        kept = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name, value in kept.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


class LokyPool:
    """Processes of this machine; each has its share of the cores, and one of the GPUs in turn."""

    def __init__(self, resources: Resources) -> None:
        # joblib carries loky with it. Its own Parallel would hold all results back when a worker
        # dies.
        from joblib.externals.loky import ProcessPoolExecutor

        self._places = tempfile.mkdtemp(prefix="medmonai-study-")
        self._executor = ProcessPoolExecutor(
            max_workers=resources.jobs,
            timeout=None,
            env=resources.environment,
            initializer=_prepare_worker,
            initargs=(self._places, visible_gpus(), resources.jobs, os.getpid()),
        )

    def submit(self, cell: Cell, folder: Path) -> Future[Outcome]:
        """Start a cell in the next process that is free."""
        return self._executor.submit(run_cell, cell, folder)

    def close(self, *, now: bool) -> None:
        """Stop the processes, `now` also those that are at a cell."""
        self._executor.shutdown(wait=True, kill_workers=now)
        shutil.rmtree(self._places, ignore_errors=True)


def visible_gpus() -> list[str]:
    """Return the GPUs this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name.strip()]
    return [str(number) for number in range(torch.cuda.device_count())]


def _prepare_worker(places: str, gpus: list[str], jobs: int, parent: int) -> None:
    """Give a new worker process the GPU of the first place that is free (CUDA has not started in it
    yet).

    A place is held as long as the process lives: loky replaces workers that have grown too large.
    """
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    for place in range(jobs if gpus else 0):
        lock = FileLock(Path(places) / str(place))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        _held.append(lock)
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[place % len(gpus)]
        return


def _end_with_parent(parent: int) -> None:
    """End this process when its parent is gone: a study that was killed must not go on behind the
    next one's back.
    """
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


class RayPool:
    """Tasks of a Ray cluster: the one that RAY_ADDRESS names, else a local one of as many CPUs as
    the cells need.

    The output folder and the data set must be on a disk that all nodes see under the same path. Ray
    starts a task again whose worker or node died; it goes on from the cell's last checkpoint.
    """

    def __init__(self, resources: Resources) -> None:
        try:
            import ray
        except ImportError as error:
            raise ImportError(
                "the backend 'ray' needs Ray: pip install 'medmonai[ray]'."
            ) from error

        self._ray = ray
        self._started = not ray.is_initialized()
        if self._started:
            cluster = (
                {}
                if os.environ.get("RAY_ADDRESS")
                else {"num_cpus": resources.jobs * resources.threads, "include_dashboard": False}
            )
            ray.init(
                runtime_env={"env_vars": resources.environment}, log_to_driver=False, **cluster
            )
        self._run = ray.remote(run_cell).options(
            num_cpus=resources.threads, num_gpus=resources.num_gpus, max_retries=resources.retries
        )

    def submit(self, cell: Cell, folder: Path) -> Future[Outcome]:
        """Start a cell where the cluster has room for it."""
        return self._run.remote(cell, folder).future()

    def close(self, *, now: bool) -> None:
        """Leave the cluster, which ends what it runs for this study, and stop it if it was started
        here.
        """
        if self._started:
            self._ray.shutdown()


POOLS = {"loky": LokyPool, "ray": RayPool}
