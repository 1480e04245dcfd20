"""Volumes that share nothing but their padding are not alike."""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.data import Cohort, ImagePlace, Provenance, shape_features
from medmonai.data.audit import audit_cohorts
from medmonai.data.duplicates.padding import without_padding
from medmonai.task import Task


def place(before, size):
    """A file that begins so many voxels behind the grid."""
    matrix = np.eye(4)
    matrix[:3, 3] = [-n for n in before]
    return ImagePlace(matrix, original_affine=np.eye(4), original_shape=size)


def padded(channels, n=12):
    """Soft tissue of small contrast in a grid of 16 voxels, 4 of which are air along an axis."""
    images = np.full((n, channels, 16, 16, 16), -1000.0, np.float32)
    tissue = np.random.default_rng(0).normal(40, 15, (n, channels, 16, 16, 12))
    images[..., 2:14] = tissue
    return images, (place((0, 0, 2), (16, 16, 12)),) * n


@pytest.mark.parametrize("channels", [1, 3])
def test_the_likeness_of_padding_is_removed(channels):
    images, places = padded(channels)
    alike = shape_features(images)
    assert (alike @ alike.T).min() > 0.99
    features = shape_features(without_padding(images, places))
    assert np.abs(features @ features.T - np.eye(len(images))).max() < 0.2
    assert images[0, 0, 0, 0, 0] == -1000  # the images stay as they are


def test_images_without_padding_stay_the_same_array():
    images = np.zeros((2, 1, 4, 4, 4), np.uint8)
    assert without_padding(images, None) is images
    assert without_padding(images, (place((0, 0, 0), (4, 4, 4)),) * 2) is images


def test_padded_volumes_are_no_leak_and_copies_still_are():
    images, places = padded(1)

    def split(rows, name):
        return Cohort(
            images[rows],
            labels=np.arange(len(rows)) % 2,
            ids=[f"{name}{row}" for row in rows],
            task=Task("binary", 2),
            class_names=("a", "b"),
            provenance=Provenance("boxes"),
            split=name,
            places=[places[row] for row in rows],
        )

    assert audit_cohorts([split(range(6), "train"), split(range(6, 12), "test")]).leaks == ()
    (leak,) = audit_cohorts([split(range(6), "train"), split(range(5, 12), "test")]).leaks
    assert leak.across_count == 1
