"""The report of one or several runs: one HTML file and, on request, LaTeX tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import medmonai
from medmonai.predictions import Predictions, read_predictions
from medmonai.run_files import parts_of, read_record
from medmonai.task import Task

from .evaluation import NOT_CLINICAL
from .latex import write_latex
from .model_comparison import comparison_section
from .page import RunPage, Section, render_page, write_page
from .run_page import run_page


def write_report(
    folders: Sequence[str | Path], *, output: str | Path | None = None, latex: bool = False
) -> list[Path]:
    """Write one self-contained HTML file about run folders, and return the paths of all files
    written.

    Several runs follow one another. They are compared in pairs if their test tables hold the same
    cases.

    Args:
        folders: run folders, or folders that `medmonai evaluate` has written.
        output: the HTML file; by default report.html in the first folder.
        latex: also write all tables as LaTeX (booktabs) beside it, with the suffix .tex.

    Raises:
        FileNotFoundError: a folder without metrics.json.
        ValueError: no folder.
    """
    if not folders:
        raise ValueError("folders is empty; name at least one run folder.")
    names = _names([Path(folder) for folder in folders])
    runs = [
        run_page(folder, name=name, anchor=f"run{number}")
        for number, (folder, name) in enumerate(zip(folders, names), start=1)
    ]
    comparison = _comparison(folders, names)
    output = Path(folders[0]) / "report.html" if output is None else Path(output)
    made = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    heading = _heading(runs)
    html = render_page(
        runs,
        title=heading if names[0] in heading else f"{heading}: {', '.join(names)}",
        heading=heading,
        subtitle=f"{'Run' if len(runs) == 1 else 'Runs'}: {', '.join(names)}. "
        f"Report made on {made}.",
        notice=NOT_CLINICAL,
        made_by=f"medmonai {medmonai.__version__}. This file is self-contained.",
        comparison=comparison,
    )
    written = [write_page(html, output)]
    if latex:
        written.append(output.with_suffix(".tex"))
        write_latex(_tables(runs, comparison), written[-1], overwrite=True)
    return written


def _heading(runs: Sequence[RunPage]) -> str:
    """Return the titles of the recipes; the names of the runs where no recipe was run."""
    titles = list(dict.fromkeys(run.title for run in runs if run.title))
    return ", ".join(titles) or "Evaluation of " + ", ".join(run.name for run in runs)


def _tables(runs: Sequence[RunPage], comparison: Section | None) -> list:
    several = len(runs) > 1
    tables = [
        replace(table, name=f"{run.anchor}-{table.name}", caption=f"{run.name}: {table.caption}")
        if several
        else table
        for run in runs
        for table in run.tables
    ]
    return tables + list(comparison.tables if comparison else ())


def _names(folders: list[Path]) -> list[str]:
    """Return the folders' names, with their parents' names where two are the same."""
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = ["/".join(folder.resolve().parts[-2:]) for folder in folders]
    return (
        names
        if len(set(names)) == len(names)
        else [f"{name} ({i})" for i, name in enumerate(names, start=1)]
    )


def _comparison(folders: Sequence[str | Path], names: Sequence[str]) -> Section | None:
    tables: dict[str, Predictions] = {}
    for folder, name in zip(folders, names):
        path = Path(folder) / "predictions_test.csv"
        if path.is_file():
            metrics = Path(folder) / "metrics.json"
            with parts_of(metrics):
                split = read_record(metrics)["splits"]["test"]
                task = Task(split["task"], len(split["class_counts"]))
            tables[name] = read_predictions(path, task=task)
    first = next(iter(tables.values()), None)
    alike = (
        {
            name: table
            for name, table in tables.items()
            if table.task == first.task and set(table.ids) == set(first.ids)
        }
        if first
        else {}
    )
    return comparison_section(alike) if len(alike) > 1 else None
