"""Files in the layouts of real sources, at any size: class folders, HAM10000, histopathologic
cancer detection.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

# HAM10000's own counts
LESIONS = {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
HAM_COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")


def smooth_picture(rng, height, width, channels=1, dtype=np.uint8):
    """A picture that compresses as photographs do: broad structure and a little noise; (H, W) or
    (H, W, 3).
    """
    top = 255 if dtype == np.uint8 else 4095
    # fewer would make turned look-alikes
    coarse = rng.random((max(6, height // 32), max(6, width // 32), channels))
    planes = [
        np.array(
            Image.fromarray(coarse[..., c].astype(np.float32)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        )
        for c in range(channels)
    ]
    values = np.stack(planes, axis=-1) * top + rng.normal(0, top / 100, (height, width, channels))
    values = np.clip(values, 0, top).astype(dtype)
    return values[..., 0] if channels == 1 else values


def write_picture(path, array, **options):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def write_class_folders(
    root,
    counts,
    *,
    size=(40, 32),
    channels=1,
    suffix=".jpeg",
    split_names=("train", "val", "test"),
    patients=True,
    seed=0,
):
    """Write root/{split}/{CLASS}/* as the Kermany X-rays lie; counts: {"train": {"NORMAL": 3, ...},
    ...} or {CLASS: n}.

    Names are `person3_bacteria_1.jpeg`-like: two images a patient, patients numbered over the whole
    set.
    """
    rng, root, patient = np.random.default_rng(seed), Path(root), 0
    flat = not any(isinstance(value, dict) for value in counts.values())
    splits = (
        {"": counts}
        if flat
        else dict(zip(split_names, counts.values()))
        if len(counts) == 3
        else counts
    )
    for split, classes in splits.items():
        for c, (name, n) in enumerate(classes.items()):
            (root / split / name).mkdir(parents=True, exist_ok=True)
            for i in range(n):
                patient += i % 2 == 0
                stem = f"person{patient}_{name.strip().lower()}_{i}" if patients else f"IM-{i:04d}"
                image = smooth_picture(rng, *size, channels) // 2 + np.uint8(100 * c)
                write_picture(root / split / name / f"{stem}{suffix}", image)
    return root


def write_kermany(root, counts, *, size=(40, 32), seed=0):
    """Write root/{split}/{CLASS}/*.jpeg with the names of the Kermany X-rays; counts: {"train":
    {"NORMAL": 3, ...}, ...}.

    Person numbers are used again: person1_virus of test is not person1_bacteria of train. Two
    images a patient.
    """
    rng, root = np.random.default_rng(seed), Path(root)
    for (split, classes), kind, film in zip(
        counts.items(), ("bacteria", "bacteria", "virus"), ("IM", "NORMAL2-IM", "IM")
    ):
        for c, (name, n) in enumerate(classes.items()):
            for i in range(n):
                number = i // 2 + (
                    500 if split == "val" else 900 if (split, name) == ("test", "NORMAL") else 1
                )
                stem = (
                    f"{film}-{number:04d}-{i + 1:04d}"
                    if name == "NORMAL"
                    else f"person{number}_{kind}_{i + 1}"
                )
                image = smooth_picture(rng, *size) // 2 + np.uint8(100 * c)
                write_picture(root / split / name / f"{stem}.jpeg", image)
    return root


def write_ham10000(
    root,
    rows=70,
    *,
    images=None,
    size=(45, 60),
    folders=("HAM10000_images_part_1", "HAM10000_images_part_2"),
    seed=0,
):
    """Write HAM10000_metadata.csv and its jpgs in two folders; lesions have up to three images,
    some ages are missing.

    Args:
        root: folder to write to.
        rows: rows of the table; the real one has 10,015.
        images: how many of the first rows get an image; all if None.
        size: (H, W) of the images; the real ones have (450, 600).
        folders: where the images lie, half in each; the set as it is downloaded has these two.
        seed: of the pixels and columns.
    """
    rng, root = np.random.default_rng(seed), Path(root)
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
    classes = list(LESIONS)
    lesion = 0
    with open(root / "HAM10000_metadata.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HAM_COLUMNS)
        for i in range(rows):
            lesion += i % 3 != 1
            name, dx = f"ISIC_{24306 + i:07d}", classes[lesion % 7]
            age = "" if i % 50 == 7 else str(5 * int(rng.integers(1, 17)))
            writer.writerow(
                [
                    f"HAM_{lesion:07d}",
                    name,
                    dx,
                    "histo",
                    age,
                    ("male", "female")[lesion % 2],
                    "back",
                ]
            )
            if images is None or i < images:
                folder = root / folders[i * len(folders) // rows]
                write_picture(folder / f"{name}.jpg", smooth_picture(rng, *size, 3), quality=90)
    return root


def write_histopathologic(root, rows=40, *, images=None, size=96, seed=0):
    """Write train_labels.csv (id, label) and train/{id}.tif, 96 x 96 RGB, as
    histopathologic-cancer-detection lies.

    The real table has 220,025 rows; ids are SHA-1 digests of 40 hexadecimal digits; no patient is
    given.
    """
    rng, root = np.random.default_rng(seed), Path(root)
    (root / "train").mkdir(parents=True, exist_ok=True)
    ids = [
        "".join(f"{part:08x}" for part in row)
        for row in rng.integers(0, 1 << 32, (rows, 5)).tolist()
    ]
    labels = (rng.random(rows) < 0.405).astype(int)
    labels[:2] = 0, 1
    lines = ["id,label", *(f"{name},{label}" for name, label in zip(ids, labels))]
    (root / "train_labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for i in range(rows if images is None else images):
        write_picture(root / "train" / f"{ids[i]}.tif", smooth_picture(rng, size, size, 3))
    return root
