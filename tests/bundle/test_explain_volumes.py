"""Volumes from class folders to saliency: listed, decoded, explained, and the maps on the grids of
the files.
"""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
import torch
from dicom_files import SECRET, write_series

from medmonai.bundle.explain import write_saliency
from medmonai.data import ImageForm, ResidentLoader, list_class_folders, load_images, load_listing
from medmonai.networks import resnet18
from medmonai.predictions import Predictions
from medmonai.transforms import BatchCompose, ScaleIntensityRange

FORM = {
    "spatial_size": (20, 20, 20),
    "in_channels": 1,
    "intensity_range": (-1000, 1000),
    "spacing": (2.0, 2.0, 2.0),
}
LPS, RAS = np.diag([-0.9, -0.9, 2.5, 1]), np.diag([1.5, 1.5, 1.5, 1])
SHAPES = {"DICOM": (30, 32, 12), "NIfTI": (22, 20, 18)}


def write_source(root, splits=("train", "test")):
    """Class folders of CTs, of each class one DICOM series and two NIfTI files in every split."""
    rng = np.random.default_rng(0)
    for split in splits:
        for name in ("normal", "lesion"):
            folder = root / split / name
            for i in range(3):
                shape, affine = (SHAPES["DICOM"], LPS) if i == 0 else (SHAPES["NIfTI"], RAS)
                values = rng.integers(-900, 0, shape)
                values[8:14, 8:14, 4:8] += 900 * (name == "lesion")
                if i == 0:
                    write_series(folder / f"scan{i}", values, affine)
                else:
                    nibabel.save(
                        nibabel.Nifti1Image(values.astype(np.int16), affine),
                        folder / f"scan{i}.nii.gz",
                    )
    return root


@pytest.fixture
def cohorts(tmp_path):
    pytest.importorskip("pydicom")
    listing = list_class_folders(
        write_source(tmp_path / SECRET), name="scans", class_names=("normal", "lesion")
    )
    return load_listing(listing, ImageForm(**FORM), cache_dir=tmp_path / "cache")


def test_training_and_inference_see_the_same_voxels_at_the_same_places(cohorts, tmp_path):
    test = cohorts["test"]
    images = load_images(tmp_path / SECRET / "test", ImageForm(**FORM))
    assert {i.removeprefix("test/") for i in test.ids} == set(images.ids) and len(test) == 6
    order = [images.ids.tolist().index(i.removeprefix("test/")) for i in test.ids]
    assert np.array_equal(test.images, images.images[order])
    for mine, other in zip(test.places, [images.places[row] for row in order]):
        assert (
            np.array_equal(mine.affine, other.affine)
            and mine.original_shape == other.original_shape
        )


def test_places_outlive_the_cache(cohorts, tmp_path):
    listing = list_class_folders(tmp_path / SECRET, name="scans", class_names=("normal", "lesion"))
    again = load_listing(listing, ImageForm(**FORM), cache_dir=tmp_path / "cache")
    for split in cohorts:
        assert again[split].ids.tolist() == cohorts[split].ids.tolist()
        for mine, other in zip(cohorts[split].places, again[split].places):
            assert np.array_equal(mine.affine, other.affine) and np.array_equal(
                mine.original_affine, other.original_affine
            )


def test_maps_lie_on_the_files(cohorts, tmp_path):
    cohort = cohorts["test"]
    torch.manual_seed(0)
    network = resnet18(spatial_dims=3, width=4).eval()
    scale = ScaleIntensityRange(a_min=0, a_max=255, b_min=0, b_max=1)
    loader = ResidentLoader(cohort, batch_size=3, transform=BatchCompose([scale]))
    score = np.linspace(0.1, 0.9, len(cohort))
    table = Predictions(
        cohort.ids,
        cohort.labels,
        np.stack([1 - score, score], axis=1),
        cohort.task,
        cohort.class_names,
    )
    folder = tmp_path / "run"
    folder.mkdir()
    write_saliency(
        network,
        loader=loader,
        cohort=cohort,
        predictions=table,
        decided=(score > 0.5).astype(int),
        folder=folder,
    )
    files = sorted((folder / "saliency").iterdir())
    assert len(files) == 8  # four cases, two methods
    found = {"DICOM": 0, "NIfTI": 0}
    for file in files:
        image = nibabel.load(file)
        kind = "NIfTI" if ".nii.gz_" in file.name else "DICOM"
        found[kind] += 1
        assert image.shape == SHAPES[kind]
        np.testing.assert_allclose(image.affine, LPS if kind == "DICOM" else RAS, atol=1e-4)
        assert 0 <= np.asarray(image.dataobj).min() and np.asarray(image.dataobj).max() <= 1 + 1e-6
    assert min(found.values()) > 0, found
    held = "".join(file.read_text() for file in folder.glob("*.json")) + " ".join(
        map(str, folder.rglob("*"))
    )
    held += json.dumps(cohort.provenance.as_dict()) + " ".join(map(str, cohort.ids))
    assert SECRET not in held.replace(str(tmp_path), "") and "1.2.826" not in held


def test_the_cache_knows_no_tag(cohorts, tmp_path):
    for file in (tmp_path / "cache").rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert SECRET.encode() not in content and b"1.2.826" not in content, file.name


def test_a_series_that_loses_a_slice_is_left_out_by_name(tmp_path):
    pytest.importorskip("pydicom")
    root = write_source(tmp_path / "source")
    sorted((root / "train" / "lesion" / "scan0").iterdir())[5].unlink()
    listing = list_class_folders(root, name="scans", class_names=("normal", "lesion"))
    with pytest.raises(
        ValueError,
        match=r"1 of 12 images cannot be read, first train/lesion/scan0: .*a slice is missing",
    ):
        load_listing(listing, ImageForm(**FORM), cache_dir=tmp_path / "cache")
    kept = load_listing(
        listing, ImageForm(**FORM), cache_dir=tmp_path / "cache", skip_unreadable=True
    )
    assert len(kept["train"]) == 5 and len(kept["train"].places) == 5
    assert [out.name for out in kept.listing.left_out] == ["train/lesion/scan0"]
