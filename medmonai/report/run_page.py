"""A run folder as a page: what its files say, in the order a reviewer asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from medmonai.config_text import unescaped
from medmonai.run_files import parts_of, read_record

from .page import Card, Listing, Picture, RunPage, Section
from .tables import (
    Table,
    about_class,
    chosen_decisions,
    counts_table,
    method_words,
    number,
    of_class,
    positive_class,
    split_tables,
    words,
)

# The figures of a run: file name -> (section, caption).
FIGURES = {
    "samples": ("data", "Example cases of each class from the test split."),
    "labels": ("data", "Cases of each class in each split."),
    "history": (
        "training",
        "Loss and validation AUC per epoch; a circle is the best epoch of its stage, a filled one "
        "that which was kept. The loss of the AUC "
        "stage is a saddle-point objective: its value says nothing about progress.",
    ),
    "roc": (
        "performance",
        "ROC curve on the test split; the point is the operating point chosen on validation.",
    ),
    "precision_recall": ("performance", "Precision and recall on the test split."),
    "confusion": ("performance", "Confusion matrix on the test split at the operating point."),
    "scores": ("performance", "Distribution of the scores for each outcome."),
    "calibration": (
        "calibration",
        "Observed frequency against predicted probability, before and after the temperature "
        "fitted on validation, with the number of cases.",
    ),
    "decision_curve": (
        "calibration",
        "Net benefit of deciding by the calibrated score against treating all or none.",
    ),
    "failures": (
        "failures",
        "The most confident mistakes: id, truth, decision and its score. A twin is an almost equal "
        "image with another label: the label may be wrong.",
    ),
    "saliency": (
        "saliency",
        "Where the last layers find evidence for the decided class, by Grad-CAM.",
    ),
    "occlusion": (
        "saliency",
        "How far the logit of the decided class falls where the image is covered, by occlusion.",
    ),
}
# where the task is binary
_OF_ONE_CLASS = ("roc", "precision_recall", "scores", "calibration", "decision_curve")
TITLES = {
    "data": "Data",
    "training": "Training",
    "performance": "Performance",
    "calibration": "Calibration and decision curve",
    "failures": "Failure gallery",
    "saliency": "Saliency",
    "repeat": "How to repeat this",
}
# Ids of a config that only say where things lie; not part of what a reader needs, and often
# private.
_PLACES = ("output_dir", "dataset_dir", "bundle_root", "ckpt_path")


def run_page(folder: str | Path, *, name: str | None = None, anchor: str = "run") -> RunPage:
    """Collect everything a run folder holds.

    Args:
        folder: a folder with metrics.json; config.json, run.json, test_opened.json, data.json,
            saliency.json, history.csv and figures/ are used where they exist.
        name: how the run is called; by default the folder's name.
        anchor: prefix of the links within the page.

    Raises:
        FileNotFoundError: there is no metrics.json.
        ValueError: metrics.json of an earlier version.
    """
    folder = Path(folder)
    metrics = read_record(folder / "metrics.json")
    if not metrics:
        raise FileNotFoundError(
            f"no metrics.json in {folder}; evaluate first: python -m medmonai evaluate "
            f"{folder}/predictions_test.csv --output {folder}."
        )
    with parts_of(folder / "metrics.json"):
        ranking = metrics.get("splits", {}).get("test", {}).get("ranking", {})
        current = isinstance(ranking.get("overall", {}).get("average_precision"), Mapping)
    if not current:
        raise ValueError(
            f"{folder}/metrics.json is of an earlier version of medmonai; evaluate again: python "
            f"-m medmonai evaluate {folder}/predictions_test.csv --validation "
            f"{folder}/predictions_val.csv --output NEW."
        )
    with parts_of(folder / "metrics.json"):
        tables = tuple(split_tables(metrics["splits"]["test"]))
        cards = tuple(_cards(metrics))
        _data(metrics, {})
    calibration = tuple(table for table in tables if table.name == "calibration")
    parts = {
        "data": _of(folder / "data.json", partial(_data, metrics)),
        "training": _training(folder),
        "performance": {"tables": tuple(table for table in tables if table not in calibration)},
        "calibration": {"tables": calibration},
        "failures": {},
        "saliency": _of(folder / "saliency.json", _saliency),
        "repeat": _repeat(folder),
    }
    positive = positive_class(metrics["splits"]["test"])
    pictures: dict[str, list[Picture]] = {}
    for stem, (part, caption) in FIGURES.items():
        path = folder / "figures" / f"{stem}.png"
        if path.is_file():
            about = f" Positive class: {positive}." if positive and stem in _OF_ONE_CLASS else ""
            pictures.setdefault(part, []).append(
                Picture.from_png(path.read_bytes(), f"{caption}{about}")
            )
    sections = [
        Section(TITLES[part], f"{anchor}-{part}", figures=tuple(pictures.get(part, ())), **content)
        for part, content in parts.items()
    ]
    shown = tuple(section for section in sections if not section.empty)
    return RunPage(
        name or folder.resolve().name,
        anchor,
        cards,
        shown,
        tables,
        about_class(metrics["splits"]["test"]),
    )


def _of(path: Path, part: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Return a part of the page that is made of one file, which is named where it is damaged."""
    content = read_record(path)
    with parts_of(path):
        return part(content)


def _cards(metrics: Mapping[str, Any]) -> Iterator[Card]:
    test = metrics["splits"]["test"]
    auc = test["auc"]
    groups = f", {test['n_groups']} groups" if test.get("n_groups") else ""
    flags = "".join(f"; {flag.replace('_', ' ')}" for flag in auc["flags"])
    yield Card(
        f"test AUC{of_class(test)}",
        number(auc["estimate"]),
        f"{auc['confidence']:.0%} interval {number(auc['low'])} to {number(auc['high'])} "
        f"({method_words(auc['method'])}), n = {test['n']}{groups}{flags}",
    )
    for name, table in metrics.get("references", {}).items():
        ends = (
            f"interval {number(table['auc']['low'])} to {number(table['auc']['high'])}, same cases"
        )
        yield Card(f"{name.replace('_', ' ')} AUC", number(table["auc"]["estimate"]), ends)
    decided = chosen_decisions(test)
    how = "threshold chosen on validation" if "locked" in test["decisions"] else "default decision"
    for metric in (
        "balanced_accuracy",
        "recall",
        "specificity",
        "macro_balanced_accuracy",
        "macro_f1",
    ):
        if decided and metric in decided["overall"]:
            value = decided["overall"][metric]
            about = of_class(test) if metric in ("recall", "specificity") else ""
            ends = f"{number(value['low'])} to {number(value['high'])}"
            yield Card(f"{words(metric)}{about}", number(value["estimate"]), f"{ends}; {how}")
    after = (test.get("calibration") or {}).get("after") or {}
    if "ece" in after:
        yield Card(
            "calibration error (ECE)",
            number(after["ece"]["estimate"]),
            "after the temperature fitted on validation",
        )


def _data(metrics: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    facts = []
    known = metrics.get("data") or {}
    labels = {
        "name": "set",
        "version": "version",
        "licence": "licence",
        "citation": "please cite",
        "source": "source",
        "checksum": "checksum",
    }
    facts += [f"{label}: {known[key]}" for key, label in labels.items() if known.get(key)]
    facts += [f"This run: {fact}" for fact in known.get("facts", ())]
    facts += [f"Known issue: {issue}" for issue in known.get("known_issues", ())]
    audit = data.get("audit") or {}
    facts += [f"Audit: {audit['verdict']}"] if audit else []
    if audit.get("leakage") and audit.get("leakage_allowed"):
        facts.append(
            "Training on data that leaks was explicitly allowed for this run (allow_leakage): "
            "figures on a split that shares cases with train are too good."
        )
    elif audit.get("leakage") and audit.get("official_splits"):
        facts.append(
            "The official splits of this set share cases, so figures on a split that shares cases "
            "with train may be too good. They are kept as published, to be comparable."
        )
    counts = data.get("counts") or {
        name: split["class_counts"] for name, split in metrics["splits"].items()
    }
    listings = (
        (Listing("The whole audit of the splits", "\n".join(audit["lines"]), folded=True),)
        if audit.get("lines")
        else ()
    )
    return {"facts": tuple(facts), "tables": (counts_table(counts),), "listings": listings}


def _training(folder: Path) -> dict[str, Any]:
    config = read_record(folder / "config.json")
    with parts_of(folder / "config.json"):
        network = _network(config)
    return _of(folder / "run.json", partial(_run_facts, network=network))


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
                f"seed {run['seed']} on {run['device']}, "
                f"{run['threads']} threads{best}{stopped}{resumed}"
            ),
            f"started {run['started']}, ended {run.get('ended', 'not yet')} (UTC)",
        )
    }


def _network(config: Mapping[str, Any]) -> str:
    """Return the network of a config in one line, with what its arguments refer to; "" where it
    says none.
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
        "; features computed once, so without augmentation" if config.get("cache_features") else ""
    )
    return (
        f"network: {definition['_target_'].rpartition('.')[2]}, "
        f"{', '.join(f'{name} {json.dumps(value)}' for name, value in stated.items())}{cached}"
    )


def _saliency(found: Mapping[str, Any]) -> dict[str, Any]:
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
        "Cases in the figure, in its order, and those that the check averages over as well.",
        ("id", "true class", "map for the class", "score", "decision"),
        rows,
    )
    return {"texts": tuple(found["lines"]), "tables": (table,)}


def _repeat(folder: Path) -> dict[str, Any]:
    found = [
        _of(folder / "evaluation.json", _evaluated),
        _of(folder / "test_opened.json", _opened),
        _of(
            folder / "config.json",
            partial(_as_run, evaluated=(folder / "evaluate_config.json").is_file()),
        ),
    ]
    return {
        name: tuple(one for part in found for one in part.get(name, ()))
        for name in ("facts", "listings")
    }


def _evaluated(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    facts = []
    listings = []
    if evaluation:
        tables = evaluation["tables"]
        files = " ".join(
            f"--{name} {one['file']}" if name != "test" else one["file"]
            for name, one in tables.items()
        )
        facts += [
            f"{name} table {one['file']}: SHA-256 {one['sha256']}" for name, one in tables.items()
        ]
        facts.append(
            "Evaluated with "
            + ", ".join(f"{name} {version}" for name, version in evaluation["versions"].items())
        )
        listings.append(
            Listing(
                "The evaluation",
                f"python -m medmonai evaluate {files} --rule {evaluation['rule']} "
                f"--confidence {evaluation['confidence']} --seed {evaluation['seed']} --output NEW",
            )
        )
    return {"facts": facts, "listings": listings}


def _opened(opened: Mapping[str, Any]) -> dict[str, Any]:
    facts = []
    if opened:
        versions = ", ".join(f"{name} {version}" for name, version in opened["versions"].items())
        facts += [
            f"Versions: {versions}",
            f"Revision of the code: {opened['git_revision']}",
            f"The test split was opened on {opened['opened']} (UTC) with the checkpoint of SHA-256 "
            f"{opened['checkpoint_sha256']}.",
        ]
    return {"facts": facts}


def _as_run(config: Mapping[str, Any], *, evaluated: bool) -> dict[str, Any]:
    listings = []
    if config:
        shown = _without_folders({**config, **{name: "..." for name in _PLACES if name in config}})
        commands = ["python -m monai.bundle run --config_file RUN/config.json --output_dir NEW"]
        if evaluated:
            commands.append(
                "python -m monai.bundle run --config_file RUN/evaluate_config.json --output_dir NEW"
            )
        listings += [
            Listing(
                "Commands that repeat the run (RUN: this folder; NEW: an empty one)",
                "\n".join(commands),
            ),
            Listing("The whole config, as run", json.dumps(shown, indent=2), folded=True),
        ]
    return {"listings": listings}


def _without_folders(content: Any) -> Any:
    """Return a config in which a path of this machine is only its last part: a table of splits, a
    cache, weights.
    """
    if isinstance(content, Mapping):
        return {name: _without_folders(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_without_folders(value) for value in content]
    if isinstance(content, str):
        content = unescaped(content)
        path = next(
            (
                kind(content)
                for kind in (PurePosixPath, PureWindowsPath)
                if kind(content).is_absolute()
            ),
            None,
        )
        path = PurePosixPath(content) if content.startswith("~") else path
        return content if path is None else f".../{path.name}"
    return content
