"""What is planted in two splits is found: duplicates, blank images, groups, conflicts of labels;
nothing else is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from audited_splits import CONSTANT, COPIES, EXACT, NEAR, SIZES, ids, splits

from medmonai.data import audit_cohorts
from medmonai.task import Task


@pytest.mark.parametrize("size", SIZES)
def test_clean_splits(size):
    audit = audit_cohorts(splits(size), leak_threshold=0.94)
    assert not audit.leaks and not any(found.count for found in audit.findings)
    assert audit.verdict == (
        "no leakage found between the splits; patients are unknown, so patient overlap cannot be "
        "ruled out"
    )
    assert audit.name == "set" and audit.checksum == "md5:0" and audit.near_complete


def test_a_source_without_splits_and_other_tasks():
    whole = replace(splits()[0], split="all")
    assert audit_cohorts([whole]).verdict == "no splits yet, so none can leak"
    three = [replace(c, task=Task("multiclass", 3), class_names=("a", "b", "c")) for c in splits()]
    assert audit_cohorts(three).lines()[1] == "order of the labels: 0 a, 1 b, 2 c"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_what_was_planted_is_found(size, dtype):
    train, val = splits(size)
    rng = np.random.default_rng(3)
    val.images[5] = train.images[4]  # labels 1 and 0
    train.images[9] = train.images[7]
    near = 0.7 * train.images[2] + 40 + rng.normal(0, 2, train.images[2].shape)
    val.images[0] = np.rint(near).clip(0, 255)
    # near one that occurs twice
    val.images[3] = np.rint(1.2 * train.images[7].astype(float) - 20).clip(0, 255)
    train, val = (replace(c, images=c.images.astype(dtype)) for c in (train, val))
    audit = audit_cohorts([train, val], leak_threshold=None)
    exact, near = audit.finding(EXACT), audit.finding(NEAR)
    assert ids(exact) == [["train4", "val5"], ["train7", "train9"]] and (
        exact.count,
        exact.across_count,
    ) == (2, 1)
    assert (
        sorted(ids(near)) == [["train2", "val0"], ["train7", "val3"]] and min(near.scores) >= 0.94
    )
    assert ids(audit.finding("label conflicts of exact duplicates")) == [["train4", "val5"]]
    assert ids(audit.finding("label conflicts of near duplicates")) == []
    assert [leak.kind for leak in audit.leaks] == [EXACT]
    assert audit.verdict.startswith(
        "leakage between splits: exact duplicates 1 (train/val 1); 2 near duplicates across "
        "splits, to be looked at; patients"
    )
    strict = audit_cohorts([train, val], leak_threshold=0.94)
    assert [leak.kind for leak in strict.leaks] == [EXACT, COPIES] and strict.near_across is None
    assert "to be looked at" not in strict.verdict
    without = audit_cohorts([train, val], near_threshold=None)
    assert (
        "near duplicates: not looked for" in without.lines()
        and NEAR not in without.compact()["counts"]
    )
    with pytest.raises(ValueError, match="kind='near duplicates' is unknown"):
        without.finding(NEAR)
    assert audit_cohorts([train]).leaks == ()  # duplicates within a split are no leak


@pytest.mark.parametrize("size", SIZES)
def test_the_twin_in_another_split_stands_for_identical_images(size):
    train, val = splits(size)
    train.images[6] = train.images[1]
    val.images[2] = train.images[1]
    train.images[3] = np.rint(0.8 * train.images[1] + 20)
    near = audit_cohorts([train, val]).finding(NEAR)
    assert (near.count, near.across_count) == (1, 1) and ids(near) == [["val2", "train3"]]


@pytest.mark.parametrize("size", SIZES)
def test_blank_images_do_not_match(size):
    train, val = splits(size)
    train.images[[0, 3]], val.images[[1, 2]] = 0, 0
    train.images[5] = 200
    val.images[6] = 0
    val.images[(6, 0) + (4,) * len(size)] = 9  # almost blank
    audit = audit_cohorts([train, val], leak_threshold=0.94)
    assert not audit.leaks and audit.finding(EXACT).count == audit.finding(NEAR).count == 0
    assert ids(audit.finding(CONSTANT)) == [["train0"], ["train3"], ["train5"], ["val1"], ["val2"]]
    assert ids(audit.finding("images of low contrast")) == [["val6"]]


def test_all_images_blank():
    train, val = splits()
    train.images[:], val.images[:] = 0, 7
    audit = audit_cohorts([train, val])
    assert audit.finding(CONSTANT).count == 20 and not audit.leaks


@pytest.mark.parametrize("kind", [str, int])
def test_groups_in_two_splits(kind):
    train, val, test = splits(n=(12, 8, 6))
    groups = [np.arange(12) // 2, 4 + np.arange(8) // 2, 100 + np.arange(6)]
    train, val, test = (
        replace(c, groups=g.astype(kind)) for c, g in zip((train, val, test), groups)
    )
    audit = audit_cohorts([train, val, test])
    found = audit.finding("groups in several splits")
    assert (found.count, found.cases) == (2, 8) and dict(found.across) == {
        "train/val": 2,
        "train/test": 0,
        "val/test": 0,
    }
    assert ids(found)[0] == ["train8", "train9", "val0", "val1"] and audit.leaks == (found,)
    assert audit.verdict == "leakage between splits: groups in several splits 2 (train/val 2)"
    partly = audit_cohorts([train, replace(val, groups=None), test])
    assert not partly.leaks and not partly.groups_known


def test_ids_in_several_splits_are_a_note():
    train, val = splits()
    audit = audit_cohorts([train, replace(val, ids=[f"train{i + 4}" for i in range(8)])])
    assert audit.finding("ids in several splits").count == 8 and not audit.leaks


def test_multilabel_conflicts():
    labels = [[1, 0, 1], [0, 1, 1]] * 4
    train, val = splits(
        n=(8, 8), task=Task("multilabel", 3), class_names=("a", "b", "c"), labels=labels
    )
    val.images[0], val.images[1] = train.images[1], train.images[3]
    conflicts = audit_cohorts([train, val]).finding("label conflicts of exact duplicates")
    assert ids(conflicts) == [["train1", "val0"]] and conflicts.examples[0][0].label == "b; c"


def test_a_search_that_stopped_says_so():
    train, val = splits()
    train.images[:] = np.rint(
        train.images[0] + np.random.default_rng(0).normal(0, 1, train.images.shape)
    ).clip(0, 255)
    audit = audit_cohorts([train, val], max_pairs=5)
    assert not audit.near_complete and "search for near duplicates stopped early" in audit.verdict
    assert "a search stopped" in audit.lines()[-1]


def test_copies_are_found_where_too_many_are_only_alike():
    train, val = splits()
    rng = np.random.default_rng(0)
    # pairs below .99
    train.images[:] = np.rint(train.images[0] + rng.normal(0, 12, train.images.shape)).clip(0, 255)
    val.images[2] = np.rint(0.9 * train.images[5] + 5)
    audit = audit_cohorts([train, val], near_threshold=0.8, max_pairs=20)
    assert not audit.near_complete and ids(audit.finding(COPIES)) == [["train5", "val2"]]
    assert [leak.kind for leak in audit.leaks] == [COPIES]


def test_wrong_cohorts():
    train, val = splits()
    with pytest.raises(
        ValueError,
        match=r"leak_threshold=0\.9 with near_threshold=0\.94; leak_threshold must lie between",
    ):
        audit_cohorts([train, val], leak_threshold=0.9)
    with pytest.raises(ValueError, match="cohorts are empty"):
        audit_cohorts([])
    with pytest.raises(
        ValueError, match=r"splits \['train', 'train'\]; each needs a name of its own"
    ):
        audit_cohorts([train, train])
    with pytest.raises(
        ValueError,
        match=r"cohorts differ in spatial_size: \{'train': \(28, 28\), 'val': \(14, 14\)\}",
    ):
        audit_cohorts([train, splits((14, 14))[1]])
    with pytest.raises(ValueError, match=r"cohorts differ in class_names"):
        audit_cohorts([train, replace(val, class_names=("a", "b"))])


def test_patients_with_cases_of_several_classes():
    train, test = (
        replace(c, groups=groups)
        for c, groups in zip(
            splits(n=(6, 4)), (["p1", "p1", "p2", "p3", "p2", "p4"], ["q1", "q2", "q1", "q2"])
        )
    )
    audit = audit_cohorts([train, test])
    found = audit.finding("groups with cases of several classes")
    assert (found.count, found.cases, found.names) == (1, 2, ("p1",)) and not audit.leaks
    assert found.line().endswith("e.g. p1: train0 (train, normal), train1 (train, lesion)")
    labels = np.eye(2, dtype=int)[train.labels]
    # several labels at once are no contradiction
    with pytest.raises(ValueError, match="is unknown"):
        audit_cohorts([replace(train, task=Task("multilabel", 2), labels=labels)]).finding(
            found.kind
        )
