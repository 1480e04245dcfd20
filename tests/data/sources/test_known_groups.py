"""Groups told by a table, and splits that they correct."""

from __future__ import annotations

import numpy as np
import pytest
from bundle_runs import write_medmnist

from medmonai.data import DatasetFolder, load_medmnist, require_no_leakage

SIZES = {"train": 14, "val": 7, "test": 7}


@pytest.fixture
def dermamnist(tmp_path):
    write_medmnist(tmp_path, "dermamnist", (28, 28), size=SIZES)
    return tmp_path


def load(folder, split, table=None):
    return load_medmnist(
        "dermamnist",
        split=split,
        groups_file=table,
        dataset_dir=DatasetFolder(folder, download=False, verify=False),
    )


def write_groups(folder, change=None, leave_out=()):
    """Every case a lesion of its own, but for the changes id -> group."""
    groups = {
        f"dermamnist-{split}-{i:06d}": f"{split}{i}" for split, n in SIZES.items() for i in range(n)
    } | (change or {})
    lines = [
        "id,group",
        *(f"{name},{group}" for name, group in groups.items() if name not in leave_out),
    ]
    (folder / "lesions.csv").write_text("\n".join(lines) + "\n")
    return folder / "lesions.csv"


def test_without_a_table_nothing_changes(dermamnist):
    assert load(dermamnist, "test").groups is None and len(load(dermamnist, "test")) == 7


def test_cases_that_share_a_lesion_with_an_earlier_split_are_left_out(dermamnist):
    shared = {
        "dermamnist-val-000001": "train3",
        "dermamnist-test-000002": "train3",
        "dermamnist-test-000004": "val5",
        "dermamnist-test-000005": "test6",
    }
    table = write_groups(dermamnist, shared)
    cohorts = {split: load(dermamnist, split, table) for split in SIZES}
    assert {split: len(cohort) for split, cohort in cohorts.items()} == {
        "train": 14,
        "val": 6,
        "test": 5,
    }
    assert cohorts["test"].ids.tolist() == [f"dermamnist-test-{i:06d}" for i in (0, 1, 3, 5, 6)]
    assert cohorts["test"].groups.tolist() == ["test0", "test1", "test3", "test6", "test6"]
    plain = load(dermamnist, "test")
    assert np.array_equal(cohorts["test"].images, plain.images[[0, 1, 3, 5, 6]])
    assert cohorts["test"].provenance.facts[-1] == (
        "Groups of test: taken from lesions.csv. 2 of 7 cases share theirs with an earlier split "
        "and were left out."
    )
    assert not require_no_leakage(list(cohorts.values()), near_threshold=None).leaks


@pytest.mark.parametrize(
    ("change", "leave_out", "match"),
    [
        (
            {},
            ["dermamnist-test-000003"],
            "1 of 7 cases of test have no group, first 'dermamnist-test-000003'",
        ),
        ({"dermamnist-test-000003": " "}, [], "1 of 7 cases of test have no group"),
        ({"dermamnist-test-000003": "NaN"}, [], "1 of 7 cases of test have no group"),
        ({f"dermamnist-test-{i:06d}": "train0" for i in range(7)}, [], "nothing is left"),
    ],
)
def test_tables_that_do_not_do(change, leave_out, match, dermamnist):
    with pytest.raises(ValueError, match=match):
        load(dermamnist, "test", write_groups(dermamnist, change, leave_out))


def test_an_id_twice_and_no_table(dermamnist):
    table = write_groups(dermamnist)
    table.write_text(table.read_text() + "dermamnist-val-000001,x\n")
    with pytest.raises(ValueError, match="'dermamnist-val-000001' occurs 2 times"):
        load(dermamnist, "train", table)
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        load(dermamnist, "train", dermamnist / "none.csv")
