"""Saliency of a volume as NIfTI: values and affine come back, and nothing is written half."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from medmonai.engines import write_saliency_nifti


@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz"])
@pytest.mark.parametrize("affine", [
    None, np.diag([0.7, 0.7, 2.5, 1]), np.array([[0, -1, 0, 5], [2, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]])])
def test_round_trip(tmp_path, name, affine):
    saliency = np.random.default_rng(0).random((1, 4, 5, 6), np.float32)
    path = write_saliency_nifti(saliency, tmp_path / name, affine=affine)
    image = nibabel.load(path)
    np.testing.assert_array_equal(np.asarray(image.dataobj), saliency[0])
    assert image.get_data_dtype() == np.float32
    np.testing.assert_allclose(image.affine, np.eye(4) if affine is None else affine, atol=1e-6)
    assert image.header.get_xyzt_units()[0] == ("unknown" if affine is None else "mm")
    if affine is not None:
        np.testing.assert_allclose(image.header.get_zooms(), np.linalg.norm(affine[:3, :3], axis=0), atol=1e-6)
    assert b"not for clinical use" in image.header["descrip"].item()


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_same_map_same_bytes_and_no_leftovers(tmp_path, name):
    saliency = np.ones((3, 4, 5), np.float32)
    first = write_saliency_nifti(saliency, tmp_path / name).read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_saliency_nifti(saliency, tmp_path / name)
    assert write_saliency_nifti(saliency, tmp_path / name, overwrite=True).read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("saliency", "name", "affine", "message"), [
    (np.ones((4, 5)), "a.nii", None, r"saliency has shape \(4, 5\)"),
    (np.ones((2, 4, 5, 6)), "a.nii", None, "one finite volume"),
    (np.full((4, 5, 6), np.nan), "a.nii", None, "one finite volume"),
    (np.ones((4, 5, 6)), "a.npy", None, "end it with .nii or .nii.gz"),
    (np.ones((4, 5, 6)), "a.nii", np.eye(3), "a 4 x 4 matrix that can be inverted"),
    (np.ones((4, 5, 6)), "a.nii", np.diag([1, 1, 0, 1]), "a 4 x 4 matrix that can be inverted"),
])
def test_errors(tmp_path, saliency, name, affine, message):
    with pytest.raises(ValueError, match=message):
        write_saliency_nifti(saliency, tmp_path / name, affine=affine)
    assert not list(tmp_path.iterdir())


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; create it"):
        write_saliency_nifti(np.ones((4, 5, 6)), tmp_path / "none" / "a.nii")
