"""The numbers of a study's summary as rows and JSON, and the tables that only cross-validation
makes.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medmonai.atomic_files import replacing
from medmonai.metrics import Comparison
from medmonai.predictions import write_predictions

from .findings import BundleSummary, StudySummary, VariantSummary


def variant_rows(summary: StudySummary) -> Iterator[dict[str, Any]]:
    """Yield a row for every variant on every bundle; what does not exist is empty."""
    for bundle in summary.bundles:
        for v in bundle.variants:
            interval = v.interval
            flags = (v.interval.get("flags") or ()) if v.interval else ()
            yield {
                "bundle": bundle.name,
                "variant": v.name,
                "baseline": v.name == bundle.baseline,
                "selected": v.name == bundle.selected,
                "n_seeds": len(v.seeds),
                "seeds_expected": len(v.expected),
                "folds": v.folds,
                "n_test": interval.get("n"),
                "n_groups": interval.get("n_groups"),
                **{
                    f"test_auc{end}": interval.get(key)
                    for end, key in (("", "estimate"), ("_low", "low"), ("_high", "high"))
                },
                "confidence": summary.confidence,
                "interval_method": interval.get("method"),
                "flags": " ".join(flags),
                **{
                    f"seed_test_auc_{key}": v.test_spread[key]
                    for key in ("mean", "sd", "min", "max")
                },
                **{
                    f"seed_validation_auc_{key}": v.validation_spread[key]
                    for key in ("mean", "sd", "min", "max")
                },
                "balanced_accuracy": v.balanced_accuracy,
                "seconds": v.seconds,
                **_compared("", v.against_baseline),
                "compared_seeds": " ".join(map(str, v.compared_seeds)),
                **_compared("validation_", v.against_selected),
                "note": v.note,
            }


def _compared(prefix: str, found: Comparison | None) -> dict[str, Any]:
    return {
        prefix + name: None if found is None else getattr(found, name)
        for name in ("difference", "low", "high", "p_value", "p_holm", "verdict")
    }


def cell_rows(summary: StudySummary) -> Iterator[dict[str, Any]]:
    """Yield a row for every cell of the study."""
    for cell, result in summary.cells:
        yield {
            "bundle": cell.bundle_name,
            "variant": cell.variant,
            "seed": cell.seed,
            "fold": cell.fold,
            "finished": result is not None,
            **{
                name: getattr(result, name, None)
                for name in ("test_auc", "validation_auc", "balanced_accuracy", "seconds")
            },
            "folder": cell.folder_name,
        }


def write_rows(rows: Iterator[dict[str, Any]], path: Path) -> Path:
    """Write rows as CSV, over an older file; a column that only some rows have is empty in the
    others.
    """
    held = list(rows)
    columns = dict.fromkeys(name for row in held for name in row)
    with (
        replacing(path, overwrite=True) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(held)
    return path


def summary_json(summary: StudySummary) -> dict[str, Any]:
    """Return everything that the summary says, for JSON."""
    return {
        "baseline": summary.baseline,
        "metric": summary.metric,
        "confidence": summary.confidence,
        "alpha": summary.alpha,
        "bundles": [_bundle_json(bundle) for bundle in summary.bundles],
    }


def _bundle_json(bundle: BundleSummary) -> dict[str, Any]:
    return {
        "name": bundle.name,
        "positive_class": bundle.positive_class,
        "baseline": bundle.baseline,
        "selected": bundle.selected,
        "not_distinguishable_on_validation": bundle.not_distinguishable,
        "note": bundle.note,
        "variants": [_variant_json(variant) for variant in bundle.variants],
    }


def _variant_json(v: VariantSummary) -> dict[str, Any]:
    return {
        "name": v.name,
        "seeds": list(v.seeds),
        "seeds_expected": list(v.expected),
        "folds": v.folds,
        "test_auc": dict(v.interval),
        "test_auc_over_seeds": v.test_spread,
        "validation_auc_over_seeds": v.validation_spread,
        "balanced_accuracy": v.balanced_accuracy,
        "seconds": v.seconds,
        "against_baseline": v.against_baseline and asdict(v.against_baseline),
        "compared_seeds": list(v.compared_seeds),
        "against_selected_on_validation": v.against_selected and asdict(v.against_selected),
        "note": v.note,
    }


def write_fold_tables(summary: StudySummary, folder: Path) -> list[Path]:
    """Write what cross-validation makes of each seed: out-of-fold scores, and test scores averaged
    over the folds.

    They are `predictions/<bundle>/predictions_oof_<variant>_seed<seed>.csv` and
    `predictions_test_...` below the folder; the ensemble of the folds is the final model of a seed.
    Without folds there are none.
    """
    paths = []
    for bundle, place in _file_names(summary.bundles).items():
        for variant, stem in _file_names([v for v in bundle.variants if v.folds]).items():
            for seed, result in variant.seeds.items():
                (folder / "predictions" / place).mkdir(parents=True, exist_ok=True)
                for kind, table in (("oof", result.validation), ("test", result.test)):
                    paths.append(
                        folder / "predictions" / place / f"predictions_{kind}_{stem}_seed{seed}.csv"
                    )
                    write_predictions(table, paths[-1], overwrite=True)
    return paths


def figure_stems(summary: StudySummary) -> Mapping[BundleSummary, str]:
    """Return the file name of each bundle's figure, without suffix."""
    return {bundle: f"arms_{name}" for bundle, name in _file_names(summary.bundles).items()}


def _file_names(named: Sequence[Any]) -> dict[Any, str]:
    """Names that every file system takes, all different even where capitals do not count."""
    names: dict[Any, str] = {}
    for one in named:
        stem = re.sub(r"[^A-Za-z0-9.=-]+", "_", one.name).strip("._")[:80] or "unnamed"
        taken = {name.lower() for name in names.values()}
        others = (f"{stem}_{i}" for i in range(2, len(named) + 2))
        names[one] = next(name for name in (stem, *others) if name.lower() not in taken)
    return names
