from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from medmonai.data import near_pairs, shape_features
from medmonai.data.duplicates.similarity import NEAR_THRESHOLD

SIZES = [(28, 28), (14, 20, 12)]


def smooth(n, size, *, channels=1, seed=0):
    noise = np.random.default_rng(seed).standard_normal((n, channels, *size))
    shapes = gaussian_filter(noise, (0, 0) + (1.5,) * len(size))
    return (120 + 30 * shapes / shapes.std()).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_unit_vectors_that_contrast_does_not_change(size, channels):
    images = smooth(6, size, channels=channels).astype(np.float32)
    features = shape_features(images)
    assert features.shape == (6, images[0].size) and features.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(shape_features(1000 + 7 * images), features, atol=1e-5)
    np.testing.assert_allclose(shape_features(1e25 * images), features, atol=1e-5)
    np.testing.assert_allclose(shape_features(-images), -features, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_the_band_pass_is_a_difference_of_gaussians(size):
    images = smooth(3, size).astype(np.float64)
    middle = (slice(None), 0, *[slice(n // 2 - 1, n // 2 + 2) for n in (28,) * len(size)])
    large = np.pad(
        images,
        [(0, 0), (0, 0), *[((28 - n) // 2, 28 - n - (28 - n) // 2) for n in size]],
        mode="edge",
    )
    fine, coarse = (
        gaussian_filter(large, (0, 0) + (sigma,) * len(size), truncate=12) for sigma in (0.8, 2.0)
    )
    expected = fine - coarse
    got = shape_features(large).reshape(large.shape)
    ratio = got[middle] / expected[middle]
    np.testing.assert_allclose(
        ratio / ratio.reshape(3, -1)[:, :1].reshape((3,) + (1,) * len(size)), 1, rtol=2e-2
    )


@pytest.mark.parametrize("dims", [2, 3])
def test_large_images_are_averaged_down(dims):
    images = smooth(2, (56,) * dims)
    small = images.reshape(2, 1, *[28, 2] * dims).mean(axis=tuple(range(3, 3 + 2 * dims, 2)))
    np.testing.assert_allclose(shape_features(images), shape_features(small), atol=1e-6)
    assert shape_features(smooth(1, (64,) * dims)).shape == (1, 28**dims)
    # Area weights: cells of 33/28 voxels still average a constant slope exactly.
    slope = np.broadcast_to(np.arange(33.0), (1, 1) + (33,) * dims)
    assert np.isfinite(shape_features(slope)).all()


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("level", [0, 7, 255, -3000.5, 1e6, 1e30])
def test_flat_images_have_no_shape(dims, level):
    images = np.full((2, 1) + (28,) * dims, level, np.float32)
    assert not shape_features(images).any()
    assert not shape_features(np.zeros((1, 1) + (40,) * dims, np.uint8)).any()


@pytest.mark.parametrize("dims", [2, 3])
def test_one_bright_voxel_is_a_shape(dims):
    images = np.zeros((2, 1) + (28,) * dims, np.uint8)
    images[(0, 0) + (3,) * dims] = images[(1, 0) + (20,) * dims] = 1
    a, b = shape_features(images)
    assert a @ a == pytest.approx(1) and abs(a @ b) < 1e-3


def brute(features, threshold):
    similarity = features.astype(np.float64) @ features.T.astype(np.float64)
    rows = np.argwhere(np.triu(similarity >= threshold, 1))
    return {tuple(row): similarity[tuple(row)] for row in rows.tolist()}


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 60),
    d=st.integers(1, 200),
    spread=st.floats(0.05, 1.5),
    threshold=st.sampled_from([0.3, 0.8, 0.94, 1.0]),
    chunk=st.sampled_from([0, 1 << 21]),
)
def test_no_pair_is_missed(seed, n, d, spread, threshold, chunk):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((max(1, n // 4), d))[rng.integers(0, max(1, n // 4), n)]
    vectors = vectors + spread * rng.standard_normal((n, d)) * (rng.random((n, 1)) < 0.7)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    vectors[rng.random(n) < 0.1] = 0
    pairs, scores, complete = near_pairs(
        n, lambda rows: vectors[rows], threshold=threshold, row_bytes=chunk
    )
    assert complete and (np.diff(scores) <= 0).all() and (pairs[:, 0] < pairs[:, 1]).all()
    found, sure, possible = (
        set(map(tuple, pairs.tolist())),
        brute(vectors, threshold + 1e-5),
        brute(vectors, threshold - 1e-5),
    )
    assert set(sure) <= found <= set(possible)
    assert all(
        score == pytest.approx(possible[tuple(pair)], abs=1e-5)
        for pair, score in zip(pairs.tolist(), scores)
    )


def test_no_pair_is_missed_over_several_blocks():
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((5000, 60)).astype(np.float32)
    first = rng.permutation(5000)[:400]
    vectors[first[:200]] = vectors[first[200:]] + 0.2 * rng.standard_normal((200, 60))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs, _, complete = near_pairs(5000, lambda rows: vectors[rows])
    sure, possible = (set(brute(vectors, NEAR_THRESHOLD + slack)) for slack in (1e-5, -1e-5))
    assert complete and len(sure) > 150 and sure <= set(map(tuple, pairs.tolist())) <= possible


def test_too_many_pairs_stop_the_search():
    vectors = np.tile(np.eye(4, dtype=np.float32)[:1], (300, 1))
    pairs, _, complete = near_pairs(300, lambda rows: vectors[rows], max_pairs=1000)
    assert not complete and 0 < len(pairs) <= 1000
    assert near_pairs(300, lambda rows: vectors[rows], max_pairs=300 * 299 // 2)[2]


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01, float("nan")])
def test_thresholds_outside_the_range(threshold):
    with pytest.raises(ValueError, match=r"near_threshold=.*above 0 and up to 1"):
        near_pairs(2, lambda rows: np.eye(2, dtype=np.float32)[rows], threshold=threshold)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_near_and_what_is_not(size):
    """Copies as they come about are near duplicates; other cases, moved and turned ones are not."""
    image = smooth(1, size)[0].astype(np.float64)
    rng = np.random.default_rng(0)
    alike = {
        "darker": 0.6 * image,
        "contrast": 1.3 * image - 30,
        "gamma": 255 * (image / 255) ** 1.4,
        "noise": image + rng.normal(0, 4, image.shape),
        "blurred": gaussian_filter(image, (0,) + (0.5,) * len(size)),
    }
    other = {
        "moved": np.roll(image, 3, axis=1),
        "mirrored": np.flip(image, axis=1),
        "another": smooth(1, size, seed=5)[0],
    }
    own = shape_features(image[None])[0]
    for name, changed in alike.items():
        assert own @ shape_features(np.clip(np.rint(changed), 0, 255)[None])[0] > NEAR_THRESHOLD, (
            name
        )
    for name, changed in other.items():
        assert own @ shape_features(changed[None])[0] < 0.8, name
