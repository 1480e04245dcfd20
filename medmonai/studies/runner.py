"""Running the cells of a study side by side: what is finished is skipped, what broke off goes on, what fails is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, as_completed
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from medmonai.engines import versions
from medmonai.whole_files import write_json

from .cell_run import Outcome
from .cells import Cell
from .definition import Study
from .pools import POOLS, Pool, Resources

CELLS, PLAN = "cells", "plan.json"
_DIED = "its worker process died (killed, or out of memory)"


def cell_folder(output: str | Path, cell: Cell) -> Path:
    """Return the folder of a cell in the folder of its study."""
    return Path(output) / CELLS / cell.folder_name


def part_of(cells: Sequence[Cell], part: str) -> list[Cell]:
    """Return the i-th of n parts of the cells, "i/n" with i from 1: every n-th cell, so that long ones spread.

    Raises:
        ValueError: not such a part.
    """
    number, slash, parts = part.partition("/")
    if not (slash and number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise ValueError(f"cells={part!r}; write i/n with i from 1 to n, such as 2/8.")
    return list(cells[int(number) - 1 :: int(parts)])


def write_plan(study: Study, cells: Sequence[Cell], output: str | Path, *, settings: Mapping[str, Any]) -> None:
    """Write `plan.json`, what the study consists of, into its folder, over that of an earlier version of the study.

    Raises:
        OSError: the folder cannot be written.
    """
    path = Path(output) / PLAN
    write_json({"study": asdict(study), "settings": dict(settings), "versions": versions(),
                "cells": [asdict(cell) for cell in cells]}, path)


def run_cells(
    cells: Sequence[Cell], output: str | Path, *, resources: Resources, backend: str = "loky",
    watch: Callable[[Cell, Outcome], None] = lambda cell, outcome: None,
) -> dict[str, Outcome]:
    """Run cells side by side and return how each ended, key -> outcome.

    A cell that fails does not stop the others. Where a worker process dies (killed, out of memory), its cell is started
    again, `resources.retries` times, and goes on from its checkpoint. loky cannot say whose process died: the cells that
    ran at that moment are then run one at a time, so that none is blamed for another.

    Args:
        cells: the cells; finished ones are looked at and left as they are.
        output: the study's folder.
        resources: jobs, threads, GPUs.
        backend: "loky" or "ray".
        watch: called for each cell that has ended.

    Raises:
        ValueError: an unknown backend.
        ImportError: Ray is not installed.
    """
    if backend not in POOLS:
        raise ValueError(f"backend={backend!r} is unknown; use one of {', '.join(POOLS)}.")
    outcomes: dict[str, Outcome] = {}
    deaths: Counter[str] = Counter()
    rounds = [(list(cells), resources)] if cells else []
    while rounds:
        some, shared = rounds.pop(0)
        started, waiting = [], []
        for cell, future in _ended(some, output, POOLS[backend](shared)):
            if isinstance(future.exception(), BrokenExecutor):
                (started if (cell_folder(output, cell) / ".claim").exists() else waiting).append(cell)
                continue
            outcomes[cell.key] = _outcome(cell, future)
            watch(cell, outcomes[cell.key])
        if len(started) == 1:
            deaths[started[0].key] += 1
        for cell in started:
            if deaths[cell.key] > resources.retries:
                outcomes[cell.key] = Outcome(cell.key, "failed", error=f"{_DIED}, {deaths[cell.key]} times")
                watch(cell, outcomes[cell.key])
            else:
                rounds.append(([cell], replace(shared, jobs=1)))
        if waiting:
            rounds.insert(0, (waiting, shared))
    return outcomes


def _ended(cells: Sequence[Cell], output: str | Path, pool: Pool) -> Iterator[tuple[Cell, Future[Outcome]]]:
    """Start the cells and yield each with its future as it ends; workers are stopped at once if the caller breaks off."""
    complete = False
    try:
        futures = {pool.submit(cell, cell_folder(output, cell)): cell for cell in cells}
        for future in as_completed(futures):
            yield futures[future], future
        complete = True
    finally:
        pool.close(now=not complete)


def _outcome(cell: Cell, future: Future[Outcome]) -> Outcome:
    error = future.exception()
    if error is None:
        return future.result()
    return Outcome(cell.key, "failed", error=f"{_DIED}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
