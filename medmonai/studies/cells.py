"""Plan the cells of a study: every bundle x arm x grid point x seed x fold, each with the hash of
what defines it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai.bundle.reference_resolver import ReferenceResolver

from medmonai.baselines import FEATURES, estimator
from medmonai.bundle import EVALUATE, TRAIN, bundle_config, split_overrides
from medmonai.task import Task

from .cell import Cell
from .definition import Study
from .identity import DataHashes, cell_definition, code_version, digest


def plan_cells(
    study: Study, *, settings: Mapping[str, Any] | None = None, identify: bool = True
) -> list[Cell]:
    """Return the cells of a study, bundle by bundle and seed by seed, so that every arm has a first
    result early.

    Args:
        study: what the file says.
        settings: config ids for every cell, from the command line.
        identify: whether the cells get their keys, for which the data are read and the configs
            evaluated; False runs nothing of the study or the bundles.

    Raises:
        ValueError: an id that a bundle does not have, one that is set in two places, or two arms
            that are the same run.
        FileNotFoundError: a data set that is not available.
    """
    _check_settings(study, settings or {})
    hashes = DataHashes() if identify else None
    cells = []
    twins = {}
    for bundle in study.bundles:
        base = _layered(
            study.overrides, study.bundle_overrides.get(Path(bundle).name, {}), settings or {}
        )
        for seed in study.seeds:
            for arm in study.arms:
                for point in study.points(arm):
                    for fold in range(study.folds) if study.folds else (None,):
                        cell = _cell(
                            study, bundle, base, hashes, arm=arm, point=point, seed=seed, fold=fold
                        )
                        if identify and (bundle, cell.key) in twins:
                            raise ValueError(
                                f"{twins[bundle, cell.key].name} and {cell.name} are the same run: "
                                "their arms differ in nothing that this bundle computes; drop one "
                                "of them."
                            )
                        twins[bundle, cell.key] = cell
                        cells.append(cell)
    return cells


def _check_settings(study: Study, settings: Mapping[str, Any]) -> None:
    """Refuse ids that are the study's own, and those that would take from an arm or the grid what
    they are about.
    """
    for place, given in (
        ("the command line", settings),
        ("overrides", study.overrides),
        ("the grid", study.grid),
        *((f"bundle_overrides of {name}", some) for name, some in study.bundle_overrides.items()),
        *((f"arm {name!r}", some) for name, some in study.arms.items()),
    ):
        for name in ("seed", "output_dir"):
            if name in given:
                raise ValueError(f"{place}: {name} is given by the study itself; leave it out.")
    for arm, content in study.arms.items():
        for place, others in (("on the command line", settings), ("in the grid", study.grid)):
            twice = [
                name
                for name in content
                if any(_within(name, other) or _within(other, name) for other in others)
            ]
            if twice:
                raise ValueError(f"{twice[0]} is set by arm {arm!r} and {place}; keep one of them.")
    twice = [
        name
        for name in study.grid
        if any(_within(name, other) or _within(other, name) for other in settings)
    ]
    if twice:
        raise ValueError(
            f"{twice[0]} is set in the grid and on the command line; keep one of them."
        )


def _within(name: str, other: str) -> bool:
    """Whether an id is another one or lies in it."""
    name, other = (ReferenceResolver.normalize_id(one) for one in (name, other))
    return name == other or name.startswith(f"{other}{ReferenceResolver.sep}")


def _layered(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Put overrides over each other: a later one replaces what was said of its id, or of anything
    in it.
    """
    layered: dict[str, Any] = {}
    for layer in layers:
        layered = {
            name: value
            for name, value in layered.items()
            if not any(_within(name, other) for other in layer)
        } | dict(layer)
    return layered


def _estimator(arm: str, given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a scikit-learn baseline with its defaults spelled out.

    Raises:
        ValueError: an unknown estimator, kind of features, or parameter.
    """
    if given is None:
        return None
    stated = {"features": "pixels", "parameters": {}, **given}
    try:
        estimator(stated["name"], task=Task("binary", 2), **stated["parameters"])
        if stated["features"] not in FEATURES:
            raise ValueError(f"features={stated['features']!r}; use one of {', '.join(FEATURES)}.")
    except (ValueError, TypeError) as error:
        raise ValueError(f"arm {arm!r}: {error}") from None
    return stated


def _cell(
    study: Study,
    bundle: str,
    base: Mapping[str, Any],
    hashes: DataHashes | None,
    *,
    arm: str,
    point: Mapping[str, Any],
    seed: int,
    fold: int | None,
) -> Cell:
    content = dict(study.arms[arm])
    baseline = _estimator(arm, content.pop("estimator", None))
    overrides = _layered(base, content, point)
    overrides.update(_fold_overrides(bundle, overrides, folds=study.folds, fold=fold), seed=seed)
    split_overrides(bundle, overrides)
    if hashes is None:
        return Cell(bundle, arm, seed, point, fold, overrides, baseline)
    data = hashes.of(bundle, overrides)
    defined = cell_definition(bundle, overrides, data=data)
    if baseline is not None:
        rule = bundle_config(bundle, overrides, files=EVALUATE).get("operating_point_rule")
        defined = {
            "estimator": baseline,
            "rule": rule,
            "seed": seed,
            "data": data,
            "code": code_version(),
        }
    return Cell(bundle, arm, seed, point, fold, overrides, baseline, digest(defined), data)


def _fold_overrides(
    bundle: str, overrides: Mapping[str, Any], *, folds: int | None, fold: int | None
) -> dict[str, Any]:
    """Return overrides that divide a bundle's train and validation cases again."""
    if fold is None:
        return {}
    config = bundle_config(bundle, overrides, files=TRAIN)
    sources = [config["train"]["dataset"], config["validate"]["dataset"]]
    return {
        f"{section}#dataset": {
            "_target_": "medmonai.data.cross_validation_cohort",
            "cohorts": sources,
            "folds": folds,
            "fold": fold,
            "part": part,
            "seed": 0,
        }
        for section, part in (("train", "train"), ("validate", "validation"))
    }
