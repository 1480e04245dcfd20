"""The variants of a study on one bundle: their seeds, their verdicts, and which one validation
selects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from medmonai.metrics import Comparison, average_seeds, compare_tables, macro_auc_interval
from medmonai.metrics.comparison import with_holm
from medmonai.metrics.ranking import as_json
from medmonai.predictions import Predictions

from .cell import Cell
from .cell_results import CellResult, join_folds
from .findings import VariantSummary


def variant_summary(
    name: str, cells: Sequence[Cell], results: Mapping[str, CellResult], confidence: float
) -> VariantSummary:
    """Return the finished seeds of a variant and the interval of their averaged test scores; notes
    say what is missing.
    """
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


def compared_variants(
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

    @cache
    def mean_of(seeds: tuple[int, ...]) -> Predictions:
        return average_seeds([getattr(against.seeds[seed], split) for seed in seeds])

    comparisons: dict[str, Comparison] = {}
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
            tables = {
                variant.name: [getattr(variant.seeds[seed], split) for seed in seeds],
                reference: mean_of(seeds),
            }
            one = compare_tables(tables, against=reference, confidence=confidence, alpha=alpha)[0]
            comparisons[variant.name] = replace(one, seeds_b=len(seeds))
        except ValueError as error:
            notes[variant.name] = f"cannot be compared with {reference!r} on {split}: {error}"
    comparisons = dict(zip(comparisons, with_holm(list(comparisons.values()))))
    return [
        _with_verdict(v, comparisons.get(v.name), split, shared[v.name], notes.get(v.name, ""))
        for v in variants
    ]


def _with_verdict(
    variant: VariantSummary,
    comparison: Comparison | None,
    split: str,
    seeds: tuple[int, ...],
    note: str,
) -> VariantSummary:
    notes = "; ".join(filter(None, [variant.note, note]))
    if split == "validation":
        return replace(variant, against_selected=comparison, note=notes)
    changed = replace(variant, against_baseline=comparison, note=notes)
    return changed if comparison is None else replace(changed, compared_seeds=seeds)


def selected_variant(variants: Sequence[VariantSummary]) -> VariantSummary | None:
    """Return the variant with the highest mean validation AUC among those with the most seeds; None
    without any.
    """
    most = max(len(variant.seeds) for variant in variants)
    fit = [
        v
        for v in variants
        if v.seeds and len(v.seeds) == most and v.validation_spread["mean"] is not None
    ]
    return max(fit, key=lambda v: v.validation_spread["mean"], default=None)
