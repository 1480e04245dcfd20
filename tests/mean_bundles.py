"""Bundles with weights whose logits are linear in the mean gray value, and images to go with
them.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel
import numpy as np
import torch
from mean_models import OfMean
from PIL import Image

_MODULE = """
import torch


class OfMean(torch.nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.slopes = torch.nn.Parameter(torch.zeros(outputs))
        self.shifts = torch.nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x.flatten(1).mean(dim=1, keepdim=True) * self.slopes + self.shifts
"""


KINDS = {
    "binary": (("well", "sick"), (8.0,), (-4.0,)),
    "multiclass": (("a", "b", "c"), (-16.0, 0.0, 16.0), (8.0, 1.0, -8.0)),
    "ordinal": (("0", "1", "2"), (-16.0, 0.0, 16.0), (8.0, 1.0, -8.0)),
    "multilabel": (("x", "y"), (8.0, -8.0), (-4.0, 4.0)),
}


def write_mean_bundle(folder, kind="binary", *, slopes=(8.0,), shifts=(-4.0,), names, size=(8, 8)):
    """A bundle whose logits are slopes * mean + shifts, the mean between 0 and 1."""
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "mean_network.py").write_text(_MODULE)
    scaling = {"a_min": 0.0, "a_max": 255.0, "b_min": 0.0, "b_max": 1.0}
    config = {
        "imports": ["$import torch"],
        "class_names": list(names),
        "task": {"_target_": "medmonai.task.Task", "kind": kind, "num_classes": len(names)},
        "network": {"_target_": "mean_network.OfMean", "outputs": len(slopes)},
        "batch_preprocessing": {
            "_target_": "medmonai.transforms.BatchCompose",
            "transforms": [{"_target_": "medmonai.transforms.ScaleIntensityRange", **scaling}],
        },
        "inferer": {"_target_": "medmonai.engines.FlipAveragingInferer"},
        "batch_size": 64,
        "device": "$torch.device('cpu')",
        "dataset": {
            "form": {
                "spatial_size": list(size),
                "in_channels": 1,
                **({"intensity_range": [0, 255]} if len(size) == 3 else {}),
            }
        },
    }
    (folder / "configs" / "inference.json").write_text(json.dumps(config))
    torch.save(OfMean(slopes, shifts).state_dict(), folder / "models" / "model.pt")
    return folder


def write_site(folder, labels, means, *, groups=None, size=(8, 8), name="site.csv"):
    """A table of images whose mean gray values are those given, 0 to 1, to within half a level.

    Args:
        folder: where to.
        labels: (N,) names of classes, or label -> (N,) of 0 and 1.
        means: (N,) of the images.
        groups: (N,) patients.
        size: of the images; three numbers make NIfTI files.
        name: of the table.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stem = name.partition(".")[0]
    named = labels if isinstance(labels, dict) else {"dx": labels}
    with open(folder / name, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", *named, *(["patient"] if groups is not None else [])])
        rng = np.random.default_rng(len(means))
        for i, mean in enumerate(means):
            values = np.clip(np.rint(255 * mean) + rng.integers(-3, 4, size), 0, 255)
            if len(size) == 3:
                path = f"{stem}_{i:03d}.nii.gz"
                image = nibabel.Nifti1Image(values.astype(np.uint8), np.eye(4))
                nibabel.save(image, folder / path)
            else:
                path = f"{stem}_{i:03d}.png"
                Image.fromarray(values.astype(np.uint8)).save(folder / path)
            row = [column[i] for column in named.values()]
            writer.writerow([path, *row, *([groups[i]] if groups is not None else [])])
    return folder / name


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def site(folder, kind, *, n=120, size=(8, 8), darker=0.0, name="site.csv", seed=0):
    """Two images a patient, whose labels go by the brightness before they were darkened."""
    names = KINDS[kind][0]
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.2, 0.9, n)
    if kind == "binary":
        labels = [names[int(rng.random() < sigmoid(12 * (m - 0.5)))] for m in truth]
    elif kind == "multilabel":
        labels = {
            names[0]: [int(rng.random() < sigmoid(12 * (m - 0.5))) for m in truth],
            names[1]: [int(rng.random() < sigmoid(-12 * (m - 0.5))) for m in truth],
        }
    else:
        labels = [names[int(np.clip((m + rng.normal(0, 0.1)) * 3, 0, 2))] for m in truth]
    groups = [f"{name} patient {i // 2}" for i in range(n)]
    return write_site(folder, labels, truth - darker, groups=groups, size=size, name=name)


def bundle(folder, kind, *, size=(8, 8)):
    """The bundle of a kind of task whose labels go by the brightness."""
    names, slopes, shifts = KINDS[kind]
    return write_mean_bundle(folder, kind, slopes=slopes, shifts=shifts, names=names, size=size)
