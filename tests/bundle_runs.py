"""Small data sets in the layouts of the real ones, and settings that make a bundle's run a matter
of seconds.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from monai.bundle import ConfigWorkflow
from source_files import write_ham10000, write_histopathologic, write_kermany

from medmonai.data import dataset_info
from medmonai.task import Task

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
RECIPES = json.loads((BUNDLES / "recipes.json").read_text())
SPLITS = {"train": 48, "val": 20, "test": 24}
# Lists of expressions that MONAI's workflow runs: no person sets them.
STEPS = {"imports", "initialize", "run", "finalize"}
# Nothing but batch norm's statistics moves, so that validation soon stands still.
STILL = {
    "learning_rate": 1e-30,
    "average_decay": 0.0,
    "max_epochs": 40,
    "warmup_epochs": 40,
    "patience": 3,
}


def is_plain(value: Any) -> bool:
    """Whether a value of a config is one that a person sets: no component, reference, macro or
    expression.
    """
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return not isinstance(value, dict) and not (
        isinstance(value, str) and value.startswith(("$", "@", "%"))
    )


def write_medmnist(
    folder: Path,
    name: str,
    shape: tuple[int, ...],
    *,
    size: dict[str, int] | None = None,
    leak: int = 0,
) -> Path:
    """Write a file of MedMNIST's layout, with a square whose brightness grows with the label:
    something to learn.

    The first `leak` images of test are those of train.
    """
    rng, info = np.random.default_rng(0), dataset_info(name)
    arrays = {}
    for split, n in (size or SPLITS).items():
        images = rng.integers(
            0, 120, (n, *shape, *([3] if info.in_channels == 3 else [])), dtype=np.uint8
        )
        labels = _labels(info.task, n)
        middle = tuple(slice(s // 3, 2 * s // 3) for s in shape)
        for image, label in zip(images, labels[:, 0]):
            image[middle] += np.uint8(100 * int(label) // max(1, int(labels.max())))
        arrays |= {f"{split}_images": images, f"{split}_labels": labels}
    arrays["test_images"][:leak], arrays["test_labels"][:leak] = (
        arrays["train_images"][:leak],
        arrays["train_labels"][:leak],
    )
    np.savez_compressed(folder / f"{name}.npz", **arrays)
    return folder


def _labels(task: Task, n: int) -> np.ndarray:
    """Labels (N, 1), or (N, L) of a multilabel task, in which every class occurs; a third of a
    binary task is positive.
    """
    if task.kind == "multilabel":
        return ((np.arange(n)[:, None] + np.arange(task.num_classes)) % 3 == 0).astype(np.uint8)
    return (
        (np.arange(n) % 3 == 0) if task.kind == "binary" else np.arange(n) % task.num_classes
    ).astype(np.uint8)[:, None]


def write_sources(folder: Path) -> Path:
    """Write a small set for every shipped bundle that does not draw its own: MedMNIST files, class
    folders, tables.
    """
    for recipe in RECIPES.values():
        if "medmnist" in recipe["dataset"]:
            info = dataset_info(recipe["dataset"]["medmnist"])
            write_medmnist(folder, info.name, (28,) * info.spatial_dims)
    counts = {
        split: {"NORMAL": normal, "PNEUMONIA": pneumonia}
        for split, normal, pneumonia in (("train", 30, 40), ("val", 8, 8), ("test", 10, 14))
    }
    write_kermany(folder / "chest_xray", counts)
    write_ham10000(folder / "ham10000", rows=210)
    write_histopathologic(folder / "histopathologic_cancer", rows=80)
    return folder


def thin(name: str) -> dict:
    """Overrides that make a bundle's network thin."""
    recipe = RECIPES[name]
    if recipe.get("transfer"):
        thin = {"network_def::backbone": "resnet10", "network_def::hidden": [8]}
        return thin | ({"network_def::pool_size": 1} if "pool_size" in recipe["network"] else {})
    return (
        {"network_def::channels": [4, 4, 4]}
        if "channels" in recipe["network"]
        else {"network_def::width": 4}
    )


def of_inference(overrides: dict) -> dict:
    """The same overrides for inference.json, whose `network_def` holds the trained network."""
    return {
        key.replace("network_def::", "network_def::network::"): value
        for key, value in overrides.items()
    }


def small(name: str, sources: Path, output_dir: Path, *, evaluate: bool = False) -> dict:
    """Overrides that make a shipped bundle small: few cases, a thin network, two epochs."""
    overrides = {
        "output_dir": str(output_dir),
        "max_epochs": 2,
        "batch_size": 16,
        "seed": 1,
        **thin(name),
    }
    recipe = RECIPES[name]
    if "phantom" in name:
        splits = ["validate", *(["test"] if evaluate else [])]
        overrides |= {"train_cases": 48, "spatial_size": [12, 12, 12] if "3d" in name else [12, 12]}
        overrides |= {f"{split}::dataset::num_cases": 48 for split in splits}
    elif "medmnist" in recipe["dataset"]:
        overrides |= {"dataset_dir": str(sources), "verify_checksum": False}
    else:
        folder = sources / recipe["dataset"]["listing"]["name"]
        overrides |= {"dataset_dir": str(folder), "pretrained": False, "spatial_size": [32, 32]}
        if "target" in recipe["balance"]:
            overrides["train::balance::target"] = 10
        if "enlarge" in recipe:
            overrides["enlarged_size"] = [48, 48]
    return overrides


def as_trained(name: str, output_dir: Path) -> dict:
    """Overrides with which inference takes the checkpoint of a run of `small`."""
    size = json.loads((output_dir / "run.json").read_text())["spatial_size"]
    enlarged = {"enlarged_size": [48, 48]} if "enlarge" in RECIPES[name] else {}
    return {
        **of_inference(thin(name)),
        "spatial_size": size,
        **enlarged,
        "ckpt_path": str(output_dir / "models" / "model.pt"),
    }


def workflow(name: str, *files: str, workflow_type: str = "train", **overrides) -> ConfigWorkflow:
    # an absolute file stays as it is
    configs = [str(BUNDLES / name / "configs" / file) for file in files]
    return ConfigWorkflow(configs, workflow_type=workflow_type, **overrides)


def run(name: str, *files: str, workflow_type: str = "train", **overrides) -> list:
    flow = workflow(name, *files, workflow_type=workflow_type, **overrides)
    flow.initialize()
    result = flow.run()
    flow.finalize()
    return result


def history(folder):
    with (folder / "history.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
