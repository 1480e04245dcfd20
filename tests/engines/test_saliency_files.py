"""Saliency of a volume as NIfTI: values and affine come back, and nothing is written half."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from medmonai.data import ImageForm, ImagePlace, load_images
from medmonai.data.formats.dicom_series import read_dicom_volume
from medmonai.data.formats.nifti import read_nifti
from medmonai.engines import write_saliency_nifti


@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz"])
@pytest.mark.parametrize(
    "affine",
    [
        None,
        np.diag([0.7, 0.7, 2.5, 1]),
        np.array([[0, -1, 0, 5], [2, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]]),
    ],
)
def test_round_trip(tmp_path, name, affine):
    saliency = np.random.default_rng(0).random((1, 4, 5, 6), np.float32)
    path = write_saliency_nifti(saliency, tmp_path / name, affine=affine)
    image = nibabel.load(path)
    np.testing.assert_array_equal(np.asarray(image.dataobj), saliency[0])
    assert image.get_data_dtype() == np.float32
    np.testing.assert_allclose(image.affine, np.eye(4) if affine is None else affine, atol=1e-6)
    assert image.header.get_xyzt_units()[0] == ("unknown" if affine is None else "mm")
    if affine is not None:
        np.testing.assert_allclose(
            image.header.get_zooms(), np.linalg.norm(affine[:3, :3], axis=0), atol=1e-6
        )
    assert b"not for clinical use" in image.header["descrip"].item()


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_same_map_same_bytes_and_no_leftovers(tmp_path, name):
    saliency = np.ones((3, 4, 5), np.float32)
    first = write_saliency_nifti(saliency, tmp_path / name).read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_saliency_nifti(saliency, tmp_path / name)
    assert write_saliency_nifti(saliency, tmp_path / name, overwrite=True).read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("saliency", "name", "affine", "message"),
    [
        (np.ones((4, 5)), "a.nii", None, r"saliency has shape \(4, 5\)"),
        (np.ones((2, 4, 5, 6)), "a.nii", None, "one finite volume"),
        (np.full((4, 5, 6), np.nan), "a.nii", None, "one finite volume"),
        (np.ones((4, 5, 6)), "a.npy", None, "end it with .nii or .nii.gz"),
        (np.ones((4, 5, 6)), "a.nii", np.eye(3), "a 4 x 4 matrix that can be inverted"),
        (np.ones((4, 5, 6)), "a.nii", np.diag([1, 1, 0, 1]), "a 4 x 4 matrix that can be inverted"),
    ],
)
def test_errors(tmp_path, saliency, name, affine, message):
    with pytest.raises(ValueError, match=message):
        write_saliency_nifti(saliency, tmp_path / name, affine=affine)
    assert not list(tmp_path.iterdir())


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; create it"):
        write_saliency_nifti(np.ones((4, 5, 6)), tmp_path / "none" / "a.nii")


@pytest.mark.parametrize("axes", ["LPS", "RAS", "PIR"])
def test_a_map_with_a_place_lies_on_the_file_it_explains(tmp_path, axes):
    ornt = nibabel.orientations.axcodes2ornt(tuple(axes))
    affine = np.linalg.inv(nibabel.orientations.inv_ornt_aff(ornt, (1, 1, 1))) @ np.diag(
        [0.8, 1.5, 3.0, 1]
    )
    affine[:3, 3] = [7, -8, 9]
    assert "".join(nibabel.aff2axcodes(affine)) == axes
    source = np.zeros((30, 24, 12), np.uint8)
    source[18:24, 5:9, 6:8] = 255
    nibabel.save(nibabel.Nifti1Image(source, affine), tmp_path / "case.nii.gz")
    images = load_images(
        tmp_path / "case.nii.gz", ImageForm((24, 24, 24), in_channels=1, spacing=(2.0, 2.0, 2.0))
    )
    path = write_saliency_nifti(
        images.images[0].astype(np.float32) / 255, tmp_path / "map.nii.gz", place=images.places[0]
    )
    image = nibabel.load(path)
    found = np.asarray(image.dataobj)
    assert image.shape == source.shape and image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)
    assert found.min() == 0 and 0.7 < found.max() <= 1 + 1e-6
    weights = [values * 1.0 / values.sum() for values in (source, found)]
    mm = [
        affine[:3, :3] @ [(np.indices(source.shape)[a] * w).sum() for a in range(3)]
        for w in weights
    ]
    assert np.abs(mm[0] - mm[1]).max() < 0.2  # of voxels of 0.8 to 3 mm
    header = str(image.header)
    assert str(tmp_path) not in header and "case" not in header


def test_a_map_outside_the_grid_is_zero_and_kept_in_steps(tmp_path):
    matrix = np.eye(4)
    matrix[:3, 3] = 2
    place = ImagePlace(matrix, original_affine=np.eye(4), original_shape=(8, 8, 8))
    saliency = np.random.default_rng(0).random((1, 4, 4, 4), np.float32)
    found = np.asarray(
        nibabel.load(write_saliency_nifti(saliency, tmp_path / "a.nii", place=place)).dataobj
    )
    np.testing.assert_allclose(found[2:6, 2:6, 2:6], saliency[0], atol=0.5 / 255 + 1e-6)
    found[2:6, 2:6, 2:6] = 0
    assert not found.any()
    for wrong, affine in ((saliency * 2, None), (-saliency, None), (saliency, np.eye(4))):
        with pytest.raises(
            ValueError, match=r"and a place (alone|with an affine); values of 0 to 1 and no"
        ):
            write_saliency_nifti(wrong, tmp_path / "b.nii", place=place, affine=affine)
    assert not (tmp_path / "b.nii").exists()


def test_real_ct_as_nifti_and_dicom(real_data, tmp_path):
    pytest.importorskip("pydicom")
    images = load_images(
        real_data / "ct",
        ImageForm(
            (64, 64, 64), in_channels=1, intensity_range=(200, 1000), spacing=(4.0, 4.0, 4.0)
        ),
    )  # bone and contrast are bright
    for name, image, place in zip(images.ids, images.images, images.places):
        path = write_saliency_nifti(
            image.astype(np.float32) / 255,
            tmp_path / f"{name.partition('.')[0]}.nii.gz",
            place=place,
        )
        found = np.asarray(nibabel.load(path).dataobj)
        source = (
            read_nifti(real_data / "ct" / name)
            if ".nii" in name
            else read_dicom_volume(real_data / "ct" / name)
        )
        np.testing.assert_allclose(nibabel.load(path).affine, source.affine, atol=1e-4)
        assert found.shape == source.shape
        values = gaussian_filter(
            np.clip(source.values[0], 200, 1000) - 200.0,
            [2 / abs(source.affine[a, a]) for a in range(3)],
        )
        inside = place.in_image_space(np.ones((1, 64, 64, 64), np.float32))[0] > 0
        right = np.corrcoef(found[inside], values[inside])[0, 1]
        moved = [
            np.corrcoef(np.roll(found, 8, axis)[inside], values[inside])[0, 1] for axis in range(3)
        ]
        assert right > 0.95 and max(moved) < 0.8  # the same bones at the same voxels
