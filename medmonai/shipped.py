"""The bundles and studies shipped with the package, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# In a checkout they are next to the package; a wheel contains them (setup.py).
_BESIDE = Path(__file__).resolve().parents[1]
_INSIDE = Path(__file__).resolve().parent / "share"
_SUFFIX = "_classification"


def shipped_folder() -> Path:
    """Return the folder with bundles/ and scripts/ablations/: the checkout or the wheel."""
    return _BESIDE if (_BESIDE / "bundles" / "recipes.json").is_file() else _INSIDE


def shipped_bundles() -> dict[str, Path]:
    """Return name -> folder of the shipped bundles, in the order of their recipes.

    Example:
        >>> list(shipped_bundles())[0]
        'lesion_phantom_classification'
    """
    folder = shipped_folder() / "bundles"
    return {name: folder / name for name in _recipes() if (folder / name).is_dir()}


def shipped_bundle(name: str) -> Path | None:
    """Return the folder of a shipped bundle, given its name with or without "_classification"; None
    if there is none.

    Example:
        >>> shipped_bundle("pneumoniamnist").name
        'pneumoniamnist_classification'
    """
    known = shipped_bundles()
    return known.get(name) or known.get(f"{name}{_SUFFIX}")


def short_name(name: str) -> str:
    """Return the short name of a bundle: without "_classification"."""
    return name.removesuffix(_SUFFIX)


def shipped_studies() -> dict[str, Path]:
    """Return name -> file of the shipped studies.

    Example:
        >>> "augmentation" in shipped_studies()
        True
    """
    return {
        path.stem: path
        for path in sorted((shipped_folder() / "scripts" / "ablations").glob("*.json"))
    }


def bundle_lines() -> list[str]:
    """Return one line per bundle: the name for `medmonai run`, its title and what it needs.

    Example:
        >>> bundle_lines()[0]
        'lesion_phantom          Lesion phantom, 2D; generates its own images'
    """
    needs = {
        "phantom": "generates its own images",
        "medmnist": "MedMNIST file, downloaded or in --dataset_dir",
        "listing": "your copy of the images, --dataset_dir DIR",
    }
    recipes = {short_name(name): recipe for name, recipe in _recipes().items()}
    width = max(map(len, recipes), default=0)
    return [
        (
            f"{name:{width}}  {recipe['title']}; "
            f"{next(said for kind, said in needs.items() if kind in recipe['dataset'])}"
        )
        for name, recipe in recipes.items()
    ]


def _recipes() -> dict[str, Any]:
    path = shipped_folder() / "bundles" / "recipes.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
