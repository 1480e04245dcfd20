"""What the files of a run folder say about its data, its training and its saliency maps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from medmonai.run_files import parts_of, read_record

from .page import TextBlock
from .tables import Table, counts_table
from .wording import number


def part_of(path: Path, part: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Return a part of the page that is made from one file; errors name the file if it is
    damaged.
    """
    content = read_record(path)
    with parts_of(path):
        return part(content)


def data_part(metrics: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of the data: its source, its counts, its audit and its issues.

    Args:
        metrics: of metrics.json.
        data: of data.json; empty where there is none.
    """
    known = metrics.get("data") or {}
    labels = {
        "name": "Data set",
        "version": "Version",
        "licence": "License",
        "citation": "Please cite",
        "source": "Source",
        "checksum": "Checksum",
    }
    facts = [f"{label}: {known[key]}" for key, label in labels.items() if known.get(key)]
    facts += [f"This run: {fact}" for fact in known.get("facts", ())]
    issues = list(known.get("known_issues", ()))
    audit = data.get("audit") or {}
    if audit:
        (issues if audit.get("leakage") else facts).append(f"Audit: {audit['verdict']}")
    issues += _leakage(audit)
    counts = data.get("counts") or {
        name: split["class_counts"] for name, split in metrics["splits"].items()
    }
    blocks = ()
    if audit.get("lines"):
        text = "\n".join(audit["lines"])
        blocks = (TextBlock("The whole audit of the splits", text, folded=True),)
    return {
        "issues": tuple(issues),
        "facts": tuple(facts),
        "tables": (counts_table(counts),),
        "blocks": blocks,
    }


def _leakage(audit: Mapping[str, Any]) -> Iterator[str]:
    """Yield why the run used splits that share cases."""
    if audit.get("leakage") and audit.get("leakage_allowed"):
        yield (
            "Training on data that leaks was explicitly allowed for this run (allow_leakage). "
            "Results on a split that shares cases with train are too good."
        )
    elif audit.get("leakage") and audit.get("official_splits"):
        yield (
            "The official splits of this data set share cases, so results on a split that shares "
            "cases with train may be too good. They are kept as published, to be comparable."
        )


def training_part(folder: Path) -> dict[str, Any]:
    """Return how a run was trained: network, seed, device, epochs."""
    config = read_record(folder / "config.json")
    with parts_of(folder / "config.json"):
        network = _network(config)
    return part_of(folder / "run.json", partial(_run_facts, network=network))


def _run_facts(run: Mapping[str, Any], *, network: str) -> dict[str, Any]:
    if not run:
        return {}
    best = ""
    if "best_epoch" in run:
        kept = (
            f"kept: epoch {run['best_epoch']}, validation AUC "
            f"{number(run['best_validation_auc'], 4)}"
        )
        best = "; " + ((run.get("best_epochs") or {}).get("kept") or kept)
    resumed = (
        f"; resumed after epoch {run['resumed_from_epoch']}"
        if run.get("resumed_from_epoch")
        else ""
    )
    stopped = (
        f"; stopped early after epoch {run['stopped_early_at']}"
        if run.get("stopped_early_at")
        else ""
    )
    return {
        "facts": (
            *([network] if network else []),
            (
                f"Seed {run['seed']} on {run['device']}, "
                f"{run['threads']} thread{'s' * (run['threads'] != 1)}{best}{stopped}{resumed}"
            ),
            f"Started {_time(run['started'])}, ended {_time(run.get('ended', 'not yet'))} (UTC)",
        )
    }


def _time(noted: str) -> str:
    """Return a time in UTC as a run notes it, for people."""
    return noted.removesuffix("+00:00").replace("T", " ")


def _network(config: Mapping[str, Any]) -> str:
    """Return the network of a config in one line, with what its arguments refer to; "" if the
    config names none.
    """
    definition = config.get("network_def")
    if not isinstance(definition, Mapping) or "_target_" not in definition:
        return ""
    stated = {
        name: config.get(value[1:], value)
        if isinstance(value, str) and value.startswith("@")
        else value
        for name, value in definition.items()
        if name != "_target_"
    }
    cached = (
        "; features computed once, without augmentation" if config.get("cache_features") else ""
    )
    return (
        f"Network: {definition['_target_'].rpartition('.')[2]}, "
        f"{', '.join(f'{name} {json.dumps(value)}' for name, value in stated.items())}{cached}"
    )


def saliency_part(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what saliency.json says of the maps; empty where there is none."""
    if not found:
        return {}
    rows = tuple(
        (
            case["id"],
            case["true"],
            case["decided"],
            number(case["score"]),
            "right" if case["right"] else "wrong",
        )
        for case in found["cases"]
    )
    table = Table(
        "saliency",
        "Cases of the maps, in their order, then the other cases that the check averages over.",
        ("id", "true class", "class of the map", "score", "decision"),
        rows,
    )
    return {"texts": tuple(found["lines"]), "tables": (table,)}
