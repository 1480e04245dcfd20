"""The files that say what a study found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from medmonai.atomic_files import write_json
from medmonai.bundle import without_places
from medmonai.engines import versions
from medmonai.report import NOT_CLINICAL, write_latex
from medmonai.report.page import write_page
from medmonai.visualize import save_figure

from .findings import BundleSummary, StudySummary
from .performance import performance_rows, roc_curves
from .summary_files import (
    cell_rows,
    figure_stems,
    summary_json,
    variant_rows,
    write_fold_tables,
    write_rows,
)
from .summary_page import bundle_figure, seeds_table, study_page, verdict_table


def write_summary(
    summary: StudySummary,
    folder: str | Path,
    *,
    title: str = "Study",
    question: str = "",
    unfinished: Sequence[str] = (),
    commands: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write summary.csv, .html, .json and .tex, seeds.csv, performance_metrics.csv, figures and
    tables of cross-validation.

    Each bundle has two figures: arms_BUNDLE (seeds, intervals, verdicts) and roc_BUNDLE (ROC curves
    of the arms).

    Older files of these names are replaced, each whole or not at all; summary.json comes last.

    Args:
        summary: what `summarize_study` found.
        folder: where to, created if missing.
        title: heads the page.
        question: what the study is to answer.
        unfinished: cells that are not in the summary, each with its reason.
        commands: that repeat the study.
        settings: config ids that the command line set for every cell; places are left out.

    Returns:
        All files; the first two are summary.csv and summary.html.
    """
    folder = Path(folder)
    figures, curves = _draw(summary, folder)
    known = versions()
    settings = without_places(settings or {})
    html = study_page(
        summary,
        {bundle: paths[0].read_bytes() for bundle, paths in figures.items()},
        title=title,
        question=question,
        unfinished=unfinished,
        commands=commands,
        facts=_facts(known, settings),
        rocs={bundle: paths[0].read_bytes() for bundle, paths in curves.items()},
    )
    paths = [
        write_rows(variant_rows(summary), folder / "summary.csv"),
        write_page(html, folder / "summary.html"),
        write_rows(cell_rows(summary), folder / "seeds.csv"),
        write_rows(performance_rows(summary), folder / "performance_metrics.csv"),
        folder / "summary.tex",
        *chain(*figures.values(), *curves.values()),
        *write_fold_tables(summary, folder),
    ]
    pairs = [(verdict_table(bundle), seeds_table(bundle)) for bundle in summary.bundles]
    write_latex(list(chain(*pairs)), folder / "summary.tex", overwrite=True)
    write_json(
        {
            "disclaimer": NOT_CLINICAL,
            "title": title,
            "question": question,
            "verdict_is_about": summary.verdict_is_about,
            **summary_json(summary),
            "unfinished": list(unfinished),
            "commands": list(commands),
            "settings": settings,
            "versions": known,
        },
        folder / "summary.json",
    )
    return [*paths, folder / "summary.json"]


def _draw(
    summary: StudySummary, folder: Path
) -> tuple[dict[BundleSummary, list[Path]], dict[BundleSummary, list[Path]]]:
    """Write the figures of the arms and, where they can be drawn, the ROC curves of each bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    arms = {}
    curves = {}
    for bundle, stem in figure_stems(summary).items():
        figure = bundle_figure(bundle, confidence=summary.confidence)
        arms[bundle] = save_figure(figure, folder / stem, overwrite=True)
        if (figure := roc_curves(bundle)) is not None:
            path = folder / stem.replace("arms_", "roc_", 1)
            curves[bundle] = save_figure(figure, path, overwrite=True)
    return arms, curves


def _facts(known: Mapping[str, str], settings: Mapping[str, Any]) -> list[str]:
    """Return the sentences about how the study can be repeated."""
    return [
        "Each cell's folder holds command.txt with the commands that repeat it alone.",
        "Versions of the packages that summarized: "
        + ", ".join(f"{name} {version}" for name, version in known.items()),
        *(f"Set for every cell: {name}={value!r}" for name, value in settings.items()),
    ]
