"""The network without the covariates, trained beside the one that sees them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medmonai.bundle import run_bundle, write_bundle
from medmonai.engines import release_freed_memory

IMAGES = "images alone"
IMAGES_FOLDER = "images_alone"


def sees_covariates(recipe: Mapping[str, Any]) -> bool:
    """Return whether the network of a recipe sees covariates."""
    return bool(recipe["dataset"].get("covariates"))


def write_images_bundle(name: str, recipe: Mapping[str, Any], folder: Path) -> None:
    """Write images_alone/model/: the bundle of a recipe without its covariates.

    Args:
        name: of the bundle, ending in "_classification".
        recipe: as `medmonai.bundle.read_recipe` returns it.
        folder: of the fit.
    """
    if (folder / IMAGES_FOLDER / "model").is_dir():
        return
    (folder / IMAGES_FOLDER).mkdir(exist_ok=True)
    dataset = {key: value for key, value in recipe["dataset"].items() if key != "covariates"}
    with tempfile.TemporaryDirectory(dir=folder, prefix=".model-") as place:
        written = write_bundle(name, {**recipe, "dataset": dataset}, place)
        written.rename(folder / IMAGES_FOLDER / "model")


def train_on_images(folder: Path, member: int, overrides: Mapping[str, Any]) -> list[Path]:
    """Train a member without covariates; return its predictions of validation and test.

    Args:
        folder: of the fit, with images_alone/model/.
        member: from 0.
        overrides: with which the bundle finds the cases of the member.
    """
    run = folder / IMAGES_FOLDER / str(member)
    run_bundle(folder / IMAGES_FOLDER / "model", output_dir=run, overrides=dict(overrides))
    release_freed_memory()
    return [run / f"predictions_{split}.csv" for split in ("val", "test")]
