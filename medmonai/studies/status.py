"""How far a study is, read from its folder alone; and how long the rest will take, from what the
others took.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from medmonai.claims import claimed
from medmonai.run_files import parts_of, read_record

from .cell import Cell
from .definition import Study
from .study_folder import CELLS, PLAN, cell_folder, noted

State = Literal["finished", "failed", "running", "broken off", "waiting"]


@dataclass(frozen=True)
class CellStatus:
    """Where a cell stands.

    Args:
        cell: the cell.
        state: "running" if a living process claims it, "broken off" if it left a part.
        seconds: it has taken; NaN where not known.
        error: why it failed.
    """

    cell: Cell
    state: State
    seconds: float
    error: str


def read_plan(output: str | Path) -> tuple[Study, list[Cell], dict[str, Any], str]:
    """Return study, cells, command-line settings and the name of the study file of a study's
    folder.

    Raises:
        FileNotFoundError: there is no study in the folder.
        ValueError: its plan.json is damaged.
    """
    path = Path(output) / PLAN
    if not path.is_file():
        raise FileNotFoundError(
            f"no study at {output}: {PLAN} is not there; name the folder that --output named."
        )
    content = read_record(path)
    with parts_of(path):
        grid = {name: tuple(values) for name, values in content["study"]["grid"].items()}
        fields: dict[str, Any] = {**content["study"], "grid": grid}
        fields |= {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
        study = Study(**fields)
        return (
            study,
            [Cell(**cell) for cell in content["cells"]],
            content["settings"],
            content["file"],
        )


def cell_status(cell: Cell, output: str | Path) -> CellStatus:
    """Return where a cell stands."""
    folder = cell_folder(output, cell)
    outcome = noted(folder / "outcome.json")
    seconds = float(outcome.get("seconds", np.nan))
    if (folder / "metrics.json").is_file():
        return CellStatus(cell, "finished", seconds, "")
    if claimed(folder):
        return CellStatus(cell, "running", seconds, "")
    if outcome.get("state") == "failed":
        return CellStatus(cell, "failed", seconds, outcome.get("error", ""))
    return CellStatus(
        cell, "broken off" if (folder / "cell.json").is_file() else "waiting", seconds, ""
    )


def strangers(cells: Sequence[Cell], output: str | Path) -> list[str]:
    """Return the cell folders that belong to no cell of the study: of other code, data, or arms
    that are no more.
    """
    folder = Path(output) / CELLS
    known = {cell.folder_name for cell in cells}
    return (
        sorted(path.name for path in folder.iterdir() if path.name not in known)
        if folder.is_dir()
        else []
    )


def remaining_seconds(statuses: Sequence[CellStatus], *, jobs: int) -> float:
    """Return the time the unfinished cells need, so many at a time; NaN where nothing was measured.

    Each counts as the mean of its own variant and bundle, else of its bundle, else of all.
    """
    measured: dict[tuple[str, ...], list[float]] = {}
    for status in statuses:
        if status.state == "finished" and np.isfinite(status.seconds):
            for kind in _kinds(status.cell):
                measured.setdefault(kind, []).append(status.seconds)
    if not measured:
        return np.nan
    left = [status.cell for status in statuses if status.state != "finished"]
    return (
        sum(
            float(np.mean(next(measured[kind] for kind in _kinds(cell) if kind in measured)))
            for cell in left
        )
        / jobs
    )


def _kinds(cell: Cell) -> tuple[tuple[str, ...], ...]:
    return (cell.bundle, cell.variant), (cell.bundle,), ()


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if not np.isfinite(seconds):
        return "not known yet"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def status_lines(output: str | Path) -> list[str]:
    """Return what `medmonai study status` prints: counts, what failed and why, the time left."""
    _, cells, _, _ = read_plan(output)
    statuses = [cell_status(cell, output) for cell in cells]
    counts = {state: sum(status.state == state for status in statuses) for state in get_args(State)}
    lines = [
        f"{len(cells)} cells: "
        + ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    ]
    lines += [
        f"failed: {s.cell.name}: {s.error} ({cell_folder(output, s.cell)})"
        for s in statuses
        if s.state == "failed"
    ]
    if counts["finished"] < len(cells):
        rest = duration(remaining_seconds(statuses, jobs=1))
        lines.append(
            f"time for the rest, one cell at a time: {rest}; the command that started the study "
            "goes on with it"
        )
    others = strangers(cells, output)
    if others:
        lines.append(
            f"{len(others)} folders in {Path(output) / CELLS} are of other code, data or arms and "
            f"count for nothing, such as {others[0]}"
        )
    return lines
