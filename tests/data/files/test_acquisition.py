"""What headers say about device, technique and storage; nothing about patients."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from dicom_files import SECRET, dataset, save, write_series
from PIL import Image

from medmonai.data.files import acquisition

PIXELS = np.random.default_rng(0).integers(0, 255, (20, 30)).astype(np.uint8)


@pytest.mark.parametrize("quality", [20, 50, 75, 90, 95])
def test_the_quality_of_a_jpeg(quality, tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", quality=quality)
    facts = acquisition(tmp_path / "a.jpg")
    assert (facts["format"], facts["size"], facts["pixel kind"]) == ("JPEG", "20 x 30", "L")
    assert int(facts["JPEG quality"].removeprefix("about ")) == pytest.approx(quality, abs=1)


def test_a_picture_by_its_content_and_its_exif(tmp_path):
    exif = Image.Exif()
    exif[271], exif[272], exif[305] = "Maker", "Model 5\0", "Editor"
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif, dpi=(300, 300))
    facts = acquisition(tmp_path / "a.png")
    assert facts["format"] == "PNG" and facts["dots per inch"] == "300 x 300"
    assert facts["camera"] == "Maker Model 5" and facts["software"] == "Editor"
    assert "JPEG quality" not in facts


def test_dicom_without_anything_about_the_patient(tmp_path):
    found = dataset(PIXELS.astype(np.uint16), Manufacturer="Acme", KVP=80, StationName="ROOM 3")
    found.AccessionNumber = found.ReferringPhysicianName = SECRET
    facts = acquisition(save(found, tmp_path / "a.dcm"))
    assert (facts["Manufacturer"], facts["StationName"], facts["Modality"]) == (
        "Acme", "ROOM 3", "CT",
    )  # fmt: skip
    assert float(facts["KVP"]) == 80 and SECRET not in str(facts)


def test_a_series_is_described_by_its_first_file(tmp_path):
    values = np.zeros((6, 5, 4), np.int16)
    write_series(tmp_path / "s", values, np.diag([2.0, 2.0, 3.0, 1.0]), Manufacturer="Acme")
    facts = acquisition(tmp_path / "s")
    assert facts["Manufacturer"] == "Acme" and facts["format"] == "DICOM"
    assert len(facts["size"].split(" x ")) == 3


def test_a_volume_states_spacing_and_orientation(tmp_path):
    affine = np.diag([-2.0, -1.0, 3.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), affine), tmp_path / "a.nii.gz")
    facts = acquisition(tmp_path / "a.nii.gz")
    assert facts["spacing"] == "2 x 1 x 3" and facts["orientation"] == "LPS"
    several = acquisition((None, tmp_path / "a.nii.gz"))
    assert several == {**facts, "channels present": "2"}


@pytest.mark.parametrize("name", ["a.png", "a.dcm", "a.nii.gz", "a.nrrd"])
def test_nothing_is_said_of_a_damaged_file(name, tmp_path):
    (tmp_path / name).write_bytes(b"damaged")
    assert acquisition(tmp_path / name) == {}
