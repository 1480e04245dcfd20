"""Where the configs of a bundle lie, and which of their ids say where things lie: what is known without MONAI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medmonai.nearest import nearest
from medmonai.shipped import shipped_bundle, shipped_bundles, short_name

TRAIN = ("train.json",)
EVALUATE = ("train.json", "evaluate.json")
# What may differ when a run is taken up again: where things lie and what they run on, not what is computed.
_PLACES = {"output_dir", "dataset_dir", "bundle_root", "cache_dir", "device", "run_name", "tracking_uri", "experiment_name",
           "save_execute_config", "is_not_rank0"}


def bundle_configs(bundle: str | Path) -> Path:
    """Return the configs folder of a bundle.

    Args:
        bundle: its folder, or the name of a bundle that comes with the package, with or without "_classification".

    Raises:
        FileNotFoundError: there is no such bundle; the nearest name is given.
    """
    folder = find_bundle(bundle)
    configs = folder / "configs"
    if (configs / "train.json").is_file():
        return configs
    beside = sorted(p.parent.parent.name for p in folder.parent.glob("*/configs/train.json")) if folder.parent.is_dir() else []
    known = {name: str(folder.parent / name) for name in beside}
    if len(folder.parts) == 1:
        known = {**{short_name(name): short_name(name) for name in shipped_bundles()}, **known}
    near = nearest(short_name(folder.name) if len(folder.parts) == 1 else folder.name, known, cutoff=0.3)
    otherwise = "name a folder that holds configs/train.json, or one of `medmonai bundles`."
    hint = f"did you mean {known[near]}?" if near else otherwise
    raise FileNotFoundError(f"no bundle at {folder}; {hint}")


def find_bundle(bundle: str | Path) -> Path:
    """Return the folder that is meant: a folder that exists, else a bundle of that name that comes with the package."""
    folder = Path(bundle)
    if len(folder.parts) == 1 and not (folder / "configs" / "train.json").is_file():
        return shipped_bundle(folder.name) or folder
    return folder


def without_places(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a config computes, without where its files lie and what it runs on."""
    return {name: value for name, value in config.items() if name not in _PLACES}
