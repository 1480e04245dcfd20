"""What is told of the images of a source: modes, sizes, turns, ranges that leave nothing."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from dicom_files import dataset, save, write_series
from loaded_listings import COUNTS, load
from PIL import Image
from source_files import write_class_folders, write_picture

from medmonai.data import ImageForm, list_class_folders, split_listing
from medmonai.data.containers.pixel_kind import PixelKind
from medmonai.data.decoding.decode_pool import DecodeRecord
from medmonai.data.decoding.source_cohorts import decode_notes

GREY = PixelKind("L")


def test_a_range_that_leaves_nothing_is_told(listing, tmp_path):
    for row in (3, 4):
        write_picture(listing.files[row], np.full((20, 16), 65000 * (row == 3), np.uint16))
    issues = load(listing, tmp_path, intensity_range=(0, 4095))["train"].provenance.facts
    assert issues[-1] == (
        "2 of 24 images are plain black or almost plain white after intensity_range: they lie "
        "outside it, or are blank."
    )


def test_mixed_files_are_told(listing, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((16, 20, 3), np.uint8)).save(listing.files[0], exif=exif)
    write_picture(listing.files[1], np.zeros((40, 16), np.uint8))
    for _ in range(2):
        issues = load(listing, tmp_path)["train"].provenance.facts
        assert issues == (
            "Modes of the 24 images: 23 L, 1 RGB; color was made gray by luma.",
            (
                "1 of 24 images have another size (20 x 16 to 40 x 16) and were resampled (stretch "
                "to 20 x 16)."
            ),
            "1 of 24 images were turned upright by their EXIF orientation.",
        )


def test_notes():
    form = ImageForm((8, 8), in_channels=3, intensity_range=(0, 4095))
    record = DecodeRecord(kinds={PixelKind("16 bits", bits=16): 5, GREY: 1}, sizes={"8 x 8": 6})
    assert decode_notes(record, form) == [
        "Modes of the 6 images: 5 16 bits, 1 L; gray was repeated over 3 channels.",
        (
            "1 of 6 images have 8 bits and the others more; intensity_range (0.0, 4095.0) was "
            "applied to all of them."
        ),
    ]
    assert (
        decode_notes(
            DecodeRecord(kinds={GREY: 9}, sizes={"8 x 8": 9}), ImageForm((8, 8), in_channels=1)
        )
        == []
    )
    shallow = DecodeRecord(kinds={GREY: 9}, sizes={"8 x 8": 9})
    for high, expected in (
        (
            4095,
            [
                "All 9 images have 8 bits, so values of 0 to 255; intensity_range (0.0, 4095.0) "
                "was applied to them as it is."
            ],
        ),
        (200, []),
    ):
        assert (
            decode_notes(shallow, ImageForm((8, 8), in_channels=1, intensity_range=(0, high)))
            == expected
        )
    whole = DecodeRecord(
        kinds={PixelKind("RGB of 16 bits", colour=True, bits=16): 9},
        sizes={"8 x 8": 9},
        remarks={"are odd": 9},
    )
    assert decode_notes(whole, replace(form, intensity_range=(0, 65535))) == [
        "9 of 9 images are odd."
    ]
    record = DecodeRecord(kinds={PixelKind("RGBA", colour=True): 9}, sizes={"8 x 8": 9})
    alone = decode_notes(record, ImageForm((8, 8), in_channels=1))
    assert alone == ["Modes of the 9 images: 9 RGBA; color was made gray by luma."]


def test_colour_where_grey_is_expected_and_the_other_way(tmp_path):
    root = write_class_folders(tmp_path / "set", COUNTS, size=(8, 8), channels=3, suffix=".png")
    listing = list_class_folders(root, name="set")
    grey = load(listing, tmp_path, spatial_size=(8, 8))["train"]
    assert grey.images.shape[1:] == (1, 8, 8) and grey.provenance.known_issues == ()
    assert "color was made gray" in grey.provenance.facts[0]


def grey_and_colour(tmp_path, kind, spatial_dims):
    """Write 24 files of one format, grey, and return their folder."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(12):
            values = rng.integers(0, 255, (9, 8, 7) if spatial_dims == 3 else (9, 8, 1)).astype(
                np.int16
            )
            path = tmp_path / name / f"{i}"
            if kind == "NIfTI":
                nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path.with_suffix(".nii.gz"))
            elif spatial_dims == 3:
                write_series(path, values, np.eye(4))
            else:
                save(dataset(values[..., 0], RescaleIntercept=0), path.with_suffix(".dcm"))
    return tmp_path


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("kind", ["NIfTI", "DICOM"])
def test_grey_files_are_not_said_to_be_in_colour(tmp_path, kind, spatial_dims):
    pytest.importorskip("pydicom")
    listing = list_class_folders(grey_and_colour(tmp_path, kind, spatial_dims), name="set")
    listing = split_listing(listing, seed=0, val_fraction=0.25, test_fraction=0.25)
    form = {"spatial_size": (9, 8, 7)[:spatial_dims], "intensity_range": (0, 255)}
    assert not any("Modes" in note for note in load(listing, tmp_path, **form).listing.notes)
    notes = load(listing, tmp_path, **form, in_channels=3).listing.notes
    assert f"Modes of the 24 images: 24 {kind}; gray was repeated over 3 channels." in notes
