"""Pools of worker processes, on loky and on Ray: workers that die, threads, and GPUs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Future

import pytest
from study_runs import TWO, plan, starts
from this_process import ThisProcess

from medmonai.studies.pools import POOLS, LokyPool, Resources, visible_gpus
from medmonai.studies.runner import run_cells


@pytest.mark.parametrize("backend", ["loky", pytest.param("ray", marks=pytest.mark.slow)])
def test_a_worker_that_is_killed_is_replaced(backend, tmp_path):
    cells = plan(
        tmp_path, arms={"none": {}, "dies once": {"die": 1}, "dies always": {"die": 99}}, seeds=[1]
    )
    outcomes = run_cells(
        cells, tmp_path / "out", resources=Resources(jobs=2, threads=1, retries=1), backend=backend
    )
    found = {cell.arm: outcomes[cell.key] for cell in cells}
    assert {arm: outcome.state for arm, outcome in found.items()} == {
        "none": "finished",
        "dies once": "finished",
        "dies always": "failed",
    }
    assert "its worker process died" in found["dies always"].error
    # loky: side by side, then alone
    assert starts(tmp_path, cells[1]) == 2 and starts(tmp_path, cells[2]) in (2, 3)


def test_threads_and_gpus_are_shared(monkeypatch, tmp_path):
    cores = len(os.sched_getaffinity(0))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert Resources.shared(1).threads == cores and Resources.shared(10 * cores).threads == 1
    assert set(Resources(jobs=2, threads=3).environment.values()) == {"3", "0"}
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert Resources.shared(10 * cores).threads == 3
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert visible_gpus() == ["4", "7"]

    # inside the test: loky sends it by value, a worker cannot import tests
    def surroundings(folder):
        import torch

        (folder / str(os.getpid())).touch()
        while len(list(folder.iterdir())) < 3:  # so that each worker takes one
            time.sleep(0.1)
        return os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"], torch.get_num_threads()

    pool = LokyPool(Resources(jobs=3))
    try:  # two workers see the first GPU, one the second; each has its threads
        seen = {
            future.result()
            for future in [pool._executor.submit(surroundings, tmp_path) for _ in range(3)]
        }
    finally:
        pool.close(now=False)
    assert {gpu for _, gpu, _ in seen} == {"4", "7"} and {threads for _, _, threads in seen} == {1}
    with pytest.raises(ValueError, match="jobs=0"):
        Resources.shared(0)


def test_a_worker_that_is_replaced_leaves_its_gpu_to_the_next(tmp_path):
    code = (
        "import os, sys, time; from medmonai.studies.pools import _prepare_worker; "
        "_prepare_worker(sys.argv[1], ['4', '7'], 2, os.getppid()); "
        "print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True); time.sleep(600)"
    )

    def worker():
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        )
        return process, process.stdout.readline().strip()

    (first, a), (second, b) = worker(), worker()
    first.kill()
    first.wait()
    third, c = worker()
    for process in (second, third):
        process.kill()
        process.wait()
    assert (a, b, c) == ("4", "7", "4")


class Unborn(ThisProcess):
    """A pool whose workers die before they take a cell."""

    started = 0

    def submit(self, cell, folder):
        Unborn.started += 1
        future = Future()
        future.set_exception(BrokenExecutor("no worker"))
        return future


def test_workers_that_never_begin_are_given_up(tmp_path, monkeypatch):
    monkeypatch.setitem(POOLS, "unborn", Unborn)
    cells = plan(tmp_path)
    outcomes = run_cells(cells, tmp_path / "out", resources=TWO, backend="unborn")
    assert {outcome.state for outcome in outcomes.values()} == {
        "failed"
    } and Unborn.started == 3 * len(cells)
    assert "worker processes die before they begin a cell" in outcomes[cells[0].key].error
