"""Volumes in a stated form: millimetres kept from the file to the grid and back, and nothing else
of a header.
"""

from __future__ import annotations

import logging

import nibabel
import numpy as np
import pytest
from dicom_files import SECRET, write_series
from hypothesis import given, settings
from hypothesis import strategies as st

from medmonai.data import ImageForm, load_images
from medmonai.data.files.reading import read_case, read_image
from medmonai.data.formats.formats import image_kind
from medmonai.data.formats.volumes import Volume, fit_volume

# A chest in HU that no flip or exchange of axes leaves as it is, with one bright ball.
SHAPE, BALL = (40, 30, 24), (29, 9, 14)


def ball(shape=SHAPE, at=BALL, radius_mm=6.0, spacing=(1.0, 1.0, 1.0)):
    away = sum(((np.indices(shape)[a] - at[a]) * spacing[a]) ** 2 for a in range(3))
    return np.where(away < radius_mm**2, 900, -900).astype(np.int16)


def affine_of(axes, spacing, origin=(11.0, -22.0, 33.0)):
    ornt = nibabel.orientations.axcodes2ornt(tuple(axes))
    found = np.eye(4)
    for axis, (world, sign) in enumerate(ornt):
        found[:3, axis] = 0
        found[int(world), axis] = sign * spacing[axis]
    found[:3, 3] = origin
    return found


def centre_mm(values, affine):
    weights = values - values.min()
    voxel = [(np.indices(values.shape)[a] * weights).sum() / weights.sum() for a in range(3)]
    return (affine @ [*voxel, 1])[:3]


FORMS = [
    {"spatial_size": (40, 40, 40)},
    {"spatial_size": (17, 29, 40), "orientation": "SPL"},
    {"spatial_size": (64, 64, 64), "spacing": (1.5, 1.5, 1.5)},
    {"spatial_size": (60, 40, 50), "spacing": (3.0, 2.0, 1.0), "orientation": "PIR"},
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("axes", "spacing"),
    [("RAS", (1.0, 1.0, 1.0)), ("LPS", (0.8, 0.9, 2.5)), ("PIL", (1.2, 3.0, 0.7))],
)
@pytest.mark.parametrize("kind", ["NIfTI", "DICOM"])
def test_a_mark_is_at_the_same_millimetres(tmp_path, form, axes, spacing, kind):
    values, affine = ball(spacing=spacing), affine_of(axes, spacing)
    if kind == "DICOM":
        pytest.importorskip("pydicom")
        path = write_series(tmp_path / "case", values, affine)
    else:
        path = tmp_path / "case.nii.gz"
        nibabel.save(nibabel.Nifti1Image(values, affine), path)
    case = read_case(path, ImageForm(in_channels=1, intensity_range=(-900, 900), **form))
    expected = (affine @ [*BALL, 1])[:3]
    assert (
        case.image.dtype == np.uint8
        and case.image.shape == (1, *form["spatial_size"])
        and case.kind.name == kind
    )
    # of 0.7 to 3 mm voxels
    assert np.abs(centre_mm(case.image[0].astype(float), case.place.affine) - expected).max() < 0.25
    assert "".join(nibabel.aff2axcodes(case.place.affine)) == form.get("orientation", "RAS")
    back = case.place.in_image_space(case.image.astype(np.float32))[0]
    assert back.shape == SHAPE
    assert np.abs(centre_mm(back, case.place.original_affine) - expected).max() < 0.25
    if kind == "NIfTI":
        np.testing.assert_allclose(case.place.original_affine, affine, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    axes=st.sampled_from(["RAS", "LPS", "PIL", "SRA", "AIL"]),
    mm=st.tuples(*[st.floats(0.6, 3.0)] * 3),
    at=st.tuples(st.integers(10, 29), st.integers(10, 19), st.integers(8, 15)),
    asked=st.floats(0.8, 3.0),
)
def test_a_mark_comes_back_whatever_the_grid(axes, mm, at, asked):
    values, affine = ball(at=at, spacing=mm, radius_mm=5.0), affine_of(axes, mm)
    size = tuple(int(n) for n in np.ceil(np.array(SHAPE) * max(mm) / asked) + 2)
    size = (max(size),) * 3
    grey = (values[None].astype(np.float32) + 900) * (255 / 1800)
    image, place = fit_volume(
        Volume(grey, affine=affine), ImageForm(size, in_channels=1, spacing=(asked,) * 3)
    )
    back = place.in_image_space(image.astype(np.float32))[0]
    truth = centre_mm(values.astype(float), affine)
    assert np.abs(centre_mm(image[0].astype(float), place.affine) - truth).max() < 0.3
    assert np.abs(centre_mm(back, affine) - truth).max() < 0.3


def test_own_size_and_orientation_is_the_file_itself(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)
    nibabel.save(nibabel.Nifti1Image(values, affine_of("RAS", (1, 2, 3))), tmp_path / "a.nii")
    for spacing in (None, (1, 2, 3)):
        case = read_case(tmp_path / "a.nii", ImageForm((6, 5, 4), in_channels=1, spacing=spacing))
        assert np.array_equal(case.image[0], values) and np.allclose(
            case.place.affine, case.place.original_affine
        )
    colour = read_case(tmp_path / "a.nii", ImageForm((6, 5, 4), in_channels=3))
    assert np.array_equal(colour.image, np.stack([values] * 3))


def test_real_ct_in_millimetres(real_data, caplog):
    form = {"in_channels": 1, "spatial_size": (64, 64, 64), "intensity_range": (-1000, 400)}
    with caplog.at_level(logging.WARNING, logger="medmonai.data"):
        found = load_images(
            real_data / "ct" / "chest_ct_b.nii.gz", ImageForm(spacing=(4.0, 4.0, 4.0), **form)
        )
    assert "cropped" not in caplog.text  # 180 x 189 x 246 mm in 256
    stored = nibabel.load(real_data / "ct" / "chest_ct_b.nii.gz")
    np.testing.assert_allclose(np.linalg.norm(found.places[0].affine[:3, :3], axis=0), 4.0)
    np.testing.assert_array_equal(found.places[0].original_affine, stored.affine)
    # Every voxel of 4 mm is near the mean of the 1.5-mm voxels about the same place.
    grey = (np.clip(np.asarray(stored.dataobj, float), -1000, 400) + 1000) * 255 / 1400
    for voxel in ((30, 31, 32), (22, 36, 40), (40, 25, 20)):
        x, y, z = found.places[0].original_voxel(voxel).round().astype(int)
        near = grey[x - 1 : x + 2, y - 1 : y + 2, z - 1 : z + 2].mean()
        assert found.images[0, 0][voxel] == pytest.approx(near, abs=12)
    with caplog.at_level(logging.WARNING, logger="medmonai.data"):
        load_images(
            real_data / "ct" / "chest_ct_b.nii.gz", ImageForm(spacing=(2.0, 2.0, 2.0), **form)
        )
    assert (
        "1 of 1 volumes are larger than spatial_size at this spacing and were cropped"
        in caplog.text
    )


def test_kinds_and_axes_that_do_not_fit(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 4, 4, 4), np.uint8))
    with pytest.raises(
        ValueError, match=r"states neither spacing nor orientation, and spacing=\(1.0, 1.0, 1.0\)"
    ):
        load_images(tmp_path, ImageForm((4, 4, 4), in_channels=1, spacing=(1, 1, 1)))
    assert load_images(tmp_path, ImageForm((4, 4, 4), in_channels=1)).places is None
    nibabel.save(
        nibabel.Nifti1Image(np.ones((1, 5, 6), np.uint8), np.eye(4)), tmp_path / "flat.nii"
    )
    assert read_image(tmp_path / "flat.nii", (5, 6)).shape == (1, 5, 6)  # a sagittal slice
    assert image_kind(tmp_path / "flat.nii") == "NIfTI"
    assert image_kind(tmp_path) is None and image_kind(tmp_path / "x.csv") is None


def test_nothing_of_a_header_is_kept(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.eye(4))
    image.header["descrip"], image.header["db_name"] = SECRET.encode(), SECRET.encode()
    nibabel.save(image, tmp_path / "a.nii")
    pytest.importorskip("pydicom")
    write_series(tmp_path / "b", ball(), affine_of("LPS", (1, 1, 2)))
    for path in (tmp_path / "a.nii", tmp_path / "b"):
        found = load_images(path, ImageForm((3, 3, 3), in_channels=1, intensity_range=(0, 255)))
        held = " ".join(
            map(str, (found.ids, found.places[0].as_dict(), vars(found), str(path.name)))
        )
        assert SECRET not in held and "1.2.826" not in held and str(tmp_path) not in held
