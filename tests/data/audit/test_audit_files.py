"""What an audit says and writes: lines, JSON, files of every pair, twins of a case."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from audited_splits import EXACT, NEAR, SIZES, splits

from medmonai.data import audit_cohorts, write_audit


def test_json_lines_and_compact():
    train, val = splits()
    val.images[5] = train.images[4]
    audit = audit_cohorts([train, val])
    for content in (audit.as_dict(), audit.compact(allowed=True)):
        assert json.loads(json.dumps(content, allow_nan=False)) == content
    compact = audit.compact(allowed=True)
    assert compact["leakage"] and compact["leakage_allowed"] and compact["counts"][EXACT] == 1
    assert compact["leaks"] == {
        EXACT: {"across": {"train/val": 1}, "examples": [["train4", "val5"]]}
    }
    assert len(json.dumps(compact)) < 1500
    lines = audit.lines()
    assert (
        lines[0] == f"set: {audit.verdict}"
        and all("\n" not in line for line in lines)
        and len(lines) == 2 + 4 + 11
    )
    assert lines[1].startswith("positive class: lesion (class 1, against normal)")
    with pytest.raises(ValueError, match=r"kind='x' is unknown; use one of 'exact duplicates'"):
        audit.finding("x")


def test_the_number_of_examples_is_bounded():
    train, val = splits(n=(12, 12))
    val.images[:] = train.images
    audit = audit_cohorts([train, val], examples=3)
    assert audit.finding(EXACT).count == 12 and len(audit.finding(EXACT).examples) == 3
    train.images[:] = train.images[0]
    assert len(audit_cohorts([train]).finding(EXACT).examples[0]) == 8


@pytest.mark.parametrize("size", SIZES)
def test_twins_with_another_label(size):
    train, test = splits(size)
    test.images[1] = train.images[2]  # lesion and normal
    test.images[2] = np.rint(0.9 * train.images[3].astype(float) + 10)  # normal and lesion, near
    test.images[4] = train.images[4]  # both normal
    test.images[6] = test.images[7]  # within the split
    twins = audit_cohorts([train, test]).twins("val")
    assert twins == {
        "val1": [{"split": "train", "id": "train2", "label": "normal"}],
        "val2": [{"split": "train", "id": "train3", "label": "lesion"}],
        "val6": [{"split": "val", "id": "val7", "label": "lesion"}],
        "val7": [{"split": "val", "id": "val6", "label": "normal"}],
    }
    assert json.loads(json.dumps(twins)) == twins and audit_cohorts([train]).twins("val") == {}


@pytest.mark.parametrize("size", SIZES)
def test_the_files_hold_every_pair(size, tmp_path):
    train, val = (
        replace(c, groups=np.arange(len(c)) // 2 + 3 * (c.split == "val"))
        for c in splits(size, n=(40, 40))
    )
    val.images[:30] = train.images[:30]
    val.images[35] = np.rint(0.95 * train.images[36].astype(float) + 5)
    audit = audit_cohorts([train, val], examples=2)
    for name, stem in (
        ("audit.csv", "audit"),
        ("audit.JSON", "audit"),
        ("set.v2", "set.v2"),
        ("audit", "audit"),
    ):
        files = write_audit(audit, tmp_path / name)
        assert [file.name for file in files] == [f"{stem}.json", f"{stem}.csv"]
    content = json.loads(files[0].read_text())
    exact = next(f for f in content["findings"] if f["kind"] == EXACT)
    assert [[case["id"] for case in found["cases"]] for found in exact["sets"]] == [
        [f"train{i}", f"val{i}"] for i in range(30)
    ]
    with open(files[1], newline="") as file:
        rows = list(csv.DictReader(file))
    pairs = [f"{split}{i}" for i in range(30) for split in ("train", "val")]
    assert [row["id"] for row in rows if row["finding"] == EXACT] == pairs
    (near,) = {(row["set"], row["similarity"]) for row in rows if row["finding"] == NEAR}
    assert float(near[1]) > 0.99
    assert {row["group"] for row in rows if row["finding"] == "groups in several splits"} == set(
        map(str, range(3, 20))
    )
