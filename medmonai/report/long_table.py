"""Every number of an evaluation in one long CSV, one row per value."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medmonai.atomic_files import replacing

COLUMNS = (
    "split",
    "part",
    "decision",
    "class",
    "metric",
    "estimate",
    "low",
    "high",
    "confidence",
    "method",
    "n",
    "flags",
)


def metric_rows(name: str, split: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for every number of a split's metrics."""
    for part, decision, label, metric, value in _numbers(split):
        found = dict(value) if isinstance(value, Mapping) else {"estimate": value}
        found["flags"] = " ".join(found.get("flags") or ())
        found.setdefault("n", split["n"])
        kept = {key: found.get(key) for key in COLUMNS if key in found}
        yield {
            "split": name,
            "part": part,
            "decision": decision,
            "class": label,
            "metric": metric,
            **kept,
        }


def _numbers(split: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, Any]]:
    """Yield (part, decision, class, metric, value or interval)."""
    for label, value in {"": split["auc"], **split.get("class_auc", {})}.items():
        yield "ranking", "", label, "auc", value
    for part, metrics in (
        ("medmnist", ("medmnist_auc", "medmnist_acc")),
        ("summary", ("accuracy", "subset_accuracy")),
    ):
        yield from ((part, "", "", metric, split[metric]) for metric in metrics if metric in split)
    ranking = split.get("ranking") or {"overall": {}, "per_class": {}}
    for label, own in {"": ranking["overall"], **ranking["per_class"]}.items():
        yield from (("ranking", "", label, metric, value) for metric, value in own.items())
    for decision, found in split.get("decisions", {}).items():
        for label, own in {"": found["overall"], **found["per_class"]}.items():
            yield from (
                ("decisions", decision, label, metric, value) for metric, value in own.items()
            )
    for stage in ("before", "after"):
        found = (split.get("calibration") or {}).get(stage) or {}
        yield from (
            (f"calibration {stage}", "", "", metric, value) for metric, value in found.items()
        )


def write_metrics_csv(
    splits: Mapping[str, Mapping[str, Any]], path: str | Path, *, overwrite: bool = False
) -> None:
    """Write all metrics of all splits as CSV.

    Raises:
        FileExistsError: the file exists and `overwrite` is False.
    """
    with (
        replacing(path, overwrite=overwrite) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer: csv.DictWriter[str] = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        for name, split in splits.items():
            writer.writerows(metric_rows(name, split))
