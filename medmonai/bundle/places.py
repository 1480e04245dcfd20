"""Where the configs of a bundle lie, and which of their ids say where things lie: what is known without MONAI."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TRAIN = ("train.json",)
EVALUATE = ("train.json", "evaluate.json")
# What may differ when a run is taken up again: where things lie and what they run on, not what is computed.
_PLACES = {"output_dir", "dataset_dir", "bundle_root", "cache_dir", "device", "run_name", "tracking_uri", "experiment_name",
           "save_execute_config", "is_not_rank0"}


def bundle_configs(bundle: str | Path) -> Path:
    """Return the configs folder of a bundle.

    Raises:
        FileNotFoundError: there is no such bundle; the nearest one beside it is named.
    """
    folder = Path(bundle)
    configs = folder / "configs"
    if (configs / "train.json").is_file():
        return configs
    beside = sorted(p.parent.parent.name for p in folder.parent.glob("*/configs/train.json")) if folder.parent.is_dir() else []
    near = difflib.get_close_matches(folder.name, beside, n=1, cutoff=0.3)
    hint = f"did you mean {folder.parent / near[0]}?" if near else "name a folder that holds configs/train.json."
    raise FileNotFoundError(f"no bundle at {folder}; {hint}")


def without_places(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a config computes, without where its files lie and what it runs on."""
    return {name: value for name, value in config.items() if name not in _PLACES}
