"""`medmonai fit`: look, plan, train every member, and say how good the result is."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.atomic_files import write_json
from medmonai.bundle import run_bundle
from medmonai.claims import claim
from medmonai.data import write_splits
from medmonai.data.case_files import channel_files
from medmonai.data.splits import splits_text
from medmonai.deployment import CARD, write_model_card
from medmonai.engines import release_freed_memory
from medmonai.predictions import Predictions, read_predictions
from medmonai.report import write_report
from medmonai.run_files import parts_of, read_record

from .circumstances import circumstances
from .covariates import COVARIATES, covariate_names
from .division import Division, divided
from .edited_plan import remove_leftovers, with_edited_recipe, with_recipe
from .examination import examined
from .fit_baselines import train_baselines
from .fit_results import BASELINE, NETWORK, write_fit
from .frozen_baseline import FROZEN
from .images_alone import IMAGES, train_on_images
from .look import Look, look
from .network_rules import AskedNetwork
from .plan import Plan, make_plan, write_choices, write_planned_bundle
from .recipe_source import data_overrides
from .wording import about_minutes, table_lines

_MOST_SEED = 2**31  # torch, NumPy and scikit-learn all take those below it
_PLAN_FILES = {"plan.md", "recipe.json"}


def fit_source(
    source: str,
    options: Mapping[str, Any] | None = None,
    *,
    output: str | Path,
    minutes: float | None = None,
    plan_only: bool = False,
    seed: int = 1,
    network: str = "",
    weights: str = "",
) -> Path:
    """Train a classifier of somebody's images: look at them, plan every choice, train, evaluate.

    The folder holds plan.md and recipe.json (what was chosen and why), model/ (a MONAI bundle with
    the weights of all members), members/ (a run folder each), predictions_test.csv, metrics.json,
    comparison.csv (against a random forest on texture features, trained on the same cases) and
    report.html. The same command resumes; a finished fit stays as it is.

    Args:
        source: a folder of class folders, a table of images, an npz file, or a MedMNIST name.
        options: options of the source, see `medmonai.data.describe.open_source`.
        output: the folder.
        minutes: what the fit may take on this machine; None for as long as the rules say.
        plan_only: stop after the plan.
        seed: seed of the division, of the members (seed, seed + 1, ...) and of the baseline.
        network: one by name instead of the rule's, see `AskedNetwork`.
        weights: what its training starts from; "" for random weights.

    Returns:
        The folder.

    Raises:
        FileExistsError: a folder that holds something else.
        FileNotFoundError: no such source.
        ValueError: data that are refused, too few cases, no plan within the minutes, a folder
            inside the source, or one that holds the fit of another source or is in use.
    """
    folder = Path(output).expanduser()
    _check_folder(folder, source)
    _check_numbers(minutes, seed)
    asked = AskedNetwork(network, weights)
    seen = look(source, dict(options or {}))
    folder.mkdir(parents=True, exist_ok=True)
    with claim(folder):
        remove_leftovers(folder)
        division = _planned(seen, folder, minutes=minutes, seed=seed, network=asked)
        if plan_only:
            return folder
        if not (folder / "metrics.json").is_file():
            _train(seen, division, folder, seed=seed)
        metrics = read_record(folder / "metrics.json")
        if not (folder / "model" / CARD).is_file():
            write_model_card(folder)
        if not (folder / "report.html").is_file():
            write_report([folder])
    for line in (metrics.get("verdict"), metrics.get("diagnosis", {}).get("text")):
        if line:
            print(line)
    print(f"report: {folder / 'report.html'}")
    return folder


def _check_folder(folder: Path, source: str) -> None:
    images = Path(source).expanduser()
    if images.is_dir() and folder.resolve().is_relative_to(images.resolve()):
        raise ValueError(
            f"--output {folder} lies inside {source}: its figures would be images of the next fit; "
            "choose a folder elsewhere."
        )
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file; name a folder with --output.")
    if folder.is_dir() and not (folder / "fit.json").is_file():
        others = sorted({path.name for path in folder.iterdir()} - _PLAN_FILES)
        if [name for name in others if not name.startswith(".")]:
            raise FileExistsError(
                f"{folder} holds {others[0]} and no fit; choose another --output."
            )


def _check_numbers(minutes: float | None, seed: int) -> None:
    if minutes is not None and not minutes > 0:
        raise ValueError(f"minutes={minutes}; more than 0 are needed, or leave it out.")
    if not 0 <= seed < _MOST_SEED:
        raise ValueError(f"seed={seed}; 0 to {_MOST_SEED - 1} is needed.")


def _planned(
    seen: Look, folder: Path, *, minutes: float | None, seed: int, network: AskedNetwork
) -> Division:
    """Write the plan into the folder and return its division; a plan that is there stays, as its
    members were trained by it.
    """
    path = Path(seen.source).expanduser()
    asked = {
        "source": str(path.resolve()) if path.exists() else seen.source,
        "options": {**seen.options, **seen.decoding},
        "minutes": minutes,
        "seed": seed,
        **asdict(network),
    }
    asked = json.loads(json.dumps(asked))
    cases = _digest(seen)
    stored = read_record(folder / "fit.json")
    if stored:
        with parts_of(folder / "fit.json"):
            asked_before = stored["asked"]
            cases_before = stored["cases"]
        if asked_before != asked:
            raise ValueError(
                f"{folder} holds the fit of {asked_before.get('source')} with other options "
                f"({_differences(asked_before, asked)}); repeat them, or choose another --output."
            )
        if cases_before != cases:
            raise ValueError(
                f"{seen.source} holds other cases, labels or patients than when {folder} was "
                "planned; choose another --output."
            )
        stored = with_edited_recipe(stored, folder)
        done = (folder / "metrics.json").is_file()
        print(f"{folder} holds this plan (plan.md){', trained and evaluated' * done}.")
    else:
        seen = examined(seen)
        print(*table_lines(seen.lines()), sep="\n")
        plan = make_plan(seen, minutes=minutes, seed=seed, network=network)
        print("", *plan.lines(), sep="\n")
        write_choices(plan, folder)
        stored = with_recipe(_record(plan, asked=asked, cases=cases), folder)
        write_json(stored, folder / "fit.json")
    with parts_of(folder / "fit.json"):
        division = Division(**stored["division"])
        name = stored["name"]
    if not (folder / "model").is_dir():
        write_planned_bundle(name, folder)
    _write_divisions(seen, division, folder)
    return division


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return what was asked before and is asked otherwise now, as it is typed."""
    flat = [{**one.get("options", {}), **one} for one in (before, now)]
    names = sorted((flat[0].keys() | flat[1].keys()) - {"options"})
    return "; ".join(
        f"--{name} {flat[0].get(name)} then, {flat[1].get(name)} now"
        for name in names
        if flat[0].get(name) != flat[1].get(name)
    ).replace("--source ", "source ")


def _record(plan: Plan, *, asked: Mapping[str, Any], cases: str) -> dict[str, Any]:
    """Return what fit.json holds: what was asked, what was chosen, and a digest of the cases."""
    return {
        "asked": asked,
        "cases": cases,
        "name": plan.name,
        "title": plan.recipe["title"],
        "division": asdict(plan.division),
        "overrides": plan.overrides,
        "choices": [astuple(choice) for choice in plan.choices],
        "forecast": plan.cost.line(),
    }


def _digest(seen: Look) -> str:
    """Return a digest of the ids, labels, patients, given splits and covariates of a source of
    files, and of the names of all files of a case; "" of a set whose file is checked by itself.
    """
    if seen.listing is None:
        return ""
    with_splits = seen.listing
    if with_splits.splits is None:
        with_splits = replace(with_splits, splits=np.full(len(with_splits), "train"))
    text = splits_text(with_splits)
    for case in seen.listing.files if seen.listing.modalities else ():
        text += " ".join("-" if file is None else file.name for file in channel_files(case)) + "\n"
    for name in covariate_names(seen):
        text += "\0".join([name, *with_splits.metadata[name].tolist()])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _write_divisions(seen: Look, division: Division, folder: Path) -> None:
    """Write the splits of each member, unless they are there."""
    if seen.listing is None:
        return
    (folder / "splits").mkdir(exist_ok=True)
    paths = [folder / "splits" / f"member_{member}.csv" for member in range(division.members)]
    if all(path.is_file() for path in paths):
        return
    units = (seen if seen.checks else examined(seen)).units
    for member, path in enumerate(paths):
        if not path.is_file():
            write_splits(divided(seen.listing, division, member, units=units), path)


def _train(seen: Look, division: Division, folder: Path, *, seed: int) -> None:
    tables = []
    begun = time.monotonic()
    for member in range(division.members):
        tables.append(_trained(seen, folder, member, seed=seed))
        left = (time.monotonic() - begun) / (member + 1) * (division.members - member - 1)
        print(f"member {member + 1} of {division.members}; {about_minutes(left / 60)} left")
    write_fit(
        folder,
        tables,
        division,
        overrides=_overrides(seen, folder, 0, seed=seed),
        seen=seen,
        known=circumstances(seen, division, read_record(folder / "recipe.json")),
    )


def _overrides(seen: Look, folder: Path, member: int, *, seed: int) -> dict[str, Any]:
    with parts_of(folder / "fit.json"):
        planned = read_record(folder / "fit.json")["overrides"]
    chosen = {"seed": seed + member, **data_overrides(seen), **planned}
    if seen.listing is not None:
        chosen["splits_file"] = str((folder / "splits" / f"member_{member}.csv").resolve())
    return chosen


def _trained(
    seen: Look, folder: Path, member: int, *, seed: int
) -> dict[str, tuple[Predictions, Predictions]]:
    """Train a member and its baselines; return the (validation, test) tables of each."""
    run = folder / "members" / str(member)
    overrides = _overrides(seen, folder, member, seed=seed)
    run_bundle(folder / "model", output_dir=run, overrides=overrides)
    release_freed_memory()
    named = {NETWORK: "predictions", BASELINE: "baseline"}
    if (run / "models" / "covariates.json").is_file():
        named[COVARIATES] = "baseline_covariates"
    if overrides.get("pretrained"):
        named[FROZEN] = "baseline_frozen"
    files = {
        name: [run / f"{stem}_{split}.csv" for split in ("val", "test")]
        for name, stem in named.items()
    }
    train_baselines(folder / "model", files, overrides=overrides, seed=seed, jobs=seen.cores)
    if COVARIATES in named:
        files[IMAGES] = train_on_images(folder, member, overrides)
    tables = {
        name: [read_predictions(file, task=seen.task) for file in paths]
        for name, paths in files.items()
    }
    return {name: (validation, test) for name, (validation, test) in tables.items()}
