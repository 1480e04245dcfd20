"""What is said of a source agrees with what is in it; no path and no patient in what is written."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_files import write_class_folders, write_ham10000

from medmonai.data import (
    About,
    CaseGroups,
    Cohort,
    ImageFiles,
    Provenance,
    TableColumns,
    split_listing,
)
from medmonai.data.describe.source_description import (
    column_numbers,
    describe_cohorts,
    describe_listing,
    group_numbers,
)
from medmonai.data.sources.class_folders import list_class_folders
from medmonai.data.tables.image_table import list_image_table
from medmonai.task import Task


def xrays(root, **about):
    write_class_folders(
        root,
        {
            "train": {"NORMAL": 12, "PNEUMONIA": 20},
            "val": {"NORMAL": 2, "PNEUMONIA": 2},
            "test": {"NORMAL": 4, "PNEUMONIA": 4},
        },
        size=(20, 16),
    )
    return list_class_folders(
        root, name="xrays", groups=CaseGroups(r"^(person\d+)_"), about=About("CC0", **about)
    )


def test_class_folders(tmp_path):
    listing = xrays(tmp_path / "set", known_issues=("small",))
    (tmp_path / "set" / "train" / "NORMAL" / "notes.txt").write_text("x")
    found = describe_listing(
        list_class_folders(
            tmp_path / "set",
            name="xrays",
            groups=CaseGroups(r"^(person\d+)_"),
            about=About(licence="CC0", known_issues=("small",)),
        )
    )
    assert found.cases == {"train": 32, "val": 4, "test": 8} and found.counts["train"] == {
        "NORMAL": 12,
        "PNEUMONIA": 20,
    }
    lines = found.lines()
    assert lines[1].startswith("positive class: PNEUMONIA (class 1, against NORMAL)")
    del lines[1]
    assert lines[:3] == [
        "xrays: 44 cases, binary, 2 classes",
        "licence: CC0",
        "train: 32 cases; NORMAL 12 (37.5%), PNEUMONIA 20 (62.5%); largest to smallest class 1.7",
    ]
    assert "size: 20 x 16 (all files)" in lines and "modes: L 44" in lines
    assert "groups: 22 with 2 cases each" in lines
    assert "left out: 1 (no image by its name), first: train/NORMAL/notes.txt" in lines
    assert any(
        line.startswith("note: validation has 4 cases, 2 of 'NORMAL': too few") for line in lines
    )
    assert lines[-1] == "known issue: small"
    text = json.dumps(found.as_dict())
    assert str(tmp_path) not in text + "".join(lines)
    assert not any(group in text + "".join(lines) for group in set(listing.groups.tolist()))


def test_a_table_without_splits(tmp_path):
    write_ham10000(tmp_path, rows=70, size=(12, 15))
    listing = list_image_table(
        tmp_path / "HAM10000_metadata.csv",
        TableColumns("image_id", "dx", group_column="lesion_id", metadata_columns=("age", "sex")),
        name="ham",
        images=ImageFiles("HAM10000_images_part_*", suffix=".jpg"),
    )
    found = describe_listing(listing, most_headers=10)
    assert found.cases == {"all": 70}
    lines = found.lines()
    assert "size: 12 x 15 (10 of 70 files looked at)" in lines and "modes: RGB 10" in lines
    assert any(line.startswith("column sex: ") and "male" in line for line in lines)
    assert any(
        line.startswith("column age: 5 to 80 (median") and line.endswith("; missing 2")
        for line in lines
    )
    assert "note: The source gives no splits; they are drawn by class and group." in lines


def test_groups_in_several_splits_are_shouted(tmp_path):
    listing = xrays(tmp_path)
    shared = replace(listing, groups=np.array(["p"] * len(listing)))
    assert any("1 IN SEVERAL SPLITS (a leak)" in line for line in describe_listing(shared).lines())
    drawn = split_listing(replace(listing, splits=None))
    assert describe_listing(drawn).groups["in_several_splits"] == 0
    assert describe_listing(replace(listing, groups=None)).groups is None


def cohort(split, n, **changes):
    return Cohort(
        np.full((n, 1, 4, 4), 7, np.uint8),
        labels=np.arange(n) % 2,
        ids=[f"{split}{i}" for i in range(n)],
        task=Task("binary", 2),
        class_names=("a", "b"),
        provenance=Provenance("set", known_issues=("old",)),
        split=split,
        **changes,
    )


def test_cohorts():
    cohorts = [
        cohort(
            "train",
            6,
            groups=np.arange(6),
            metadata={"sex": list("ffmmfm"), "site": list("xxxxxx")},
        ),
        cohort("test", 4, groups=np.arange(5, 9), metadata={"sex": list("ffff")}),
    ]
    found = describe_cohorts(cohorts)
    assert found.headers is None
    assert found.groups == {
        "groups": 9,
        "fewest": 1,
        "median": 1.0,
        "most": 2,
        "in_several_splits": 1,
        "in_several_classes": ["5"],
    }
    assert any("1 with cases of several classes (5)" in line for line in found.lines())
    assert dict(found.metadata) == {
        "sex": {"missing": 0, "distinct": 2, "values": {"f": 7, "m": 3}}
    }
    assert [split.cases for split in found.splits] == [6, 4] and found.lines()[
        -1
    ] == "known issue: old"
    json.dumps(found.as_dict(), allow_nan=False)
    assert "groups: not known" in " ".join(describe_cohorts([cohort("train", 2)]).lines())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["", "nan", " ", "x"], {"missing": 3, "distinct": 1, "values": {"x": 1}}),
        ([], {"missing": 0, "distinct": 0, "values": {}}),
        (
            [str(n / 2) for n in range(11)] + [""],
            {"missing": 1, "distinct": 11, "minimum": 0.0, "median": 2.5, "maximum": 5.0},
        ),
        (
            [f"{n},5" for n in range(11)],
            {"missing": 0, "distinct": 11, "minimum": 0.5, "median": 5.5, "maximum": 10.5},
        ),
    ],
)
def test_columns(values, expected):
    assert column_numbers(np.array(values, dtype=str)) == expected


def test_a_column_of_many_names_is_cut():
    found = column_numbers(np.array([f"name{i}" for i in range(30)]))
    assert found["distinct"] == 30 and len(found["values"]) == 10


@settings(max_examples=50, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=40))
def test_groups_in_several_splits_against_sets(pairs):
    groups, splits = (np.array(column).astype(str) for column in zip(*pairs))
    assert group_numbers(groups, splits)["in_several_splits"] == sum(
        len({s for g, s in pairs if g == group}) > 1 for group in {g for g, _ in pairs}
    )
