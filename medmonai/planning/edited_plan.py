"""A plan that a person edited before the training, and what a killed fit left half-written."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medmonai.atomic_files import remove_abandoned, write_json
from medmonai.run_files import parts_of

from .images_alone import IMAGES_FOLDER


def with_recipe(stored: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return fit.json with a digest of the recipe from which model/ is written."""
    recipe = hashlib.sha256((folder / "recipe.json").read_bytes()).hexdigest()
    return {**stored, "recipe": recipe}


def with_edited_recipe(stored: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Return fit.json for recipe.json as it is now; where a person has edited it since, model/ is
    removed to be written again.

    Raises:
        ValueError: it was edited after the training had begun.
    """
    now = with_recipe(stored, folder)
    with parts_of(folder / "fit.json"):
        if stored["recipe"] == now["recipe"]:
            return stored
    path = folder / "recipe.json"
    if (folder / "members").exists():
        raise ValueError(
            f"{path} was edited after the training had begun; put it back, or copy it and plan in "
            "another --output."
        )
    print(f"{path} was edited; {folder / 'model'} is written again.")
    for written in (folder / "model", folder / IMAGES_FOLDER):
        if written.exists():
            shutil.rmtree(written)
    with (folder / "plan.md").open("a", encoding="utf-8") as file:
        file.write("\n`recipe.json` was edited after this plan was written.\n")
    write_json(now, folder / "fit.json")
    return now


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half-written; nobody else writes into a claimed folder."""
    for path in folder.glob(".model-*"):
        shutil.rmtree(path)
    models = (folder / "model", folder / IMAGES_FOLDER / "model")
    for place in (*models, *(model / "configs" for model in models), folder / "splits"):
        remove_abandoned(place)
