"""Folds: every case is tested and validated once, patients stay whole, a given test split stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medmonai.data.cohort import Provenance
from medmonai.data.datalist import Listing
from medmonai.planning import Division, divided
from medmonai.planning.division import ensembles
from medmonai.task import Task


def listing(n=60, *, groups=None, splits=None):
    names = [f"{i:03d}.png" for i in range(n)]
    return Listing(
        [Path(name) for name in names],
        ids=np.array(names),
        labels=np.arange(n) % 3 // 2,
        task=Task("binary", 2),
        class_names=("normal", "lesion"),
        provenance=Provenance("x"),
        groups=groups,
        splits=splits,
    )


@pytest.mark.parametrize("members", [3, 5])
@pytest.mark.parametrize("grouped", [False, True])
def test_a_rotation_tests_and_validates_every_case_once(members, grouped):
    groups = np.array([f"p{i // 2}" for i in range(60)]) if grouped else None
    parts = [
        divided(listing(groups=groups), Division("rotation", members), m) for m in range(members)
    ]
    for split in ("test", "val"):
        assert np.sum([part.splits == split for part in parts], axis=0).tolist() == [1] * 60
    for part in parts:
        assert set(part.splits) == {"train", "val", "test"}
        for split in set(part.splits):
            assert set(part.labels[part.splits == split]) == {0, 1}
        if grouped:
            assert all(len(set(part.splits[groups == g])) == 1 for g in set(groups))


def test_folds_leave_the_given_test_split_alone():
    splits = np.array(["test"] * 20 + ["val"] * 10 + ["train"] * 30)
    parts = [divided(listing(splits=splits), Division("folds", 5), m) for m in range(5)]
    for part in parts:
        assert ((part.splits == "test") == (splits == "test")).all()
    assert np.sum([part.splits == "val" for part in parts], axis=0).tolist() == [0] * 20 + [1] * 40


def test_the_seed_decides():
    first, second = (divided(listing(), Division("rotation", 3, seed), 0).splits for seed in (0, 1))
    assert (first != second).any()
    assert (first == divided(listing(), Division("rotation", 3, 0), 0).splits).all()


@pytest.mark.parametrize(
    ("kind", "members", "minutes", "expected"),
    [
        ("given", 3, None, [(5, 30), (3, np.inf)]),
        ("given", 3, 10, [(5, 10), (3, 10), (1, 10)]),
        ("folds", 5, None, [(5, np.inf)]),
        ("rotation", 5, 10, [(5, 10), (3, 10)]),
    ],
)
def test_numbers_of_members_that_are_tried(kind, members, minutes, expected):
    tried = ensembles(Division(kind, members, 7), minutes)
    assert [(one.members, most) for one, most in tried] == expected
    assert all(one.kind == kind and one.seed == 7 for one, _ in tried)
