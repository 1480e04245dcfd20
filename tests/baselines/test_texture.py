from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from medmonai.baselines import cooccurrence, intensity_texture
from medmonai.baselines.texture import DISTANCES, LEVELS

# The example of Haralick, Shanmugam & Dinstein (1973), figure 3.
HARALICK = np.array([[[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]]])
SIZES = [(9, 12), (6, 7, 5)]


def noise(n, size, *, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *size)).astype(np.uint8)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ((0, 1), [[4, 2, 1, 0], [2, 4, 0, 0], [1, 0, 6, 1], [0, 0, 1, 2]]),
        ((1, 0), [[6, 0, 2, 0], [0, 4, 2, 0], [2, 2, 2, 2], [0, 0, 2, 0]]),
        ((1, 1), [[2, 1, 3, 0], [1, 2, 1, 0], [3, 1, 0, 2], [0, 0, 2, 0]]),
        ((1, -1), [[4, 1, 0, 0], [1, 2, 2, 0], [0, 2, 4, 1], [0, 0, 1, 0]]),
    ],
)
def test_cooccurrence_of_the_published_example(offset, expected):
    assert cooccurrence(HARALICK, offset, 4)[0].tolist() == expected
    opposite = tuple(-step for step in offset)
    assert cooccurrence(HARALICK, opposite, 4)[0].tolist() == expected


@pytest.mark.parametrize("size", SIZES)
def test_cooccurrence_equals_a_loop_over_voxels(size):
    levels = np.random.default_rng(1).integers(0, 5, (2, *size))
    for offset in [(1,) * len(size), (2, *[-1] * (len(size) - 1)), (0, *[2] * (len(size) - 1))]:
        expected = np.zeros((2, 5, 5), int)
        for case, voxel in product(range(2), product(*map(range, size))):
            other = tuple(np.add(voxel, offset))
            if all(0 <= i < n for i, n in zip(other, size)):
                a, b = levels[(case, *voxel)], levels[(case, *other)]
                expected[case, a, b] += 1
                expected[case, b, a] += 1
        np.testing.assert_array_equal(cooccurrence(levels, offset, 5), expected)


def test_cooccurrence_beyond_the_image_is_empty():
    assert not cooccurrence(np.zeros((1, 2, 2), int), (2, 0), 3).any()
    assert not cooccurrence(np.zeros((1, 2, 2), int), (0, -5), 3).any()


def test_haralick_measures_of_a_checkerboard():
    """Two levels, 0 and 15: along the axes always different, along the diagonals always the
    same.
    """
    board = np.indices((6, 6)).sum(axis=0)[None] % 2
    found = {name: column.item() for name, column in intensity_texture(board).items()}
    assert found["contrast_1"] == pytest.approx((225 + 225 + 0 + 0) / 4)
    assert found["contrast_1_range"] == pytest.approx(225)
    assert found["contrast_2"] == 0 and found["correlation_2"] == pytest.approx(1)
    # Axes: -1. Diagonals: 25 pairs, 13 of one level and 12 of the other or as many of both;
    # always 1.
    assert found["correlation_1"] == pytest.approx(0) and found[
        "correlation_1_range"
    ] == pytest.approx(2)
    assert found["homogeneity_1"] == pytest.approx((1 / 226 + 1 / 226 + 1 + 1) / 4)
    even = (13 / 25) ** 2 + (12 / 25) ** 2
    assert found["energy_1"] == pytest.approx((0.5 + 0.5 + 2 * even) / 4)
    diagonal = -(13 / 25 * np.log2(13 / 25) + 12 / 25 * np.log2(12 / 25))
    assert found["entropy_1"] == pytest.approx((1 + 1 + 2 * diagonal) / 4)
    assert (
        found["level_0"] == 0.5
        and found["level_1"] == 0
        and found["level_entropy"] == pytest.approx(1)
    )


@pytest.mark.parametrize("size", SIZES)
def test_moments_and_quantiles_equal_scipys(size):
    images = noise(4, size)
    values, found = images.reshape(4, -1).astype(float), intensity_texture(images)
    np.testing.assert_allclose(found["mean"], values.mean(axis=1))
    np.testing.assert_allclose(found["sd"], values.std(axis=1))
    np.testing.assert_allclose(found["skewness"], stats.skew(values, axis=1), atol=1e-12)
    np.testing.assert_allclose(found["kurtosis"], stats.kurtosis(values, axis=1), atol=1e-12)
    np.testing.assert_allclose(found["quantile_25"], np.percentile(values, 25, axis=1))
    shares = np.array([np.histogram(v, LEVELS, (v.min(), v.max()))[0] / len(v) for v in values])
    np.testing.assert_allclose(
        np.stack([found[f"level_{i}"] for i in range(LEVELS - 1)], axis=1), shares[:, :-1]
    )
    np.testing.assert_allclose(found["level_entropy"], stats.entropy(shares, base=2, axis=1))


@pytest.mark.parametrize("dims", [2, 3])
def test_gradient_of_a_slope(dims):
    """Grey value 3 i + 4 j: magnitude 5 everywhere, nine and sixteen parts of 25 along the axes,
    one direction only.
    """
    i, j, *_ = np.indices((5, 6, 4)[:dims])
    found = {
        name: column.item() for name, column in intensity_texture((3 * i + 4 * j)[None]).items()
    }
    assert found["gradient_mean"] == pytest.approx(5) and found["gradient_sd"] == pytest.approx(
        0, abs=1e-12
    )
    assert found["gradient_quantile_50"] == pytest.approx(5)
    assert found["gradient_share_0"] == pytest.approx(9 / 25) and found[
        "gradient_share_1"
    ] == pytest.approx(16 / 25)
    assert found["gradient_largest"] == pytest.approx(1) and found[
        "gradient_least"
    ] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_a_plane_is_an_image(size):
    images = noise(3, size)
    expected = intensity_texture(images)
    for axis in range(1, images.ndim + 1):
        found = intensity_texture(np.expand_dims(images, axis))
        assert list(found) == list(expected)
        for name, column in expected.items():
            np.testing.assert_array_equal(found[name], column, err_msg=name)


@pytest.mark.parametrize("size", SIZES)
def test_flips_change_nothing_and_exchanged_axes_only_their_shares(size):
    images = noise(3, size)
    expected = intensity_texture(images)
    turned = intensity_texture(images.swapaxes(1, 2))
    for name, column in expected.items():
        np.testing.assert_allclose(
            intensity_texture(images[:, ::-1])[name], column, rtol=1e-9, atol=1e-12, err_msg=name
        )
        other = {
            "gradient_share_0": "gradient_share_1",
            "gradient_share_1": "gradient_share_0",
        }.get(name, name)
        np.testing.assert_allclose(turned[other], column, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("size", SIZES)
def test_brightness_and_contrast_change_levels_of_grey_only(size):
    images = noise(3, size).astype(np.float32)
    expected, found = intensity_texture(images), intensity_texture(4 * images - 1000)
    for name, column in expected.items():
        scaled = name.startswith(
            ("mean", "quantile", "sd", "gradient_mean", "gradient_sd", "gradient_quantile")
        )
        offset = -1000 if name.startswith(("mean", "quantile")) else 0
        wanted = 4 * column + offset if scaled else column
        np.testing.assert_allclose(found[name], wanted, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("size", [(8, 8), (4, 5, 6), (1, 1), (1, 1, 1), (2, 1), (2, 2, 2)])
@pytest.mark.parametrize("level", [0, 0.1, 255, -3000.5, 1e30])
def test_flat_and_tiny_images_have_defined_numbers(size, level):
    images = np.full((2, *size), level)
    found = intensity_texture(images)
    assert all(column.shape == (2,) and np.isfinite(column).all() for column in found.values())
    for name in (
        "skewness",
        "kurtosis",
        "gradient_mean",
        "level_entropy",
        *[f"contrast_{d}" for d in DISTANCES],
    ):
        assert not found[name].any(), name
    assert len(found) == 54 + max(1, sum(n > 1 for n in size))
    mixed = intensity_texture(noise(2, size))
    assert list(mixed) == list(found) and all(
        np.isfinite(column).all() for column in mixed.values()
    )
