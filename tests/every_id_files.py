"""What tests/bundle/test_every_id.py gives to ids: sets that leak or are damaged, tables beside
them, images to infer on.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import nibabel
import numpy as np
from bundle_runs import SPLITS, write_medmnist
from PIL import Image
from source_files import (
    LESIONS,
    smooth_picture,
    write_ham10000,
    write_histopathologic,
    write_picture,
)


def write_files(folder: Path, sources: Path) -> dict[str, str]:
    """Write everything; return name -> path."""
    made = {
        **_medmnist(folder),
        **_image_table(folder, sources),
        **_patches(folder),
        **_to_infer(folder),
    }
    leaky = shutil.copytree(sources / "chest_xray", folder / "leaky_folders")
    first = sorted((leaky / "train" / "NORMAL").iterdir())[0]
    shutil.copy(first, leaky / "test" / "NORMAL" / "NORMAL2-IM-0990-0001.jpeg")
    made["leaky_folders"] = str(leaky)
    made |= {name: str(folder / name) for name in ("cache", "elsewhere", "output")}
    return made


def _medmnist(folder: Path) -> dict[str, str]:
    """A file with leaks and a near copy, one of 64 pixels, and a table of groups."""
    for name in ("leaky_file", "both_sizes"):
        (folder / name).mkdir()
    write_medmnist(folder / "leaky_file", "pneumoniamnist", (28, 28), leak=2)
    path = folder / "leaky_file" / "pneumoniamnist.npz"
    with np.load(path) as arrays:
        changed = dict(arrays)
    near = changed["train_images"][5].astype(int) + np.random.default_rng(0).integers(
        -6, 7, (28, 28)
    )
    changed["test_images"][10] = near.clip(0, 255)
    changed["val_images"][0] = 0
    np.savez_compressed(path, **changed)
    write_medmnist(folder / "both_sizes", "pneumoniamnist", (64, 64))
    (folder / "both_sizes" / "pneumoniamnist.npz").rename(
        folder / "both_sizes" / "pneumoniamnist_64.npz"
    )
    write_medmnist(folder / "both_sizes", "pneumoniamnist", (28, 28))
    ids = [f"pneumoniamnist-{split}-{i:06d}" for split, n in SPLITS.items() for i in range(n)]
    groups = {"pneumoniamnist-train-000000": "one", "pneumoniamnist-val-000000": "one"}
    rows = [("id", "group"), *((case, groups.get(case, case)) for case in ids)]
    return {
        "leaky_file": str(folder / "leaky_file"),
        "both_sizes": str(folder / "both_sizes"),
        "groups": _table(folder / "groups.csv", rows),
    }


def _image_table(folder: Path, sources: Path) -> dict[str, str]:
    """The table of skin lesions with images missing, one damaged, in other folders or large, and a
    table of its splits.
    """
    table = shutil.copytree(sources / "ham10000", folder / "missing_images")
    part = table / "HAM10000_images_part_2"
    for path in sorted(part.iterdir())[:2]:
        path.unlink()
    damaged = shutil.copytree(sources / "ham10000", folder / "damaged_image")
    path = sorted((damaged / "HAM10000_images_part_1").iterdir())[3]
    path.write_bytes(path.read_bytes()[:200])
    moved = shutil.copytree(sources / "ham10000", folder / "moved_images")
    for part in sorted(moved.glob("HAM10000_images_part_*")):
        part.rename(moved / part.name.replace("HAM10000_images_", "photographs_"))
    large = write_ham10000(folder / "large_images", rows=42, size=(180, 240))
    with (sources / "ham10000" / "HAM10000_metadata.csv").open() as file:
        lesions = {row["image_id"]: (row["lesion_id"], row["dx"]) for row in csv.DictReader(file)}
    order = {
        lesion: i // len(LESIONS)
        for i, lesion in enumerate(sorted({lesion for lesion, _ in lesions.values()}))
    }
    split_of = [*["train"] * 12, *["val"] * 4, *["test"] * 20]
    rows = [
        (f"{image}.jpg", split_of[min(order[lesion], 35)]) for image, (lesion, _) in lesions.items()
    ]
    return {
        "missing_images": str(table),
        "damaged_image": str(damaged),
        "moved_images": str(moved),
        "large_images": str(large),
        "splits": _table(folder / "splits.csv", [("id", "split"), *rows]),
        "splits_of_some": _table(folder / "splits_of_some.csv", [("id", "split"), *rows[:-3]]),
    }


def _patches(folder: Path) -> dict[str, str]:
    """The table of patches with a column of slides."""
    root = write_histopathologic(folder / "slides" / "histopathologic_cancer", rows=80)
    with (root / "train_labels.csv").open() as file:
        rows = list(csv.reader(file))
    _table(
        root / "train_labels.csv",
        [(*rows[0], "slide"), *((*row, f"s{i // 4}") for i, row in enumerate(rows[1:]))],
    )
    missing = shutil.copytree(root, folder / "missing_patches")
    sorted((missing / "train").iterdir())[0].unlink()
    return {"slides": str(root), "missing_patches": str(missing)}


def _to_infer(folder: Path) -> dict[str, str]:
    """Images without labels: grey and colour pictures, large JPEGs, a NIfTI volume that lies
    askew.
    """
    rng = np.random.default_rng(0)
    for channels, name in ((1, "grey"), (3, "colour")):
        for i in range(5):
            write_picture(folder / name / f"{i}.png", smooth_picture(rng, 40, 30, channels))
            write_picture(
                folder / f"{name}_jpegs" / f"{i}.jpg",
                smooth_picture(rng, 200, 240, channels),
                quality=90,
            )
    Image.fromarray(rng.integers(0, 4096, (40, 30)).astype(np.uint16)).save(folder / "deep.png")
    volume = nibabel.Nifti1Image(
        rng.integers(0, 256, (22, 16, 12)).astype(np.uint8), np.diag([-1.0, 1.0, 2.0, 1.0])
    )
    (folder / "volumes").mkdir()
    nibabel.save(volume, folder / "volumes" / "a.nii.gz")
    names = ("grey", "colour", "grey_jpegs", "colour_jpegs", "volumes")
    return {name: str(folder / name) for name in names} | {"deep": str(folder / "deep.png")}


def _table(path: Path, rows: list[tuple]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return str(path)
