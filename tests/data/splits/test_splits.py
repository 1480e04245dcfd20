"""The splits of a listing: kept, drawn or read; what is too small, what is missing."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmonai.data import Provenance, split_listing
from medmonai.data.datalist import Listing
from medmonai.task import Task

BINARY, SEVEN, LABELS = Task("binary", 2), Task("multiclass", 7), Task("multilabel", 3)


def listing(labels, *, task=BINARY, groups=None, splits=None):
    names = [f"{i:05d}.png" for i in range(len(labels))]
    return Listing(
        [Path("/data") / name for name in names],
        ids=names,
        labels=labels,
        task=task,
        groups=groups,
        splits=splits,
        class_names=tuple("abcdefg"[: task.num_classes]),
        provenance=Provenance("set"),
        notes=("old",),
    )


def given_splits(train, val, test, *, pairs=False):
    """The layout of three folders, two classes in turn; pairs: each two neighbours are one
    patient.
    """
    splits = np.repeat(["train", "val", "test"], [train, val, test])
    labels = np.arange(len(splits)) % 4 // 2 if pairs else np.arange(len(splits)) % 2
    return listing(
        labels,
        splits=splits,
        groups=np.char.mod("p%d", np.arange(len(splits)) // 2) if pairs else None,
    )


def cases(found):
    return {split: int((found.splits == split).sum()) for split in ("train", "val", "test")}


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(60, 400),
    patients=st.integers(30, 200),
    val=st.floats(0.1, 0.3),
    test=st.floats(0.1, 0.3),
    seed=st.integers(0, 99),
)
def test_all_three_are_drawn_by_class_and_group(n, patients, val, test, seed):
    rng = np.random.default_rng(seed)
    groups = np.char.mod("p%d", rng.integers(0, patients, n))
    source = listing(np.arange(n) % 2, groups=groups)
    found = split_listing(source, val_fraction=val, test_fraction=test, seed=seed)
    assert found.ids.tolist() == source.ids.tolist() and found.files == source.files
    assert all(len(set(found.splits[groups == group])) == 1 for group in set(groups))
    assert abs(cases(found)["val"] - val * n) < 8 and abs(cases(found)["test"] - test * n) < 8


def test_shares_without_fractions_and_without_groups():
    found = split_listing(listing(np.arange(400) % 2))
    assert cases(found) == {"train": 280, "val": 60, "test": 60}
    assert (
        found.notes[0] == "old"
        and "val (0.15) and test (0.15) drawn from all 400 cases" in found.notes[1]
    )
    assert "patients are not known" in found.notes[1]


def test_the_seed_decides():
    drawn = [
        split_listing(listing(np.arange(400) % 2), seed=seed).splits.tolist() for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_given_splits_stay_to_the_case():
    source = given_splits(200, 60, 60)
    found = split_listing(source)
    assert np.array_equal(found.splits, source.splits) and found.notes == (
        "old",
        "Splits: as the source gives them.",
    )


def test_a_validation_of_16_images_is_noticed_and_the_offer_is_taken(caplog):
    source = given_splits(180, 16, 60, pairs=True)
    with caplog.at_level(logging.WARNING, "medmonai.data"):
        kept = split_listing(source)
    assert cases(kept)["val"] == 16
    told = caplog.records[-1].getMessage()
    assert "validation has 16 cases, 8 of 'a': too few" in told
    assert "val_fraction=0.26 draws 51 of the 196 train and val" in told
    assert kept.notes[-1] in told
    caplog.clear()
    found = split_listing(source, val_fraction=0.26)
    assert not caplog.records
    assert np.array_equal(found.splits == "test", source.splits == "test")  # never touched
    assert 50 <= cases(found)["val"] <= 52
    assert not set(found.groups[found.splits == "train"]) & set(found.groups[found.splits == "val"])
    assert (
        "val (0.26) drawn from the other 196 cases" in found.notes[-1]
        and "test as the source gives it" in found.notes[-1]
    )
    assert "groups kept whole" in found.notes[-1]


def test_few_of_a_class_are_too_few_however_many_cases_there_are(caplog):
    source = listing(
        np.array([0] * 190 + [1] * 10 + [0] * 98 + [1] * 2 + [0] * 50 + [1] * 50),
        splits=np.repeat(["train", "val", "test"], [200, 100, 100]),
    )
    assert "validation has 100 cases, 2 of 'b'" in split_listing(source).notes[-1]
    assert "val_fraction=0.42 draws 126 of the 300" in caplog.text
    assert (
        '"folds" in a study, or cross_validation_cohort'
        in split_listing(listing(np.arange(60) % 2)).notes[-1]
    )
    # 9 cases, 4 of a class
    assert len(split_listing(listing(np.arange(60) % 2), min_validation=5).notes) == 3
    assert len(split_listing(listing(np.arange(100) % 2), min_validation=5).notes) == 2


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        (
            ("train", "test"),
            {"train": 170, "val": 30, "test": 100},
        ),  # no validation: drawn from train
        (("train", "val"), {"train": 170, "val": 100, "test": 30}),
    ],
)
def test_only_what_is_missing_is_drawn(splits, expected):
    source = listing(np.arange(300) % 2, splits=np.repeat(splits, [200, 100]))
    found = split_listing(source)
    assert cases(found) == expected
    assert np.array_equal(found.splits == splits[1], source.splits == splits[1])


def test_a_test_split_and_a_new_validation_from_train_and_val():
    source = listing(np.arange(300) % 2, splits=np.repeat(["train", "val"], [200, 100]))
    assert cases(split_listing(source, val_fraction=0.2, test_fraction=0.1)) == {
        "train": 210,
        "val": 60,
        "test": 30,
    }


def test_everything_anew():
    found = split_listing(
        given_splits(200, 20, 80), keep_given=False, test_fraction=0.5, val_fraction=0.2
    )
    assert cases(found) == {"train": 90, "val": 60, "test": 150}
    assert "from all 300 cases" in found.notes[-1]


def test_seven_lesions_as_rare_as_those_of_ham10000():
    """The real counts of classes; 7,470 lesions of up to 6 images."""
    counts = [327, 514, 1099, 115, 1113, 6705, 142]
    labels = np.repeat(np.arange(7), counts)
    lesions = np.minimum(np.arange(10015), np.random.default_rng(0).integers(0, 10015, 10015))
    lesions = labels * 100_000 + lesions // 2  # a lesion has one diagnosis
    found = split_listing(
        listing(labels, task=SEVEN, groups=lesions.astype(str)),
        val_fraction=0.15,
        test_fraction=0.15,
    )
    for split, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
        here = np.bincount(labels[found.splits == split], minlength=7)
        assert np.abs(here - share * np.array(counts)).max() < 2
    of_lesion = {}
    for lesion, split in zip(lesions, found.splits):
        assert of_lesion.setdefault(lesion, split) == split


def test_multilabel():
    labels = (np.random.default_rng(0).random((500, 3)) < [0.5, 0.06, 0.3]).astype(int)
    found = split_listing(listing(labels, task=LABELS))
    assert all(labels[found.splits == split, 1].sum() >= 3 for split in ("train", "val", "test"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val_fraction": 0.0}, "val_fraction=0.0; a number between 0 and 1"),
        ({"val_fraction": 1}, "val_fraction=1; a number between"),
        ({"val_fraction": "0.2"}, "val_fraction='0.2'"),
        ({"test_fraction": float("nan")}, "test_fraction=nan"),
        (
            {"val_fraction": 0.6, "test_fraction": 0.4},
            r"val_fraction \+ test_fraction = 1; nothing would be left for train",
        ),
        (
            {"val_fraction": 0.2, "file": "splits.csv"},
            "file='splits.csv' and a fraction are given; the file names every split",
        ),
    ],
)
def test_impossible_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        split_listing(listing(np.arange(100) % 2), **options)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (
            given_splits(60, 60, 60),
            {"test_fraction": 0.2},
            "test_fraction=0.2 and set has a test split of 60 cases, "
            r"which is kept; leave the fraction out \(--test_fraction null\), or "
            r".*--planned_listing#keep_given false",
        ),
        (
            listing(np.arange(60) % 2, splits=np.repeat("test", 60)),
            {},
            "set gives test only; no case is left for train",
        ),
        (
            listing([0] * 50 + [1] * 2),
            {},
            r"set: (val|test) has no class 'b' among its \d+ cases \('b' has 2 of 52\)",
        ),
        (
            listing([0] * 50 + [1] * 50, groups=np.repeat(["p", "q"], 50)),
            {},
            "in 1 groups.*--val_fraction 0.15",
        ),
        (
            listing(
                [0] * 30 + [1] * 30 + [0] * 30,
                splits=np.repeat(["train", "val", "test"], [15, 30, 45]),
            ),
            {},
            "set: train has no class 'b' among its 15 cases",
        ),
        (
            listing(np.eye(3, dtype=int)[[0] * 50 + [1] * 50 + [2]], task=LABELS),
            {},
            "has no positive or no negative case of label 'c'",
        ),
    ],
)
def test_listings_that_cannot_be_split(source, options, message):
    with pytest.raises(ValueError, match=message):
        split_listing(source, **options)


def test_a_class_that_only_test_has_is_refused():
    labels = np.array([0, 1] * 30 + [0, 1, 2, 2] * 10)
    splits = np.repeat(["train", "val", "test"], [40, 20, 40])
    with pytest.raises(
        ValueError, match=r"set: train has no class 'c' among its 40 cases .*'c' has 20 of 100"
    ):
        split_listing(listing(labels, task=Task("multiclass", 3), splits=splits))
