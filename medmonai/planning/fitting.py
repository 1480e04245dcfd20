"""`medmonai fit`: look, plan, train every member, and say how good the result is."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.atomic_files import write_json
from medmonai.baselines import train_baseline
from medmonai.bundle import bundle_cohorts, run_bundle
from medmonai.data import write_splits
from medmonai.deployment import Familiar
from medmonai.engines import load_checkpoint, save_atomically
from medmonai.metrics import (
    Comparison,
    choose_operating_point,
    compare_tables,
    fit_temperature,
)
from medmonai.networks import ensemble_state
from medmonai.predictions import Predictions, read_predictions, write_predictions
from medmonai.report import evaluate_files, write_comparison, write_report
from medmonai.run_files import parts_of, read_record

from .division import Division, divided
from .look import Look, look
from .plan import make_plan, write_planned_bundle
from .pooling import joined, pooled
from .recipe_source import dataset_dir

logger = logging.getLogger("medmonai.planning")
_BASELINE = "random forest on texture"
_NETWORK = "network"
_LOOKED_AT = 5000  # cases of a split whose grey values are noted


def fit_source(
    source: str,
    options: Mapping[str, Any] | None = None,
    *,
    output: str | Path,
    minutes: float | None = None,
    plan_only: bool = False,
    seed: int = 1,
) -> Path:
    """Train a classifier of somebody's images: look at them, plan every choice, train, evaluate.

    The folder holds plan.md and recipe.json (what was chosen and why), model/ (a MONAI bundle with
    the weights of all members), members/ (a run folder each), predictions_test.csv,
    predictions_val.csv, metrics.json, comparison.csv (against a random forest on texture features
    that was trained on the same cases) and report.html. The same command resumes.

    Args:
        source: a folder of class folders, a table of images, or a MedMNIST name.
        options: of the source, see `medmonai.data.describe.open_source`.
        output: the folder.
        minutes: what the fit may take on this machine; None for as long as the rules say.
        plan_only: stop after the plan.
        seed: of the division, of the members (seed, seed + 1, ...) and of the baseline.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: no such source.
        ValueError: data that are refused, too few cases, no plan within the minutes, or a folder
            that holds the fit of another source.
    """
    folder = Path(output)
    seen = look(source, dict(options or {}))
    division = _planned(seen, folder, minutes=minutes, seed=seed)
    if plan_only:
        return folder
    tables = []
    begun = time.monotonic()
    for member in range(division.members):
        tables.append(_trained(seen, folder, member, seed=seed))
        left = (time.monotonic() - begun) / (member + 1) * (division.members - member - 1)
        print(f"member {member + 1} of {division.members}; about {left / 60:.0f} minutes left")
    return _finished(seen, division, folder, tables)


def _planned(seen: Look, folder: Path, *, minutes: float | None, seed: int) -> Division:
    """Write the plan into the folder and return its division; a plan that is there stays, as its
    members were trained by it.
    """
    asked = {"source": seen.source, "options": seen.options, "minutes": minutes, "seed": seed}
    asked = json.loads(json.dumps(asked))
    before = read_record(folder / "fit.json")
    if before:
        with parts_of(folder / "fit.json"):
            if before["asked"] != asked:
                raise ValueError(
                    f"{folder} holds the fit of {before['asked']['source']} with other options; "
                    "choose another --output."
                )
            print(f"{folder} holds this plan (plan.md); its training resumes.")
            return Division(**before["division"])
    for line in seen.lines():
        print(line)
    plan = make_plan(seen, minutes=minutes)
    print("", *plan.lines(), sep="\n")
    write_planned_bundle(plan, folder)
    _write_divisions(seen, plan.division, folder)
    write_json({"asked": asked, "division": asdict(plan.division)}, folder / "fit.json")
    return plan.division


def _write_divisions(seen: Look, division: Division, folder: Path) -> None:
    if seen.listing is None:
        return
    (folder / "splits").mkdir(exist_ok=True)
    for member in range(division.members):
        listing = divided(seen.listing, division, member)
        write_splits(listing, folder / "splits" / f"member_{member}.csv", overwrite=True)


def _overrides(seen: Look, folder: Path, member: int, *, seed: int) -> dict[str, Any]:
    chosen: dict[str, Any] = {"seed": seed + member}
    where = dataset_dir(seen)
    if where is not None:
        chosen["dataset_dir"] = where
    if seen.listing is not None:
        chosen["splits_file"] = str((folder / "splits" / f"member_{member}.csv").resolve())
    return chosen


def _trained(
    seen: Look, folder: Path, member: int, *, seed: int
) -> dict[str, tuple[Predictions, Predictions]]:
    """Train a member and its baseline; return the (validation, test) tables of both."""
    run = folder / "members" / str(member)
    overrides = _overrides(seen, folder, member, seed=seed)
    run_bundle(folder / "model", output_dir=run, overrides=overrides)
    files = [run / f"baseline_{split}.csv" for split in ("val", "test")]
    if not all(file.is_file() for file in files):
        train, *others = bundle_cohorts(folder / "model", overrides)
        baseline = train_baseline(
            train,
            estimator="random_forest",
            features="intensity_texture",
            seed=seed,
            jobs=seen.cores,
        )
        for cohort, file in zip(others, files):
            write_predictions(baseline.predict(cohort), file, overwrite=True)
    network = [read_predictions(run / f"predictions_{split}.csv") for split in ("val", "test")]
    return {
        _NETWORK: (network[0], network[1]),
        _BASELINE: (read_predictions(files[0]), read_predictions(files[1])),
    }


def _finished(
    seen: Look,
    division: Division,
    folder: Path,
    tables: list[dict[str, tuple[Predictions, Predictions]]],
) -> Path:
    """Put the members joined: weights, predictions, evaluation, comparison, report."""
    _write_ensemble(division.members, folder)
    _write_familiar(seen, folder)
    pools = {
        name: pooled([member[name] for member in tables], division)
        for name in (_NETWORK, _BASELINE)
    }
    test, validation = pools[_NETWORK]
    write_predictions(test, folder / "predictions_test.csv", overwrite=True)
    rotated = division.kind == "rotation"
    if not rotated:
        write_predictions(validation, folder / "predictions_val.csv", overwrite=True)
    evaluate_files(
        folder / "predictions_test.csv",
        validation=None if rotated else folder / "predictions_val.csv",
        output=folder,
        overwrite=True,
    )
    # Every case of a rotation was scored by a member that had not seen it: these scores choose the
    # operating point and the temperature of the model, and the figures above do not use either.
    held_out = joined([member[_NETWORK][1] for member in tables]) if rotated else validation
    write_json(
        {
            "class_names": list(held_out.class_names),
            "operating_point": choose_operating_point(held_out).as_dict(),
            "temperature": fit_temperature(held_out).as_dict(),
        },
        folder / "model" / "models" / "decision.json",
    )
    comparisons = compare_tables(
        {_NETWORK: test, _BASELINE: pools[_BASELINE][0]}, against=_BASELINE
    )
    write_comparison(comparisons, folder, overwrite=True)
    write_report([folder])
    for line in (verdict(comparisons[0]), f"report: {folder / 'report.html'}"):
        print(line)
    return folder


def verdict(comparison: Comparison) -> str:
    """Return in a sentence whether the network is worth its training."""
    interval = f"{comparison.low:+.3f} to {comparison.high:+.3f}"
    said = f"AUC {comparison.difference:+.3f} ({interval}, n = {comparison.n})"
    if comparison.verdict == "better":
        return f"The network is better than a {_BASELINE}: {said}."
    if comparison.verdict == "worse":
        return f"The network is WORSE than a {_BASELINE}: {said}. Do not use it as it is."
    return (
        f"The network is not distinguishable from a {_BASELINE}: {said}. More cases, or another "
        "plan, would have to show that it is worth its training."
    )


def _write_ensemble(members: int, folder: Path) -> None:
    """Write the weights of all members as one network, and its inference.json."""
    states = [
        load_checkpoint(folder / "members" / str(member) / "models" / "model.pt")
        for member in range(members)
    ]
    save_atomically(ensemble_state(states), folder / "model" / "models" / "model.pt")
    path = folder / "model" / "configs" / "inference.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if config["network_def"]["_target_"] != "medmonai.networks.Ensemble":
        config["network_def"] = {
            "_target_": "medmonai.networks.Ensemble",
            "network": config["network_def"],
            "members": members,
        }
        write_json(config, path)


def _write_familiar(seen: Look, folder: Path) -> None:
    """Note what the training images look like, for the flags of `medmonai predict`."""
    overrides = _overrides(seen, folder, 0, seed=0)
    cohorts = [c for c in bundle_cohorts(folder / "model", overrides) if c.split != "test"]
    images = np.concatenate([np.asarray(cohort.images[:_LOOKED_AT]) for cohort in cohorts])
    sizes = [seen.size] if seen.sizes is None else seen.sizes
    Familiar.of(images, sizes).write(folder / "model" / "models" / "training_images.json")
