"""From the finished cells of a study to verdicts and a selection on validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .cell import Cell
from .cell_results import CellResult, load_cell
from .findings import BundleSummary, StudySummary
from .variants import compared_variants, selected_variant, variant_summary


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
    variants = [
        variant_summary(name, some, results, confidence) for name, some in by_variant.items()
    ]
    options = {"confidence": confidence, "alpha": alpha}
    notes = []
    chosen = baseline
    if baseline is None:
        notes.append("No baseline was named: there are no verdicts.")
    elif not any(v.seeds for v in variants if v.name == baseline):
        notes.append(f"The baseline {baseline!r} has no finished seed here: there are no verdicts.")
        chosen = None
    else:
        variants = compared_variants(variants, baseline, "test", **options)
    selected = selected_variant(variants)
    if selected is None:
        notes.append("No seed is finished.")
    else:
        variants = compared_variants(variants, selected.name, "validation", **options)
        if len(selected.seeds) < len(selected.expected):
            notes.append(
                f"No variant is complete: selected among those with {len(selected.seeds)} finished "
                "seeds."
            )
    return BundleSummary(
        title, tuple(variants), chosen, selected and selected.name, " ".join(notes)
    )
