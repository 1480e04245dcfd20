"""What stands in an exported file makes the same gray levels of an image as decoding for the
network does.
"""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from medmonai.data import ImageForm
from medmonai.data.containers import array_kind
from medmonai.data.files import array_case, read_case
from medmonai.deployment.graph_levels import PictureLevels, VolumeLevels

SHAPES = [(50, 37), (20, 31), (1, 5), (9, 70, 3), (20, 133, 4), (300, 17, 3), (41, 40)]


def levels(image, form, *, spacing=None, from_columns=False):
    """Gray levels of one image as a file computes them."""
    kind = VolumeLevels if len(form.spatial_size) == 3 else PictureLevels
    x = torch.from_numpy(image if form.intensity_range is None else image.astype(np.float32))
    millimeters = None if spacing is None else torch.tensor(np.array([spacing]))
    return kind(form, from_columns=from_columns)(x[None], millimeters)[0].numpy()


@pytest.mark.parametrize("aspect", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("window", [None, (20.5, 230.1)])
def test_pictures_of_any_size_and_color(aspect, channels, window, tmp_path):
    form = ImageForm((20, 31), in_channels=channels, aspect=aspect, intensity_range=window)
    rng = np.random.default_rng(channels)
    for shape in SHAPES:
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / "a.png")
        expected = read_case(tmp_path / "a.png", form).image
        given = image if image.ndim == 3 else image[..., None]
        np.testing.assert_array_equal(levels(given, form), expected, err_msg=str(shape))


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_16_bits(channels, tmp_path):
    image = np.random.default_rng(0).integers(0, 65536, (60, 44), dtype=np.uint16)
    Image.fromarray(image).save(tmp_path / "a.png")
    form = ImageForm((20, 31), in_channels=channels, intensity_range=(-100.3, 40000.7))
    expected = read_case(tmp_path / "a.png", form).image
    np.testing.assert_array_equal(levels(image[..., None], form), expected)


@pytest.mark.parametrize(
    ("shape", "window"),
    [
        ((5, 33, 24), None),
        ((2, 33, 24), ((0.0, 100.0), (50.0, 255.0))),
        ((3, 33, 24), ((0.0, 100.0), (50.0, 255.0), (-10.0, 300.0))),
    ],
)
def test_channels_that_are_no_colors(shape, window):
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    form = ImageForm((16, 16), in_channels=shape[0], intensity_range=window)
    expected = array_case(image, form, "a", kind=array_kind("npz", image)).image
    np.testing.assert_array_equal(levels(np.moveaxis(image, 0, -1), form), expected)


def test_three_files_of_a_case_are_no_colors(tmp_path):
    image = np.random.default_rng(2).integers(0, 256, (33, 24, 3), dtype=np.uint8)
    files = tuple(tmp_path / f"{c}.png" for c in range(3))
    for channel, file in enumerate(files):
        Image.fromarray(image[..., channel]).save(file)
    form = ImageForm((16, 20), in_channels=3)
    expected = read_case(files, form).image
    np.testing.assert_array_equal(levels(image, form, from_columns=True), expected)


@pytest.mark.parametrize("held", [2, 5])
def test_another_number_of_channels_is_an_error(held):
    with pytest.raises((IndexError, RuntimeError)):
        levels(np.zeros((8, 8, held), np.uint8), ImageForm((8, 8), in_channels=1))


@pytest.mark.parametrize("window", [None, (-160.0, 240.0)])
@pytest.mark.parametrize("spacing", [None, (0.7, 1.5, 2.0), (1.0, 1.0, 2.5)])
@pytest.mark.parametrize("directions", ["RAS", "LPI"])
def test_volumes_of_any_size_and_spacing(window, spacing, directions, tmp_path):
    rng = np.random.default_rng(3)
    turned = nibabel.orientations.axcodes2ornt(tuple(directions))
    for own in ((1.0, 1.0, 2.5), (0.7, 1.5, 3.0), (2.2, 0.5, 2.0)):
        shape = tuple(int(n) for n in rng.integers(1, 40, 3))
        size = tuple(int(n) for n in rng.integers(1, 24, 3))
        values = rng.integers(0, 256, shape, dtype=np.uint8)
        values = values if window is None else (values.astype(np.int16) * 3 - 400)
        affine = nibabel.orientations.inv_ornt_aff(turned, shape) @ np.diag([*own, 1.0])
        nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / "v.nii")
        form = ImageForm(size, in_channels=1, intensity_range=window, spacing=spacing)
        upright = nibabel.as_closest_canonical(nibabel.load(tmp_path / "v.nii"))
        found = levels(
            np.ascontiguousarray(upright.dataobj),
            form,
            spacing=None if spacing is None else nibabel.affines.voxel_sizes(upright.affine),
        )
        np.testing.assert_array_equal(found, read_case(tmp_path / "v.nii", form).image)
