"""A file of another kind in a folder is a case with a flag, and the others are predicted."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from dicom_files import write_series
from mean_models import mean_model
from PIL import Image

from medmonai.deployment import predict

WINDOW = {"intensity_range": [0.0, 255.0]}


def picture(path):
    Image.fromarray(np.full((8, 8), 200, np.uint8)).save(path)


def volume(path):
    data = np.full((8, 8, 8), 200, np.uint8)
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), path)


def arrays(path):
    np.savez(path, images=np.zeros((2, 8, 8), np.uint8))


def predicted(folder, size):
    model = mean_model(size=size, form=WINDOW if len(size) == 3 else None)
    return {case.id: case for case in predict(model, folder)}


@pytest.mark.parametrize("stray", [picture, arrays], ids=["picture", "npz"])
def test_a_stray_file_among_volumes(stray, tmp_path):
    for name in ("a", "b", "c"):
        volume(tmp_path / f"{name}.nii.gz")
    name = {"picture": "b_photo.png", "arrays": "b_arrays.npz"}[stray.__name__]
    stray(tmp_path / name)
    cases = predicted(tmp_path, (8, 8, 8))
    assert list(cases) == sorted(["a.nii.gz", "b.nii.gz", name, "c.nii.gz"])
    assert cases[name].flag and cases[name].probabilities == () and cases[name].decision == ""
    others = [case for key, case in cases.items() if key != name]
    assert all(case.probabilities and not case.flag.startswith("it") for case in others)


@pytest.mark.parametrize("stray", [volume, arrays], ids=["volume", "npz"])
def test_a_stray_file_among_pictures(stray, tmp_path):
    for name in ("a", "c"):
        picture(tmp_path / f"{name}.png")
    name = {"volume": "b.nii.gz", "arrays": "b.npz"}[stray.__name__]
    stray(tmp_path / name)
    cases = predicted(tmp_path, (8, 8))
    assert list(cases) == sorted(["a.png", name, "c.png"])
    assert cases[name].flag and not cases[name].probabilities
    assert cases["a.png"].probabilities == cases["c.png"].probabilities != ()


def test_a_picture_beside_the_slices_of_a_series(tmp_path):
    pytest.importorskip("pydicom")
    (tmp_path / "ct").mkdir()
    write_series(tmp_path / "ct", np.full((8, 8, 8), 200, np.int16), np.eye(4))
    picture(tmp_path / "ct" / "preview.png")
    cases = predicted(tmp_path, (8, 8, 8))
    assert set(cases) == {"ct", "ct/preview.png"}
    assert cases["ct"].probabilities and not cases["ct/preview.png"].probabilities


def test_a_folder_of_npz_files_is_refused_with_what_to_do(tmp_path):
    for name in ("a.npz", "b.npz"):
        arrays(tmp_path / name)
    with pytest.raises(ValueError, match="npz file"):
        predicted(tmp_path, (8, 8))
