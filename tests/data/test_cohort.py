from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from medmonai.data import Cohort, Provenance
from medmonai.task import Task

SHAPES = [(1, 5, 4), (3, 4, 4), (1, 4, 3, 2)]


def make(images=None, **changes):
    images = np.arange(6 * 16, dtype=np.uint8).reshape(6, 1, 4, 4) if images is None else images
    values = {
        "labels": np.arange(len(images)) % 2,
        "ids": [f"case{i}" for i in range(len(images))],
        "task": Task("binary", 2),
        "class_names": ("normal", "lesion"),
        "provenance": Provenance("example"),
        "split": "train",
        **changes,
    }
    return Cohort(images, **values)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_shape_and_items(shape, dtype):
    images = np.random.default_rng(0).integers(0, 200, (6, *shape)).astype(dtype)
    cohort = make(images)
    assert cohort.images is images  # never copied
    assert (cohort.in_channels, cohort.spatial_size, cohort.spatial_dims) == (
        shape[0],
        shape[1:],
        len(shape) - 1,
    )
    assert len(cohort) == 6 and cohort.labels.dtype == np.int64
    item = cohort[3]
    assert (
        torch.equal(item["image"], torch.from_numpy(images[3]))
        and item["label"] == 1
        and item["id"] == "case3"
    )
    item["image"] += 1
    assert np.array_equal(cohort[3]["image"], images[3])  # an item is the caller's own


def test_serves_a_torch_dataloader():
    batch = next(iter(DataLoader(make(), batch_size=4)))
    assert (
        batch["image"].shape == (4, 1, 4, 4)
        and batch["label"].tolist() == [0, 1, 0, 1]
        and batch["id"][0] == "case0"
    )


def test_frozen_and_labels_of_one_column():
    cohort = make(labels=np.array([[0], [1], [0], [1], [0], [1]], np.uint8))
    assert cohort.labels.shape == (6,)
    with pytest.raises(FrozenInstanceError):
        cohort.split = "test"


def test_class_counts():
    assert make().class_counts() == {"normal": 3, "lesion": 3}
    multilabel = make(
        labels=[[1, 0, 1]] * 5 + [[0, 0, 1]],
        task=Task("multilabel", 3),
        class_names=("a", "b", "c"),
    )
    assert multilabel.class_counts() == {"a": 5, "b": 0, "c": 6}
    assert multilabel[0]["label"].tolist() == [1, 0, 1]


def test_require_every_class():
    make().require_every_class()
    with pytest.raises(
        ValueError, match=r"example train: no class 'lesion' among its 6 cases .*'normal': 6"
    ):
        make(labels=np.zeros(6, int)).require_every_class()
    labels = [[1, 0, 1]] * 5 + [[0, 0, 1]]
    with pytest.raises(ValueError, match=r"no positive or no negative case of label 'b', 'c'"):
        make(
            labels=labels, task=Task("multilabel", 3), class_names=("a", "b", "c")
        ).require_every_class()


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"images": np.zeros((0, 1, 4, 4), np.uint8)}, ValueError, r"\(0, 1, 4, 4\): no case"),
        ({"images": np.zeros((6, 4, 4), np.uint8)}, ValueError, r"images have shape \(6, 4, 4\)"),
        ({"images": np.zeros((6, 1, 0, 4), np.uint8)}, ValueError, r"images have shape"),
        (
            {"images": np.zeros((6, 1, 4, 4))},
            TypeError,
            r"images are float64; .*uint8, int16, float32",
        ),
        ({"images": np.zeros((6, 1, 4, 4), object)}, TypeError, r"images are object"),
        ({"images": torch.zeros(6, 1, 4, 4)}, TypeError, r"images are torch.float32"),
        ({"labels": [0, 1]}, ValueError, r"labels hold 2 rows and images 6"),
        ({"labels": [0, 1, 2, 0, 1, 0]}, ValueError, r"labels range from 0 to 2"),
        ({"labels": ["a"] * 6}, TypeError, r"labels have dtype"),
        ({"ids": ["a"] * 5}, ValueError, r"ids hold 5 rows and images 6"),
        ({"ids": ["a", "b", "c", "d", "b", "e"]}, ValueError, r"'b' occurs 2 times"),
        ({"ids": np.arange(6)}, TypeError, r"ids have dtype int64; an array of str"),
        ({"ids": np.array(["a"] * 6, object)}, TypeError, r"ids have dtype object"),
        ({"groups": [1, 2]}, ValueError, r"groups hold 2 rows"),
        ({"groups": [None] * 6}, TypeError, r"groups have dtype object"),
        ({"class_names": ("normal",)}, ValueError, r"needs 2 different names"),
        ({"class_names": ("normal", "normal")}, ValueError, r"needs 2 different names"),
        ({"class_names": ("normal", "")}, ValueError, r"needs 2 different names"),
    ],
)
def test_errors(changes, error, match):
    with pytest.raises(error, match=match) as raised:
        make(**changes)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 4999])
def test_non_finite_pixels_name_the_first_case(bad, where):
    images = np.zeros((5000, 1, 16, 16), np.float32)  # more than one chunk of the check
    images[where, 0, 3, 3] = images[-1, 0, 0, 0] = bad
    with pytest.raises(ValueError, match=f"case 'case{where}' holds NaN"):
        make(images)


def test_memmap_stays_on_disk(tmp_path):
    images = np.lib.format.open_memmap(
        tmp_path / "a.npy", mode="w+", dtype=np.uint8, shape=(6, 1, 4, 4)
    )
    cohort = make(images)
    assert cohort.images is images
    view, picked = cohort.subset([2, 3, 4]), cohort.subset([4, 0])
    assert isinstance(view.images, np.memmap) and view.images.base is not None
    assert not isinstance(picked.images, np.memmap)  # it lies in memory, and says so


def test_subset():
    cohort = make(groups=np.array(list("aabbcc")))
    part = cohort.subset([5, 0, -2])
    assert part.ids.tolist() == ["case5", "case0", "case4"] and part.groups.tolist() == [
        "c",
        "a",
        "c",
    ]
    assert part.labels.tolist() == [1, 0, 0] and np.array_equal(
        part.images, cohort.images[[5, 0, 4]]
    )
    assert cohort.subset(cohort.labels == 1).ids.tolist() == ["case1", "case3", "case5"]
    assert np.shares_memory(cohort.subset(np.arange(1, 4)).images, cohort.images)
    with pytest.raises(ValueError, match="no case"):
        cohort.subset([])
    with pytest.raises(ValueError, match="occurs 2 times"):
        cohort.subset([1, 1])
    with pytest.raises(IndexError):
        cohort.subset([6])
    with pytest.raises(ValueError, match="mask of shape"):
        cohort.subset([True, False])
    with pytest.raises(TypeError, match=r"indices have dtype float64"):
        cohort.subset([0.5, 1.5])


def test_metadata_goes_along():
    cohort = make(metadata={"sex": list("fmfmfm"), "age": np.array(["5", "", "7", "8", "9", "10"])})
    part = cohort.subset([4, 1])
    assert {name: values.tolist() for name, values in part.metadata.items()} == {
        "sex": ["f", "m"],
        "age": ["9", ""],
    }
    assert make().metadata == {}
    with pytest.raises(
        TypeError, match=r"metadata 'age' have dtype float64; an array of str is needed"
    ):
        make(metadata={"age": np.arange(6.0)})
    with pytest.raises(ValueError, match="sex hold 2 rows and images 6"):
        make(metadata={"sex": ["f", "m"]})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True))
def test_subset_equals_indexing(indices):
    cohort = make()
    part = cohort.subset(indices)
    assert np.array_equal(part.images, cohort.images[indices]) and part.ids.tolist() == [
        f"case{i}" for i in indices
    ]


def test_provenance_is_json():
    provenance = Provenance("set", version="1", licence="CC BY 4.0", known_issues=("leaks",))
    assert json.loads(json.dumps(provenance.as_dict())) == provenance.as_dict()
    assert provenance.as_dict()["known_issues"] == ["leaks"]


def test_repr_is_one_short_line():
    assert (
        repr(make())
        == "Cohort(example train: 6 cases, 1 x (4, 4) uint8, binary {'normal': 3, 'lesion': 3})"
    )
