"""Running the cells of a study side by side: what is finished is skipped, what broke off goes on,
what fails is reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, as_completed
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from medmonai.atomic_files import write_json
from medmonai.claims import CLAIM, clear
from medmonai.engines import versions

from .cell import Cell
from .cell_run import Outcome, note_outcome
from .definition import Study
from .pools import POOLS, Pool, Resources
from .study_folder import PLAN, cell_folder, noted

_DIED = "its worker process died (killed, or out of memory)"
_UNBORN = (
    "worker processes die before they begin a cell; is the installation sound, is there memory?"
)


def part_of_cells(cells: Sequence[Cell], part: str) -> list[Cell]:
    """Return the i-th of n parts of the cells, "i/n" with i from 1: every n-th in the order of
    keys, which mixes the arms.

    Raises:
        ValueError: not such a part.
    """
    number, slash, parts = part.partition("/")
    if not (slash and number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise ValueError(f"cells={part!r}; write i/n with i from 1 to n, such as 2/8.")
    return sorted(cells, key=lambda cell: cell.key)[int(number) - 1 :: int(parts)]


def write_plan(
    study: Study,
    cells: Sequence[Cell],
    output: str | Path,
    *,
    settings: Mapping[str, Any],
    file: str = "study.json",
) -> None:
    """Write `plan.json`, what the study consists of, into its folder, over that of an earlier
    version of the study.

    Cells of the study's other bundles, planned by an earlier call, stay in it.

    Raises:
        OSError: the folder cannot be written.
    """
    path = Path(output) / PLAN
    planned = {cell.bundle for cell in cells}
    before = noted(path).get("cells", [])
    others = [
        cell for cell in before if cell["bundle"] in study.bundles and cell["bundle"] not in planned
    ]
    write_json(
        {
            "study": asdict(study),
            "file": file,
            "settings": dict(settings),
            "versions": versions(),
            "cells": [*(asdict(cell) for cell in cells), *others],
        },
        path,
    )


def run_cells(
    cells: Sequence[Cell],
    output: str | Path,
    *,
    resources: Resources,
    backend: str = "loky",
    watch: Callable[[Cell, Outcome], None] = lambda cell, outcome: None,
) -> dict[str, Outcome]:
    """Run cells side by side and return how each ended, key -> outcome.

    A cell that fails does not stop the others. Where a worker process dies (killed, out of memory),
    its cell is started again, `resources.retries` times, and goes on from its checkpoint. loky
    cannot say whose process died: the cells that ran at that moment are then run one at a time, so
    that none is blamed for another.

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
    barren = 0
    most = resources.retries
    while rounds:
        some, shared = rounds.pop(0)
        started, waiting = _round(some, output, POOLS[backend](shared), outcomes, watch)
        if len(started) == 1:
            deaths[started[0].key] += 1
        barren = 0 if started or len(waiting) < len(some) else barren + 1
        lost = [
            (cell, f"{_DIED}, {deaths[cell.key]} times")
            for cell in started
            if deaths[cell.key] > most
        ]
        lost += [(cell, _UNBORN) for cell in waiting if barren > most]
        rounds += [
            ([cell], replace(shared, jobs=1)) for cell in started if deaths[cell.key] <= most
        ]
        if waiting and barren <= most:
            rounds.insert(0, (waiting, shared))
        for cell, why in lost:
            outcomes[cell.key] = _failed(cell, why, output)
            watch(cell, outcomes[cell.key])
    return outcomes


def _round(
    cells: Sequence[Cell],
    output: str | Path,
    pool: Pool,
    outcomes: dict[str, Outcome],
    watch: Callable[[Cell, Outcome], None],
) -> tuple[list[Cell], list[Cell]]:
    """Run cells in one pool; return those that were running when it broke, and those that had not
    begun.
    """
    started = []
    waiting = []
    for cell in cells:
        clear(cell_folder(output, cell))
    for cell, future in _ended(cells, output, pool):
        if isinstance(future.exception(), BrokenExecutor):
            (started if (cell_folder(output, cell) / CLAIM).exists() else waiting).append(cell)
        else:
            outcomes[cell.key] = _outcome(cell, future)
            watch(cell, outcomes[cell.key])
    return started, waiting


def _failed(cell: Cell, why: str, output: str | Path) -> Outcome:
    outcome = Outcome(cell.key, "failed", error=why)
    folder = cell_folder(output, cell)
    clear(folder)
    return note_outcome(outcome, folder) if folder.is_dir() else outcome


def _ended(
    cells: Sequence[Cell], output: str | Path, pool: Pool
) -> Iterator[tuple[Cell, Future[Outcome]]]:
    """Start the cells and yield each with its future as it ends; workers are stopped at once if the
    caller breaks off.
    """
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
    what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    # which raises its own for a worker or a node that died
    of_ray = type(error).__module__.startswith("ray.")
    return Outcome(cell.key, "failed", error=f"{_DIED}: {what}" if of_ray else what)
