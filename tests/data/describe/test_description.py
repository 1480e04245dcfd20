from __future__ import annotations

import json

import numpy as np
import pytest

from medmonai.data import Cohort, Provenance, describe_split
from medmonai.data.describe.description import image_statistics
from medmonai.task import Task


def make(images, *, labels=None, task=None, names=("normal", "lesion"), **changes):
    labels = np.arange(len(images)) % 2 if labels is None else labels
    return Cohort(
        images,
        labels=labels,
        ids=[f"case{i}" for i in range(len(images))],
        task=task or Task("binary", 2),
        class_names=names,
        provenance=Provenance("set"),
        split="train",
        **changes,
    )


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("shape", [(1, 9, 8), (3, 5, 5), (1, 6, 5, 4)])
@pytest.mark.parametrize("offset", [0, 100])
def test_statistics_equal_numpy(dtype, shape, offset):
    images = (offset + np.random.default_rng(0).integers(0, 150, (7, *shape))).astype(dtype)
    images[3] = 5
    found, pixels = image_statistics(images), images.reshape(7, -1).astype(np.float64)
    np.testing.assert_allclose(found.means, pixels.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.sds, pixels.std(axis=1), rtol=1e-6)
    assert np.array_equal(found.low, pixels.min(axis=1)) and np.array_equal(
        found.high, pixels.max(axis=1)
    )
    grey = describe_split(make(images)).intensity
    expected = {
        "minimum": pixels.min(),
        "maximum": pixels.max(),
        "mean": pixels.mean(),
        "sd": pixels.std(),
        "share_at_minimum": np.mean(pixels == pixels.min()),
        "share_at_maximum": np.mean(pixels == pixels.max()),
    }
    assert grey == pytest.approx(expected, rel=1e-6)


def test_a_constant_image_has_exactly_no_spread():
    assert image_statistics(np.full((2, 1, 7, 7), 0.1, np.float32)).sds.max() < 1e-7
    assert not image_statistics(np.full((2, 1, 7, 7), 200, np.uint8)).sds.any()


def test_a_small_spread_far_from_zero():
    images = (1e6 + np.random.default_rng(0).normal(0, 2, (3, 1, 20, 20))).astype(np.float32)
    expected = images.reshape(3, -1).astype(np.float64).std(axis=1)
    np.testing.assert_allclose(image_statistics(images).sds, expected, rtol=1e-9)


def test_classes_and_groups():
    images = np.random.default_rng(0).integers(0, 255, (6, 1, 4, 4)).astype(np.uint8)
    found = describe_split(make(images, labels=[0, 0, 0, 0, 1, 1], groups=list("aabbcc")))
    assert (found.class_counts, found.imbalance, found.groups) == (
        {"normal": 4, "lesion": 2},
        2.0,
        3,
    )
    assert found.lines()[0] == (
        "train: 6 cases, 3 groups, 1 channel, 4 x 4, uint8; normal 4 (66.7%), lesion 2 (33.3%); "
        "largest to smallest class 2.0"
    )
    assert describe_split(make(images, labels=[0] * 6)).imbalance is None
    multilabel = make(
        images, labels=[[1, 0], [1, 1]] * 3, task=Task("multilabel", 2), names=("a", "b")
    )
    assert (
        describe_split(multilabel).class_counts == {"a": 6, "b": 3}
        and describe_split(multilabel).imbalance is None
    )
    content = describe_split(make(images)).as_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
