"""From the finished cells of a study to its verdicts: what the command line calls."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from medmonai.bundle import without_places
from medmonai.report import NOT_CLINICAL

from .cell_results import CellResult, load_cell
from .status import cell_status, read_plan
from .study_folder import cell_folder
from .summary import summarize_study
from .summary_writer import write_summary


def write_study_summary(output: str | Path) -> list[str]:
    """Write the summary of the finished cells of a study's folder, and return its lines.

    A cell whose results cannot be read is left out and named.

    Raises:
        FileNotFoundError: no study in the folder.
    """
    study, cells, settings, file = read_plan(output)
    finished: dict[str, CellResult] = {}
    missing = []
    for cell in cells:
        status = cell_status(cell, output)
        try:
            if status.state == "finished":
                finished[cell.key] = load_cell(cell_folder(output, cell))
            else:
                missing.append(f"{cell.name}: {status.error or status.state}")
        except ValueError as error:
            missing.append(f"{cell.name}: {error}")
    if not finished:
        return ["No cell is finished: there is nothing to summarize."]
    summary = summarize_study(cells, finished, baseline=study.baseline)
    shown = [
        word
        for name, value in without_places(settings).items()
        for word in ("--set", f"{name}={json.dumps(value)}")
    ]
    command = shlex.join(
        ["python", "-m", "medmonai", "study", "run", file, "--output", "DIR", *shown]
    )
    paths = write_summary(
        summary,
        output,
        title=study.title,
        question=study.question,
        unfinished=missing,
        settings=settings,
        commands=[command],
    )
    lines = [*summary.lines(), *(f"not in the summary: {line}" for line in missing)]
    return [*lines, f"summary: {', '.join(str(path) for path in paths[:2])}", NOT_CLINICAL]
