"""Where the configs of a bundle are, and which ids are places: what is known without importing
MONAI.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medmonai.nearest import nearest
from medmonai.shipped import shipped_bundle, shipped_bundles, short_name

TRAIN = ("train.json",)
EVALUATE = ("train.json", "evaluate.json")
# What may differ when a run resumes: places and devices, not what is computed.
_PLACES = {
    "output_dir",
    "dataset_dir",
    "bundle_root",
    "cache_dir",
    "device",
    "run_name",
    "tracking_uri",
    "experiment_name",
    "save_execute_config",
    "is_not_rank0",
}


def bundle_configs(bundle: str | Path) -> Path:
    """Return the configs folder of a bundle.

    Args:
        bundle: its folder, or the name of a bundle that comes with the package, with or without
            "_classification".

    Raises:
        FileNotFoundError: there is no such bundle; the message gives the nearest name.
    """
    folder = find_bundle(bundle)
    configs = folder / "configs"
    if (configs / "train.json").is_file():
        return configs
    beside = (
        sorted(p.parent.parent.name for p in folder.parent.glob("*/configs/train.json"))
        if folder.parent.is_dir()
        else []
    )
    known = {name: str(folder.parent / name) for name in beside}
    if len(folder.parts) == 1:
        known = {**{short_name(name): short_name(name) for name in shipped_bundles()}, **known}
    near = nearest(
        short_name(folder.name) if len(folder.parts) == 1 else folder.name, known, cutoff=0.3
    )
    otherwise = "name a folder that holds configs/train.json, or one of `medmonai bundles`."
    hint = f"did you mean {known[near]}?" if near else otherwise
    raise FileNotFoundError(f"no bundle at {folder}; {hint}")


def find_bundle(bundle: str | Path) -> Path:
    """Return a folder that exists, else the shipped bundle of that name."""
    folder = Path(bundle)
    if len(folder.parts) == 1 and not (folder / "configs" / "train.json").is_file():
        return shipped_bundle(folder.name) or folder
    return folder


def without_places(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config without its places and its device: what it computes."""
    return {name: value for name, value in config.items() if name not in _PLACES}
