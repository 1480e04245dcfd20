from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmonai.data import Cohort, Provenance
from medmonai.data.duplicates.duplicates import CaseTable, image_keys, same_rows
from medmonai.data.duplicates.findings import Finding, RowSets
from medmonai.task import Task


def cohort(labels, *, split, task=None, names=("normal", "lesion")):
    images = (
        np.random.default_rng(len(split)).integers(0, 255, (len(labels), 1, 8, 8)).astype(np.uint8)
    )
    return Cohort(
        images,
        labels=labels,
        ids=[f"{split}{i}" for i in range(len(labels))],
        task=task or Task("binary", 2),
        class_names=names,
        provenance=Provenance("set"),
        split=split,
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=30))
def test_same_rows(values):
    sets = same_rows(np.array(values, np.int64))
    expected = [
        tuple(i for i, v in enumerate(values) if v == value) for value in dict.fromkeys(values)
    ]
    assert [tuple(sets.at(i).tolist()) for i in range(len(sets.starts))] == [
        e for e in expected if len(e) > 1
    ]


def test_row_sets():
    sets = RowSets(np.array([0, 3, 1, 2, 5, 4, 6]), np.array([0, 2, 5]))
    assert sets.numbers().tolist() == [0, 0, 1, 1, 1, 2, 2]
    differing = sets.differing(np.array([7, 1, 1, 7, 2, 2, 2]))
    assert [differing.at(i).tolist() for i in range(len(differing.starts))] == [[1, 2, 5]]
    assert not len(sets.chosen(np.zeros(3, bool)).rows)
    assert not len(
        RowSets(np.empty(0, np.int64), np.empty(0, np.int64)).differing(np.arange(3)).rows
    )


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("shape", [(1, 6, 5), (3, 4, 4), (1, 4, 3, 5)])
def test_keys_are_equal_where_pixels_are(dtype, shape):
    images = np.random.default_rng(0).integers(0, 100, (6, *shape)).astype(dtype)
    images[4] = images[1]
    images[5] = images[1]
    images[(5, *[-1] * len(shape))] += 1  # the last voxel alone
    keys = image_keys(images)
    assert keys.shape == (6,) and keys.itemsize == 16
    assert keys[4] == keys[1] and len(np.unique(keys)) == 5
    assert np.array_equal(image_keys(images[::-1]), keys[::-1])  # no contiguous array needed
    # another shape is another image
    assert not np.isin(image_keys(images.reshape(6, 1, -1, 1)), keys).any()


def test_minus_zero_is_zero():
    images = np.zeros((2, 1, 4, 4), np.float32)
    images[1] = -0.0
    assert len(np.unique(image_keys(images))) == 1


def test_memmap_is_read_in_chunks(tmp_path):
    images = np.lib.format.open_memmap(
        tmp_path / "a.npy", mode="w+", dtype=np.uint8, shape=(20000, 1, 32, 32)
    )
    image_keys(images[:2])
    tracemalloc.start()
    image_keys(images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.55 * images.nbytes  # two chunks of 4 MB and the keys; the images are 20 MB


def test_finding_counts_splits():
    table = CaseTable(
        [
            cohort([0, 1, 0], split="train"),
            cohort([1, 1], split="val"),
            cohort([0, 1], split="test"),
        ],
        examples=2,
    )
    # {train0, train1}, {train2, val0, test1}, {val1, test0}
    found = table.finding(
        "exact duplicates", RowSets(np.array([0, 1, 2, 3, 6, 4, 5]), np.array([0, 2, 5]))
    )
    assert (found.count, found.cases, found.across_count) == (3, 7, 2)
    assert dict(found.across) == {"train/val": 1, "train/test": 1, "val/test": 2}
    assert dict(found.cases_across) == {"train": 1, "val": 2, "test": 2}
    assert [[case.id for case in example] for example in found.examples] == [
        ["train2", "val0", "test1"],
        ["val1", "test0"],
    ]
    assert found.line() == (
        "exact duplicates: 3 (7 cases), 2 across splits (train/val 1, train/test 1, val/test 2); "
        "e.g. train2 (train, normal) = val0 (val, lesion) = test1 (test, lesion)"
    )
    every = found.as_dict()["sets"]  # not only the two examples, and in the order of the sets
    assert [[case["id"] for case in of_set["cases"]] for of_set in every] == [
        ["train0", "train1"],
        ["train2", "val0", "test1"],
        ["val1", "test0"],
    ]
    assert every[1]["cases"][1] == {"split": "val", "id": "val0", "label": "lesion"}
    named = table.finding(
        "groups", RowSets(np.array([0, 3]), np.array([0])), names=np.array(["p7"])
    )
    assert named.line().endswith("e.g. p7: train0 (train, normal), val0 (val, lesion)")
    assert named.as_dict()["sets"][0]["group"] == "p7"
    large = table.finding(
        "groups", RowSets(np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 5]), np.array([0]))
    )
    # the other split is shown
    assert len(large.examples[0]) == 8 and large.examples[0][-1].split == "test"
    assert large.line().endswith("e.g. train0 (train, normal) = test0 (test, normal)")
    assert Finding("exact duplicates").line() == "exact duplicates: none"


def test_multilabel_cases_name_their_labels():
    task = Task("multilabel", 3)
    table = CaseTable(
        [cohort([[1, 0, 1], [0, 0, 0], [1, 0, 1]], split="train", task=task, names=("a", "b", "c"))]
    )
    assert [table.case(i).label for i in range(2)] == ["a; c", "no label"]
    assert table.label_of[0] == table.label_of[2] != table.label_of[1]


def test_features_come_in_the_order_asked():
    table = CaseTable([cohort([0, 1, 0], split="train"), cohort([1, 1], split="val")])
    everything = table.features(np.arange(5))
    order = np.array([4, 0, 3, 1])
    assert np.array_equal(table.features(order), everything[order])
