"""Small files of MedMNIST's layout, and their MD5."""

from __future__ import annotations

import hashlib

import numpy as np

from medmonai.data import dataset_info

ROWS = {"train": 7, "val": 3, "test": 4}


def write_set(folder, name, *, size=28, rows=ROWS, **changes):
    """Write a small file of MedMNIST's layout; `changes` replaces arrays, None leaves one out."""
    info = dataset_info(name)
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in rows.items():
        shape = (n, *[size] * info.spatial_dims, *([3] if info.in_channels == 3 else []))
        arrays[f"{split}_images"] = rng.integers(0, 256, shape, dtype=np.uint8)
        wide = info.task.num_classes if info.task.kind == "multilabel" else 1
        top = 2 if info.task.kind == "multilabel" else info.task.num_classes
        arrays[f"{split}_labels"] = rng.integers(0, top, (n, wide)).astype(np.uint8)
    arrays.update(changes)
    path = folder / info.file(size).name
    np.savez_compressed(path, **{k: v for k, v in arrays.items() if v is not None})
    return path, arrays


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()
