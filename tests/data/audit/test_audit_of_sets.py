"""Audits of whole sets: real pictures and MedMNIST files, phantoms, and arrays on disk in little
memory.
"""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from audited_splits import CONSTANT, COPIES, EXACT, NEAR, SIZES, ids
from PIL import Image, ImageOps

from medmonai.data import (
    Cohort,
    DatasetFolder,
    ImageForm,
    audit_cohorts,
    lesion_phantom,
    list_class_folders,
    load_listing,
    load_medmnist,
    split_listing,
)

# What happens to a picture that is saved again.
CHANGES = {
    "quality 50": lambda picture, path: picture.save(path.with_suffix(".jpg"), quality=50),
    "half the size": lambda picture, path: ImageOps.scale(picture, 0.5).save(
        path.with_suffix(".png")
    ),
    "twice the size": lambda picture, path: ImageOps.scale(picture, 2).save(
        path.with_suffix(".tif")
    ),
    "colour": lambda picture, path: picture.convert("RGB").save(
        path.with_suffix(".jpeg"), quality=80
    ),
}


def test_pictures_saved_again_leak_and_other_patients_do_not(real_data, tmp_path):
    files = sorted((real_data / "chest_xray" / "test").glob("*/*"))[:24]
    for number, (file, change) in enumerate(zip(files, itertools.cycle(CHANGES))):
        label = "AB"[number % 2]
        for split in ("train", "test", "val"):
            (tmp_path / split / label).mkdir(parents=True, exist_ok=True)
        with Image.open(file) as picture:
            grey = picture.convert("L")
            grey.save(tmp_path / ("train" if number < 16 else "val") / label / f"{number}.png")
            if number < 8:
                CHANGES[change](grey, tmp_path / "test" / label / f"again{number}")
    listing = split_listing(list_class_folders(tmp_path, name="again"), min_validation=0)
    cohorts = load_listing(
        listing, ImageForm((64, 64), in_channels=1), cache_dir=tmp_path / "cache"
    )
    found = audit_cohorts([cohorts[split] for split in ("train", "val", "test")]).finding(COPIES)
    pairs = {
        tuple(Path(name).stem for name in sorted(example, reverse=True)) for example in ids(found)
    }
    assert pairs == {(f"{i}", f"again{i}") for i in range(8)} and found.across == (
        ("train/val", 0),
        ("train/test", 8),
        ("val/test", 0),
    )


def test_memmaps_are_read_in_chunks(tmp_path):
    cohort = lesion_phantom(split="train", num_cases=8)
    images = np.lib.format.open_memmap(
        tmp_path / "a.npy", mode="w+", dtype=np.uint8, shape=(1500, 1, 224, 224)
    )
    images[:, :, ::8, ::8] = np.random.default_rng(0).integers(1, 255, (1500, 1, 28, 28))
    big = Cohort(
        images,
        labels=np.arange(1500) % 2,
        ids=[str(i) for i in range(1500)],
        task=cohort.task,
        class_names=cohort.class_names,
        provenance=cohort.provenance,
        split="train",
    )
    audit_cohorts([cohort])
    tracemalloc.start()
    audit_cohorts([big])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * images.nbytes  # 33 MB of 75: what the features of a chunk take


def test_phantoms_are_clean():
    for size in SIZES:
        cohorts = [
            lesion_phantom(split=s, spatial_size=size, num_cases=60)
            for s in ("train", "val", "test")
        ]
        assert not any(found.count for found in audit_cohorts(cohorts).findings)


@pytest.mark.parametrize(
    ("name", "size", "exact", "near", "across"),
    [
        (
            "pneumoniamnist",
            28,
            (27, 56, 8),
            (1, 1),
            {"train/val": 8, "train/test": 0, "val/test": 0},
        ),
        ("vesselmnist3d", 28, (0, 0, 0), (13, 7), {}),
    ],
)
def test_the_real_sets_hold_what_the_page_says(real_data, name, size, exact, near, across):
    cohorts = [
        load_medmnist(
            name,
            split=split,
            size=size,
            dataset_dir=DatasetFolder(real_data / "medmnist", download=False),
        )
        for split in ("train", "val", "test")
    ]
    audit = audit_cohorts(cohorts)
    found = audit.finding(EXACT)
    assert (found.count, found.cases, found.across_count) == exact and dict(found.across) == across
    assert (audit.finding(NEAR).count, audit.finding(NEAR).across_count) == near
    assert audit.finding(CONSTANT).count == 0 and audit.finding("images of low contrast").count == 1
    pixels = [image.tobytes() for c in cohorts for image in c.images]
    # another way to the same number
    assert len(pixels) - len(set(pixels)) == found.cases - found.count
