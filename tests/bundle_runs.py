"""Small data sets in MedMNIST's layout and settings that make a bundle's run a matter of seconds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from monai.bundle import ConfigWorkflow

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
RECIPES = json.loads((BUNDLES / "recipes.json").read_text())
SPLITS = {"train": 48, "val": 20, "test": 24}


def write_medmnist(
    folder: Path, name: str, shape: tuple[int, ...], *, size: dict[str, int] | None = None, leak: int = 0
) -> Path:
    """Write a file of MedMNIST's layout, with bright squares in the positives so that there is something to learn.

    The first `leak` images of test are those of train.
    """
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (size or SPLITS).items():
        images = rng.integers(0, 120, (n, *shape), dtype=np.uint8)
        labels = (np.arange(n) % 3 == 0).astype(np.uint8)[:, None]
        middle = tuple(slice(s // 3, 2 * s // 3) for s in shape)
        for image, label in zip(images, labels[:, 0]):
            image[middle] += np.uint8(100 * label)
        arrays |= {f"{split}_images": images, f"{split}_labels": labels}
    arrays["test_images"][:leak], arrays["test_labels"][:leak] = arrays["train_images"][:leak], arrays["train_labels"][:leak]
    np.savez_compressed(folder / f"{name}.npz", **arrays)
    return folder


def small(name: str, medmnist_dir: Path, output_dir: Path, *, evaluate: bool = False) -> dict:
    """Overrides that make a shipped bundle small: few cases, a thin network, two epochs."""
    overrides = {"output_dir": str(output_dir), "max_epochs": 2, "batch_size": 16, "network_def::width": 4, "seed": 1}
    if "phantom" in name:
        splits = ["validate", *(["test"] if evaluate else [])]
        overrides |= {"train_cases": 48, "spatial_size": [12, 12, 12] if "3d" in name else [12, 12]}
        overrides |= {f"{split}::dataset::num_cases": 48 for split in splits}
    else:
        overrides |= {"dataset_dir": str(medmnist_dir), "verify_checksum": False}
    return overrides


def workflow(name: str, *files: str, workflow_type: str = "train", **overrides) -> ConfigWorkflow:
    configs = [str(BUNDLES / name / "configs" / file) for file in files]  # an absolute file stays as it is
    return ConfigWorkflow(configs, workflow_type=workflow_type, **overrides)


def run(name: str, *files: str, workflow_type: str = "train", **overrides) -> list:
    flow = workflow(name, *files, workflow_type=workflow_type, **overrides)
    flow.initialize()
    result = flow.run()
    flow.finalize()
    return result
