"""Grids: exact where only voxels move, Pillow's and MONAI's values where they agree on what is
right, millimetres kept.
"""

from __future__ import annotations

import itertools

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Orientation, Resize, ResizeWithPadOrCrop, Spacing
from PIL import Image

from medmonai.data.grids import resample_to_grid, resize_grid, to_form_grid

_PAIRS = itertools.permutations(["RL", "AP", "SI"])
ORIENTATIONS = ["".join(letters) for pairs in _PAIRS for letters in itertools.product(*pairs)]
OBLIQUE = np.array([[0.9, 0.2, -0.1], [-0.2, 0.95, 0.1], [0.1, -0.1, 0.98]])


def volume(shape=(5, 6, 7), seed=0, dtype=np.float32):
    return (np.random.default_rng(seed).random((1, *shape)) * 255).astype(dtype)


def affine_of(axes="RAS", spacing=(1.0, 1.0, 1.0), origin=(3, -4, 5)):
    turned = nibabel.orientations.inv_ornt_aff(
        nibabel.orientations.axcodes2ornt(tuple(axes)), (1, 1, 1)
    )
    found = turned @ np.diag([*spacing, 1.0])
    found[:3, 3] = origin
    return found


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_turning_only_moves_voxels_and_equals_monai(orientation, dtype):
    values, affine = volume(dtype=dtype), affine_of("PIL", (1.0, 2.0, 3.0))
    expected = Orientation(axcodes=orientation, labels=None)(MetaTensor(values, affine=affine))
    size = expected.shape[1:]
    matrix = to_form_grid(affine, values.shape[1:], size=size, orientation=orientation)
    found = resample_to_grid(values, matrix, size)
    assert found.dtype == dtype and np.array_equal(found, np.asarray(expected))
    np.testing.assert_allclose(affine @ matrix, np.asarray(expected.affine), atol=1e-12)
    assert "".join(nibabel.aff2axcodes(affine @ matrix)) == orientation


@pytest.mark.parametrize("shape", [(37, 50), (8, 9)])
@pytest.mark.parametrize("size", [(20, 20), (64, 80), (37, 13), (1, 1), (37, 50)])
def test_equals_pillows_bilinear_filter(shape, size):
    image = volume(shape)
    expected = np.asarray(Image.fromarray(image[0]).resize(size[::-1], Image.Resampling.BILINEAR))
    np.testing.assert_allclose(
        resample_to_grid(image, resize_grid(shape, size), size)[0], expected, atol=2e-4
    )


def test_stretching_a_volume_equals_monai_where_it_grows():
    image = volume()
    expected = np.asarray(Resize((10, 9, 21), mode="trilinear", anti_aliasing=False)(image))
    np.testing.assert_allclose(
        resample_to_grid(image, resize_grid(image.shape[1:], (10, 9, 21)), (10, 9, 21)),
        expected,
        atol=1e-3,
    )


@pytest.mark.parametrize("size", [(5, 6, 7), (3, 4, 2), (9, 8, 12), (4, 9, 6), (2, 7, 7)])
def test_own_spacing_crops_and_pads_as_monai(size):
    image = volume(dtype=np.uint8)
    matrix = to_form_grid(
        affine_of(spacing=(0.7, 1.1, 2.5)), image.shape[1:], size=size, spacing=(0.7, 1.1, 2.5)
    )
    found = resample_to_grid(image, matrix, size)
    assert found.dtype == np.uint8 and np.array_equal(
        found, np.asarray(ResizeWithPadOrCrop(size)(image))
    )


def test_finer_spacing_equals_monai_inside():
    image = volume((9, 8, 7))
    affine = affine_of(spacing=(2.0, 2.0, 3.0))
    expected = Spacing(pixdim=(1.0, 1.5, 1.0), mode="bilinear", align_corners=True)(
        MetaTensor(image, affine=affine)
    )
    size = expected.shape[1:]
    there = np.linalg.solve(affine, np.asarray(expected.affine))  # MONAI's grid, our values on it
    found = resample_to_grid(image, there, size)
    inside = tuple(slice(1, n - 2) for n in size)
    np.testing.assert_allclose(found[0][inside], np.asarray(expected)[0][inside], atol=2e-3)


@settings(max_examples=60, deadline=None)
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    own=st.sampled_from(ORIENTATIONS),
    oblique=st.booleans(),
    mm=st.tuples(*[st.floats(0.4, 4)] * 3),
    spacing=st.none() | st.tuples(*[st.floats(0.4, 4)] * 3),
    size=st.tuples(*[st.integers(1, 12)] * 3),
    shape=st.tuples(*[st.integers(1, 12)] * 3),
)
def test_grid_has_the_form_asked_for(orientation, own, oblique, mm, spacing, size, shape):
    affine = affine_of(own, mm)
    if oblique:
        affine[:3, :3] = OBLIQUE @ affine[:3, :3]
    matrix = to_form_grid(affine, shape, size=size, orientation=orientation, spacing=spacing)
    grid = affine @ matrix
    assert "".join(nibabel.aff2axcodes(grid)) == orientation
    if spacing is not None:
        np.testing.assert_allclose(np.linalg.norm(grid[:3, :3], axis=0), spacing, rtol=1e-4)
    middle = [*[(n - 1) / 2 for n in size], 1]
    # the centres agree, to half a voxel where none is halved
    off = np.abs((matrix @ middle)[:3] - (np.array(shape) - 1) / 2)
    assert off.max() <= 0.5 + 1e-9
    ones = resample_to_grid(np.full((1, *shape), 200, np.float32), matrix, size)
    assert ((np.abs(ones - 200) < 1e-3) | (ones == 0)).all()  # no edge is darkened
    assert spacing is not None or (np.abs(ones - 200) < 1e-3).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 99), step=st.floats(0.3, 3), start=st.floats(-2, 2), flip=st.booleans())
def test_a_slope_stays_a_slope(seed, step, start, flip):
    image = np.arange(40, dtype=np.float32)[None, :, None] * np.ones((1, 1, 3), np.float32)
    sign, begin = (-1, 39 - start) if flip else (1, start)
    matrix = np.array([[sign * step, 0, begin], [0, 1, 0], [0, 0, 1]])
    found = resample_to_grid(image, matrix, (8, 3))[0, :, 1]
    centres = begin + sign * step * np.arange(8)
    inner = (centres > 3.1) & (centres < 35.9)
    # a wide triangle on few voxels
    np.testing.assert_allclose(found[inner], centres[inner], atol=max(1e-3, 0.15 * (step > 1)))


def test_nothing_falls_between_voxels():
    image = np.zeros((1, 64, 64, 64), np.float32)
    image[0, 31, 17, 40] = 8**3
    for size in ((8, 8, 8), (16, 16, 16)):
        found = resample_to_grid(image, resize_grid((64,) * 3, size), size)
        # every voxel counts with the same weight
        assert found.sum() == pytest.approx(np.prod(size) / 8**3, rel=0.02)


def test_rotated_grids_are_refused():
    turned = np.eye(4)
    turned[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    with pytest.raises(ValueError, match="the grids are not parallel"):
        resample_to_grid(volume(), turned, (5, 6, 7))
    with pytest.raises(ValueError, match="the grids are not parallel"):
        resample_to_grid(volume(), np.diag([1.0, 1, 0, 1])[[0, 0, 2, 3]], (5, 6, 7))
