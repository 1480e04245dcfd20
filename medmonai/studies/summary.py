"""From the finished cells of a study to verdicts, a selection on validation, and the files that say
so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from medmonai.atomic_files import write_json
from medmonai.bundle import without_places
from medmonai.engines import versions
from medmonai.metrics import Comparison, average_seeds, compare_tables, macro_auc_interval
from medmonai.metrics.comparison import with_holm
from medmonai.metrics.ranking import as_json
from medmonai.predictions import Predictions
from medmonai.report import NOT_CLINICAL, write_latex
from medmonai.report.page import write_page
from medmonai.visualize import save_figure

from .cell import Cell
from .cell_results import CellResult, join_folds, load_cell
from .findings import BundleSummary, StudySummary, VariantSummary
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


def summarize_study(
    cells: Sequence[Cell],
    folders: Mapping[str, str | Path | CellResult],
    *,
    baseline: str | None,
    metric: str = "auc",
    confidence: float = 0.95,
    alpha: float = 0.05,
) -> StudySummary:
    """Summarise the finished cells of a study.

    Verdicts: for each bundle every variant against the baseline on the same test cases (DeLong's
    test on scores averaged over the seeds that both have), Holm's correction over the variants of
    the bundle. Selection: the highest mean of the seeds' validation AUCs among the variants with
    the most finished seeds; of equal ones the first.

    Cells of folds count once all folds of their seed are finished: see `join_folds`.

    Args:
        cells: all cells of the study.
        folders: key of each finished cell -> its run folder, or what `load_cell` returned for it.
        baseline: a variant; None for no verdicts.
        metric: "auc", the mean one-vs-rest AUC; nothing else so far.
        confidence: nominal coverage of the intervals.
        alpha: level of the verdicts.

    Raises:
        ValueError: no cell, a baseline that no cell has, another metric, a folder that `load_cell`
            refuses.
    """
    names = list(dict.fromkeys(cell.variant for cell in cells))
    if metric != "auc":
        raise ValueError(
            f"metric={metric!r}; studies are compared by 'auc'. For another metric compare the "
            "cells' tables: python -m medmonai compare --metric."
        )
    if not names or (baseline is not None and baseline not in names):
        raise ValueError(
            f"baseline={baseline!r} among {len(cells)} cells; the variants are "
            f"{', '.join(map(repr, names))}."
        )
    results = {
        key: found if isinstance(found, CellResult) else load_cell(found)
        for key, found in folders.items()
    }
    bundles = {}
    for cell in cells:
        bundles.setdefault(cell.bundle, []).append(cell)
    options = {"confidence": confidence, "alpha": alpha}
    short = [some[0].bundle_name for some in bundles.values()]
    found = [
        _bundle(
            name if short.count(name) == 1 else "/".join(Path(folder).parts[-2:]),
            some,
            results,
            baseline,
            **options,
        )
        for name, (folder, some) in zip(short, bundles.items())
    ]
    own = tuple((cell, results.get(cell.key)) for cell in cells)
    return StudySummary(tuple(found), own, baseline, metric, confidence, alpha)


def _bundle(
    title: str,
    cells: Sequence[Cell],
    results: Mapping[str, CellResult],
    baseline: str | None,
    *,
    confidence: float,
    alpha: float,
) -> BundleSummary:
    by_variant: dict[str, list[Cell]] = {}
    for cell in cells:
        by_variant.setdefault(cell.variant, []).append(cell)
    variants = [_variant(name, some, results, confidence) for name, some in by_variant.items()]
    options = {"confidence": confidence, "alpha": alpha}
    notes = []
    chosen = baseline
    if baseline is None:
        notes.append("No baseline was named: there are no verdicts.")
    elif not any(v.seeds for v in variants if v.name == baseline):
        notes.append(f"The baseline {baseline!r} has no finished seed here: there are no verdicts.")
        chosen = None
    else:
        variants = _compared(variants, baseline, "test", **options)
    selected = _selected(variants)
    if selected is None:
        notes.append("No seed is finished.")
    else:
        variants = _compared(variants, selected.name, "validation", **options)
        if len(selected.seeds) < len(selected.expected):
            notes.append(
                f"No variant is complete: selected among those with {len(selected.seeds)} finished "
                "seeds."
            )
    return BundleSummary(
        title, tuple(variants), chosen, selected and selected.name, " ".join(notes)
    )


def _variant(
    name: str, cells: Sequence[Cell], results: Mapping[str, CellResult], confidence: float
) -> VariantSummary:
    expected = tuple(dict.fromkeys(cell.seed for cell in cells))
    folds = len({cell.fold for cell in cells if cell.fold is not None})
    seeds = {}
    notes = []
    for seed in expected:
        wanted = [cell.key for cell in cells if cell.seed == seed]
        found = [results[key] for key in wanted if key in results]
        if len(found) == len(wanted):
            seeds[seed] = join_folds(found) if folds else found[0]
    if len(seeds) < len(expected):
        notes.append(f"{len(seeds)} of {len(expected)} seeds are finished")
    interval: dict[str, Any] = {}
    if seeds:
        try:
            mean = average_seeds([found.test for found in seeds.values()])
            interval = as_json(
                macro_auc_interval(
                    mean.labels, mean.y_score, mean.task, confidence=confidence, groups=mean.groups
                )
            )
            interval |= {
                "n": len(mean),
                "n_groups": None if mean.groups is None else len(set(mean.groups.tolist())),
            }
        except ValueError as error:
            notes.append(f"the seeds cannot be averaged: {error}")
    return VariantSummary(name, expected, seeds, folds, interval, note="; ".join(notes))


def _compared(
    variants: Sequence[VariantSummary],
    reference: str,
    split: str,
    *,
    confidence: float,
    alpha: float,
) -> list[VariantSummary]:
    """Compare all variants with one of them on the seeds that both have; Holm's correction over all
    that could be.
    """
    against = next(variant for variant in variants if variant.name == reference)
    means: dict[tuple[int, ...], Predictions] = {}
    found: dict[str, Comparison] = {}
    notes = {}
    shared = {v.name: tuple(seed for seed in v.seeds if seed in against.seeds) for v in variants}
    for variant in variants:
        seeds = shared[variant.name]
        if variant.name == reference or not variant.seeds:
            continue
        if not seeds:
            notes[variant.name] = f"no finished seed in common with {reference!r}"
            continue
        if split == "test" and len(seeds) < len(variant.expected):
            notes[variant.name] = (
                f"compared with {reference!r} on seed {', '.join(map(str, seeds))} only, which "
                "both have"
            )
        try:
            if seeds not in means:
                means[seeds] = average_seeds(
                    [getattr(against.seeds[seed], split) for seed in seeds]
                )
            tables = {
                variant.name: [getattr(variant.seeds[seed], split) for seed in seeds],
                reference: means[seeds],
            }
            one = compare_tables(tables, against=reference, confidence=confidence, alpha=alpha)[0]
            found[variant.name] = replace(one, seeds_b=len(seeds))
        except ValueError as error:
            notes[variant.name] = f"cannot be compared with {reference!r} on {split}: {error}"
    found = dict(zip(found, with_holm(list(found.values()))))
    field = {"test": "against_baseline", "validation": "against_selected"}[split]
    compared = {
        name: {"compared_seeds": seeds} if split == "test" and name in found else {}
        for name, seeds in shared.items()
    }
    return [
        replace(
            v,
            **{field: found.get(v.name)},
            **compared[v.name],
            note="; ".join(filter(None, [v.note, notes.get(v.name, "")])),
        )
        for v in variants
    ]


def _selected(variants: Sequence[VariantSummary]) -> VariantSummary | None:
    most = max(len(variant.seeds) for variant in variants)
    fit = [
        v
        for v in variants
        if v.seeds and len(v.seeds) == most and v.validation_spread["mean"] is not None
    ]
    return max(fit, key=lambda v: v.validation_spread["mean"], default=None)


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
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        bundle: save_figure(
            bundle_figure(bundle, confidence=summary.confidence), folder / stem, overwrite=True
        )
        for bundle, stem in figure_stems(summary).items()
    }
    curves = {
        bundle: save_figure(figure, folder / stem.replace("arms_", "roc_", 1), overwrite=True)
        for bundle, stem in figure_stems(summary).items()
        if (figure := roc_curves(bundle)) is not None
    }
    drawn, rocs = (
        {bundle: paths[0].read_bytes() for bundle, paths in some.items()}
        for some in (figures, curves)
    )
    known = versions()
    settings = without_places(settings or {})
    facts = [
        "Each cell's folder holds command.txt with the commands that repeat it alone.",
        "Versions of the packages that summarised: "
        + ", ".join(f"{name} {version}" for name, version in known.items()),
    ]
    facts += [f"Set for every cell: {name}={value!r}" for name, value in settings.items()]
    html = study_page(
        summary,
        drawn,
        title=title,
        question=question,
        unfinished=unfinished,
        commands=commands,
        facts=facts,
        rocs=rocs,
    )
    paths = [
        write_rows(variant_rows(summary), folder / "summary.csv"),
        write_page(html, folder / "summary.html"),
        write_rows(cell_rows(summary), folder / "seeds.csv"),
        write_rows(performance_rows(summary), folder / "performance_metrics.csv"),
    ]
    write_latex(
        [
            table
            for bundle in summary.bundles
            for table in (verdict_table(bundle), seeds_table(bundle))
        ],
        folder / "summary.tex",
        overwrite=True,
    )
    paths += [
        folder / "summary.tex",
        *chain(*figures.values(), *curves.values()),
        *write_fold_tables(summary, folder),
    ]
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
