from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmonai.baselines import FEATURES, features, image_features, intensity_texture
from medmonai.baselines.features import MAX_PIXELS, block_sizes

SIZES = [(12, 9), (8, 6, 7)]


def noise(n, channels, size, *, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, channels, *size)).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_small_images_keep_every_pixel(size, channels):
    images = noise(5, channels, size)
    found = image_features(images)
    assert found.dtype == np.float32 and found.shape == (5, images[0].size)
    np.testing.assert_allclose(found, images.reshape(5, -1) / 255, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("kind", FEATURES)
def test_only_uint8_is_divided(dtype, kind):
    images = noise(3, 1, (8, 8))
    as_float = image_features(images.astype(dtype), kind)
    if kind == "pixels":
        np.testing.assert_array_equal(as_float, images.reshape(3, -1))
    else:
        np.testing.assert_allclose(as_float[:, 0], images.reshape(3, -1).mean(axis=1), rtol=1e-6)
        np.testing.assert_allclose(
            image_features(images, kind)[:, 0], as_float[:, 0] / 255, rtol=1e-6
        )


def test_volumes_are_averaged_in_blocks():
    images = noise(2, 1, (28, 28, 28))
    expected = images.reshape(2, 14, 2, 14, 2, 14, 2).mean(axis=(2, 4, 6)).reshape(2, -1) / 255
    np.testing.assert_allclose(image_features(images), expected, rtol=1e-6)


def test_the_last_block_may_be_smaller():
    """65 x 65 is above the limit: blocks of two, 33 x 33; the last row and column are single
    voxels.
    """
    images = noise(2, 1, (65, 65))
    found = image_features(images).reshape(2, 33, 33)
    np.testing.assert_allclose(
        found[:, 0, 0], images[:, 0, :2, :2].mean(axis=(1, 2)) / 255, rtol=1e-6
    )
    np.testing.assert_allclose(found[:, -1, 3], images[:, 0, 64, 6:8].mean(axis=1) / 255, rtol=1e-6)
    np.testing.assert_allclose(found[:, -1, -1], images[:, 0, 64, 64] / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("size", "channels", "expected"),
    [
        ((28, 28), 1, (1, 1)),
        ((28, 28), 3, (1, 1)),
        ((64, 64), 1, (1, 1)),
        ((224, 224), 1, (4, 4)),
        ((224, 224), 3, (7, 7)),
        ((28, 28, 28), 1, (2, 2, 2)),
        ((64, 64, 64), 1, (4, 4, 4)),
        ((512, 512, 40), 1, (31, 31, 3)),
        ((1, 1), 5000, (1, 1)),
    ],
)
def test_block_sizes(size, channels, expected):
    assert block_sizes(size, channels) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=2, max_size=3), st.integers(1, 4))
def test_blocks_leave_no_more_than_the_limit(size, channels):
    blocks = block_sizes(tuple(size), channels)
    left = channels * np.prod([-(-n // block) for n, block in zip(size, blocks)])
    assert left <= MAX_PIXELS
    # not far below
    assert (
        set(blocks) == {1} or left * np.prod([min(block, 2) for block in blocks]) > MAX_PIXELS // 8
    )


@pytest.mark.parametrize("size", SIZES)
def test_channels_stand_side_by_side(size):
    images = noise(4, 2, size)
    found = image_features(images, "intensity_texture")
    for channel, part in enumerate(np.split(found, 2, axis=1)):
        expected = intensity_texture(images[:, channel] / 255)
        np.testing.assert_allclose(part, np.stack(list(expected.values()), axis=1), rtol=1e-6)


@pytest.mark.parametrize("kind", FEATURES)
@pytest.mark.parametrize("size", SIZES)
def test_a_plane_gives_the_same_as_an_image(kind, size):
    images = noise(4, 1, size[:2])
    np.testing.assert_array_equal(
        image_features(images[..., None], kind), image_features(images, kind)
    )


@pytest.mark.parametrize("kind", FEATURES)
@pytest.mark.parametrize("size", [*SIZES, (28, 28, 28)])
def test_cases_do_not_depend_on_their_chunk(kind, size, monkeypatch):
    images = noise(7, 1, size)
    expected = image_features(images, kind)
    monkeypatch.setattr(features, "_CHUNK_BYTES", 3 * 8 * images[0].size)
    np.testing.assert_array_equal(image_features(images, kind), expected)
    order = [4, 0, 6]
    np.testing.assert_array_equal(image_features(images[order], kind), expected[order])


@pytest.mark.parametrize("kind", FEATURES)
def test_memory_does_not_grow_with_the_cases(kind, tmp_path):
    """What is taken beyond the result stays the same for four times the cases, read from disk."""

    def taken(n):
        images = np.lib.format.open_memmap(tmp_path / f"{n}.npy", "w+", np.uint8, (n, 1, 64, 64))
        images[:] = noise(1, 1, (64, 64))
        tracemalloc.start()
        result = image_features(images, kind)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak - result.nbytes

    assert taken(800) < 1.1 * taken(200) + 2e6


def test_unknown_kinds_and_wrong_images():
    images = noise(2, 1, (4, 4))
    with pytest.raises(
        ValueError,
        match=r"features='pixel' is unknown; did you mean 'pixels'\? Use one of pixels, inten",
    ):
        image_features(images, "pixel")
    with pytest.raises(TypeError, match="float64"):
        image_features(images.astype(float))
    with pytest.raises(ValueError, match=r"shape \(2, 4, 4\)"):
        image_features(images[:, 0])
