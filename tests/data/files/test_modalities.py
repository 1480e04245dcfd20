"""A case whose channels are files of their own: sizes, grids, missing files, refusals."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from PIL import Image

from medmonai.data import ImageForm, UnreadableImageError
from medmonai.data.files.modalities import MOSTLY_APART
from medmonai.data.files.reading import read_case

RNG = np.random.default_rng(0)


def picture(path, values):
    Image.fromarray(values).save(path)
    return path


def volume(path, values, affine=None):
    """Write a NIfTI file; None as affine states none."""
    image = nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine)
    if affine is None:
        image.header["qform_code"] = image.header["sform_code"] = 0
        image = nibabel.Nifti1Image(values, None, image.header)
    nibabel.save(image, path)
    return path


def files(folder, channels, dims):
    """One file for each channel, with different gray values, and these values."""
    values = [RNG.integers(0, 255, (8, 6, 5)[:dims]).astype(np.uint8) for _ in range(channels)]
    write = picture if dims == 2 else lambda path, v: volume(path, v, np.diag([1.0, 1, 1, 1]))
    end = "png" if dims == 2 else "nii.gz"
    return tuple(write(folder / f"{i}.{end}", v) for i, v in enumerate(values)), values


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_channels_are_the_files_in_their_order(tmp_path, channels, dims):
    paths, values = files(tmp_path, channels, dims)
    made = read_case(paths, ImageForm((8, 6, 5)[:dims], in_channels=channels))
    np.testing.assert_array_equal(made.image, np.stack(values))
    assert made.kind.channels == channels and not made.kind.colour
    back = read_case(paths[::-1], ImageForm((8, 6, 5)[:dims], in_channels=channels))
    np.testing.assert_array_equal(back.image, np.stack(values[::-1]))


@pytest.mark.parametrize("dims", [2, 3])
def test_each_channel_is_the_file_on_its_own(tmp_path, dims):
    """Resizing and gray values of a channel are those of the file alone, with its own range."""
    paths, _ = files(tmp_path, 3, dims)
    ranges = ((0, 100), (50, 255), (0, 255))
    form = ImageForm((5, 7, 4)[:dims], in_channels=3, intensity_range=ranges)
    made = read_case(paths, form)
    for i, path in enumerate(paths):
        alone = read_case(path, replace(form, in_channels=1, intensity_range=ranges[i]))
        np.testing.assert_array_equal(made.image[i], alone.image[0])


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("missing", [(1,), (0, 2)])
def test_a_missing_channel_is_zero_and_its_indicator_says_so(tmp_path, missing, dims):
    paths, values = files(tmp_path, 3, dims)
    case = tuple(None if i in missing else path for i, path in enumerate(paths))
    form = ImageForm((8, 6, 5)[:dims], in_channels=6, indicators=(0, 1, 2))
    image = read_case(case, form).image
    for i in range(3):
        assert (image[i] == (0 if i in missing else values[i])).all()
        assert (image[3 + i] == (0 if i in missing else 255)).all()
    some = read_case(paths, replace(form, in_channels=4, indicators=(1,))).image
    assert some.shape[0] == 4 and (some[3] == 255).all()


def test_what_is_missing_without_an_indicator_is_refused(tmp_path):
    paths, _ = files(tmp_path, 2, 2)
    form = ImageForm((8, 6), in_channels=3, indicators=(1,))
    with pytest.raises(UnreadableImageError, match=r"1.png lacks the file of channel 0.*=\[1\]"):
        read_case((None, paths[1]), form)
    with pytest.raises(UnreadableImageError, match="all 2 files of the case are missing"):
        read_case((None, None), form)
    with pytest.raises(ValueError, match=r"a case has 3 files.* the form 2 channels of images"):
        read_case((*paths, None), form)


def test_pictures_of_another_size_are_refused(tmp_path):
    a = picture(tmp_path / "t1.png", np.zeros((8, 6), np.uint8))
    b = picture(tmp_path / "t2.png", np.zeros((6, 8), np.uint8))
    with pytest.raises(UnreadableImageError, match=r"t2.png has 6 x 8 .*t1.png .*8 x 6"):
        read_case((a, b), ImageForm((4, 4), in_channels=2))


def test_colours_of_one_modality_become_grey(tmp_path):
    values = RNG.integers(0, 255, (8, 6, 3)).astype(np.uint8)
    a = picture(tmp_path / "a.png", values)
    b = picture(tmp_path / "b.png", values[..., 0].copy())
    made = read_case((a, b), ImageForm((8, 6), in_channels=2))
    assert made.kind.colour
    np.testing.assert_array_equal(made.image[0], np.asarray(Image.fromarray(values).convert("L")))


def ramp(shape, affine):
    """A volume of which the gray value is x + 2 y + 3 z in millimeters, and its affine."""
    at = np.indices(shape).reshape(3, -1)
    x, y, z = affine[:3, :3] @ at + affine[:3, 3:]
    return (x + 2 * y + 3 * z).reshape(shape).astype(np.float32), affine


def rotation(degrees):
    turn = np.eye(4)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn[:2, :2] = [[c, -s], [s, c]]
    return turn


@pytest.mark.parametrize(
    "other",
    [
        np.diag([2.0, 2, 4, 1]),
        np.array([[-2.0, 0, 0, 26], [0, 1, 0, -3], [0, 0, 1, -2], [0, 0, 0, 1]]),
        np.array([[0, 1.0, 0, -4], [1, 0, 0, -4], [0, 0, 2, -4], [0, 0, 0, 1]]),
        rotation(30) @ np.array([[1.0, 0, 0, -8], [0, 1, 0, -12], [0, 0, 1, -4], [0, 0, 0, 1]]),
    ],
    ids=["spacing", "flipped", "permuted", "rotated"],
)
def test_a_volume_on_another_grid_is_resampled_in_space(tmp_path, other):
    """Gray values that are linear in space are the same on both grids, wherever both lie inside."""
    a = volume(tmp_path / "a.nii", *ramp((16, 16, 8), np.eye(4)))
    b = volume(tmp_path / "b.nii", *ramp((34, 36, 20), other))
    form = ImageForm((16, 16, 8), in_channels=2, intensity_range=(-100, 155))
    image = read_case((a, b), form).image.astype(int)
    inner = (slice(4, -4), slice(4, -4), slice(2, -2))
    assert np.abs(image[0][inner] - image[1][inner]).max() <= 1
    assert np.ptp(image[0][inner]) > 25
    coarse = replace(form, spatial_size=(10, 10, 6), spacing=(1.5, 1.5, 1.5))
    both = read_case((a, b), coarse)
    image = both.image.astype(int)
    assert np.abs(image[0][3:-3, 3:-3, 2:-2] - image[1][3:-3, 3:-3, 2:-2]).max() <= 1
    np.testing.assert_allclose(both.place.original_affine, np.eye(4))


def test_the_grid_is_that_of_the_first_present_volume(tmp_path):
    a = volume(tmp_path / "a.nii", *ramp((8, 8, 8), np.eye(4)))
    b = volume(tmp_path / "b.nii", *ramp((4, 4, 4), np.diag([2.0, 2, 2, 1])))
    form = ImageForm((8, 8, 8), in_channels=3, intensity_range=(0, 50), indicators=(0,))
    assert read_case((a, b), form).size == (8, 8, 8)
    lacking = read_case((None, b), form)
    assert lacking.size == (4, 4, 4) and lacking.place.original_shape == (4, 4, 4)


def test_volumes_that_do_not_overlap(tmp_path):
    shifted = np.eye(4)
    shifted[0, 3] = 8
    a = volume(tmp_path / "ct.nii", np.ones((8, 8, 8), np.uint8), np.eye(4))
    b = volume(tmp_path / "pet.nii", np.ones((8, 8, 8), np.uint8), shifted)
    form = ImageForm((8, 8, 8), in_channels=2)
    with pytest.raises(UnreadableImageError, match=r"pet.nii and ct.nii .* do not overlap"):
        read_case((a, b), form)
    shifted[0, 3] = 5
    volume(b, np.ones((8, 8, 8), np.uint8), shifted)
    made = read_case((a, b), form)
    assert MOSTLY_APART in made.remarks
    assert not made.image[1, :4].any() and (made.image[1, 5:] == 1).all()


def test_without_affines_the_number_of_voxels_must_agree(tmp_path):
    values = RNG.integers(0, 255, (2, 8, 6, 5)).astype(np.uint8)
    a = volume(tmp_path / "a.nii", values[0], None)
    b = volume(tmp_path / "b.nii", values[1], np.diag([-1.0, 1, 1, 1]))
    c = volume(tmp_path / "c.nii", values[1, :4], None)
    form = ImageForm((8, 6, 5), in_channels=2)
    image = read_case((a, b), form).image
    np.testing.assert_array_equal(image[:, ::-1], values)  # LAS, as nibabel assumes
    with pytest.raises(UnreadableImageError, match=r"c.nii has 4 x 6 x 5 .*a.nii .*8 x 6 x 5"):
        read_case((a, c), form)


@pytest.mark.parametrize("dims", [2, 3])
def test_one_unreadable_file_makes_the_case_unreadable(tmp_path, dims):
    paths, _ = files(tmp_path, 2, dims)
    paths[1].write_bytes(b"")
    with pytest.raises(UnreadableImageError, match=r"1\.(png|nii.gz) \(0 bytes\)"):
        read_case(paths, ImageForm((8, 6, 5)[:dims], in_channels=2))
