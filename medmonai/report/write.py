"""The report of one run or several: one HTML file, and LaTeX tables where they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import medmonai
from medmonai.predictions import Predictions, read_predictions
from medmonai.run_files import parts_of, read_record
from medmonai.task import Task

from .comparison import comparison_section
from .evaluation import NOT_CLINICAL
from .latex import write_latex
from .page import RunPage, Section, render_page, write_page
from .run_page import run_page


def write_report(
    folders: Sequence[str | Path], *, output: str | Path | None = None, latex: bool = False
) -> list[Path]:
    """Write one self-contained HTML file about run folders, and return the paths of all files
    written.

    Several runs are shown one after the other and compared in pairs if their test tables hold the
    same cases.

    Args:
        folders: run folders, or folders with predictions tables that `medmonai evaluate` has
            evaluated.
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
    about = dict.fromkeys(filter(None, (_title(folder) for folder in folders)))
    title = f"{names[0]}: evaluation" if len(names) == 1 else "Evaluation of " + ", ".join(names)
    title = f"{', '.join(about)}. {title}" if about else title
    made = datetime.now(timezone.utc).isoformat(timespec="minutes")
    html = render_page(
        runs,
        title=title,
        subtitle=f"{len(runs)} run{'s' if len(runs) > 1 else ''}, report made on {made}",
        notice=NOT_CLINICAL,
        made_by=f"medmonai {medmonai.__version__}. Everything on this page is inside this file.",
        comparison=comparison,
    )
    written = [write_page(html, output)]
    if latex:
        written.append(output.with_suffix(".tex"))
        write_latex(_tables(runs, comparison), written[-1], overwrite=True)
    return written


def _title(folder: str | Path) -> str:
    """Return what run.json says the bundle is called; "" of a folder that no bundle has written."""
    return str(read_record(Path(folder) / "run.json").get("title", ""))


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
    """Return the folders' names, with those of their parents where two are alike."""
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
