"""From a study file to its finished cells: what the command line calls."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .cell import Cell
from .cells import plan_cells
from .definition import Study, find_study, read_study
from .pools import POOLS, Resources
from .progress import StudyProgress
from .runner import part_of_cells, run_cells, write_plan
from .status import cell_status, read_plan
from .study_folder import PLAN, cell_folder
from .summary_command import write_study_summary


def run_study(
    path: str | Path,
    *,
    output: str | Path,
    resources: Resources | None = None,
    backend: str = "loky",
    settings: Mapping[str, Any] | None = None,
    bundles: Sequence[str] = (),
    part: str = "",
    dry_run: bool = False,
) -> tuple[list[str], bool]:
    """Run a study, or go on with it, and summarize it when all of its cells are finished.

    Args:
        path: the study file.
        output: the folder of the study.
        resources: cells at a time, and the threads and GPUs of each; default:
            `Resources.shared(1)`.
        backend: "loky" (this machine) or "ray" (a cluster).
        settings: config ids -> values for every cell.
        bundles: names of the bundles to run, if not all of the study.
        part: "i/n" to run only the i-th of n parts of the cells; the last one to finish can be
            followed by `write_study_summary`.
        dry_run: only list the cells; no expression of the study or of a bundle is evaluated, no
            data read.

    Returns:
        The lines to print, and whether every cell that was to run is finished.

    Raises:
        FileNotFoundError: no study file, bundle or data set.
        ValueError: a mistake in the study file, an unknown config id, two arms that are the same
            run.
        OSError: the output folder cannot be written.
    """
    resources = Resources.shared(1) if resources is None else resources
    if backend not in POOLS or (resources.num_gpus and backend != "ray"):
        raise ValueError(
            f"backend={backend!r} with num_gpus={resources.num_gpus}; use one of "
            f"{', '.join(POOLS)}, and num_gpus with ray: loky hands the GPUs out in turn."
        )
    path = find_study(path)
    whole = read_study(path)
    output = Path(output).resolve()
    study = whole.only(bundles) if bundles else whole
    settings = _with_absolute_paths(settings or {})
    if dry_run:
        return _listed(study, output, settings=settings, part=part), True
    with resources.in_this_process():  # images are expanded here, once, and mapped by the cells
        cells = plan_cells(study, settings=settings)
    chosen = part_of_cells(cells, part) if part else cells
    write_plan(whole, cells, output, settings=settings, file=Path(path).name)
    with StudyProgress(chosen, output, jobs=resources.jobs) as progress:
        outcomes = run_cells(
            chosen, output, resources=resources, backend=backend, watch=progress.ended
        )
    bad = [cell for cell in chosen if outcomes[cell.key].state != "finished"]
    lines = [f"{len(chosen) - len(bad)} of {len(chosen)} cells are finished"]
    for cell in bad:
        outcome = outcomes[cell.key]
        lines.append(
            f"{outcome.state}: {cell.name}: "
            f"{outcome.error} ({cell_folder(output, cell) / 'log.txt'})"
        )
    if bad:
        lines.append("The same command runs them again and leaves the finished ones.")
    if part:
        return [
            *lines,
            f"When all parts have run: python -m medmonai study summary {output}",
        ], not bad
    return [*lines, *write_study_summary(output)], not bad


def _listed(study: Study, output: Path, *, settings: Mapping[str, Any], part: str) -> list[str]:
    """Say which cells there are, and how those stand that were planned before; nothing of the study
    is evaluated or read.
    """

    def identity(cell: Cell) -> str:
        return json.dumps([cell.bundle, cell.arm, cell.seed, cell.point, cell.fold, cell.overrides])

    planned = plan_cells(study, settings=settings, identify=False)
    before = read_plan(output)[1] if (output / PLAN).is_file() else []
    known = {identity(cell): cell for cell in before}
    cells = [known.get(identity(cell), cell) for cell in planned]
    if part and not all(cell.key for cell in cells):
        raise ValueError(
            f"cells={part!r} with a dry run: the parts are known once the study has run here; "
            "leave --cells out."
        )
    return [
        f"{cell_status(cell, output).state:10} {cell.name}  {cell_folder(output, cell)}"
        if cell.key
        else f"{'waiting':10} {cell.name}"
        for cell in (part_of_cells(cells, part) if part else cells)
    ]


def _with_absolute_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Make dataset_dir absolute: the cells may run in another folder, or on another machine."""
    folder = settings.get("dataset_dir")
    return (
        {**settings, "dataset_dir": str(Path(folder).expanduser().resolve())}
        if folder
        else dict(settings)
    )
