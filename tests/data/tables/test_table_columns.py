from __future__ import annotations

import numpy as np
import pytest

from medmonai.data.tables.table_columns import groups_of, labels_of
from medmonai.tables import TextTable
from medmonai.task import Task


def table(**columns):
    return TextTable("t.csv", columns, list(range(2, 2 + len(next(iter(columns.values()))))))


def labels(read, column, class_names=None, task="auto", rows=None):
    return labels_of(
        read, column, range(len(read)) if rows is None else rows, class_names=class_names, task=task
    )


def test_labels():
    read = table(dx=["nv", "NV ", "mel", "bcc", "nv"])
    found = labels(read, "dx")
    assert found.labels.tolist() == [2, 2, 1, 0, 2]
    assert found.class_names == ("bcc", "mel", "nv") and "'NV ' = 'nv'" in found.note
    assert labels(read, "dx", rows=[0, 2]).task == Task("binary", 2)
    assert (
        labels(read, "dx", {"mel": "melanoma", "nv": "naevus", "bcc": "carcinoma"}).class_names[0]
        == "melanoma"
    )


def test_several_columns_are_a_multilabel_task():
    read = table(a=["0", "1", "1.0"], b=["1", "0.0", "1"])
    found = labels(read, ["a", "b"])
    assert found.labels.tolist() == [[0, 1], [1, 0], [1, 1]] and found.task == Task("multilabel", 2)
    assert found.class_names == ("a", "b") and labels(
        read, ["a", "b"], {"b": "oedema"}
    ).class_names == ("a", "oedema")
    assert labels(read, ["a"]).labels.shape == (3, 1)
    with pytest.raises(ValueError, match="several columns are a multilabel task"):
        labels(read, ["a", "b"], task="multiclass")
    with pytest.raises(ValueError, match="give one name per column"):
        labels(read, ["a", "b"], ["x"])


@pytest.mark.parametrize(
    ("columns", "column", "names", "match"),
    [
        ({"dx": ["a", "", "b", ""]}, "dx", None, r"t.csv: dx is blank in 2 rows \(line 3, 5\)"),
        (
            {"dx": ["a", "nan", "b", "NA"]},
            "dx",
            None,
            r"in 2 rows \(line 3, 5, 'nan'\); .*name 'nan' in class_names",
        ),
        ({"dx": ["a", "", "b", ""]}, "dx", ["", "a", "b"], "dx is blank in 2 rows"),
        ({"dx": ["a", "a"]}, "dx", None, "holds one class, 'a'"),
        ({"dx": ["a", "b", "c"]}, "dx", ["a", "b"], r"lack 'c' \(1 cases\)"),
        ({"dx": ["a", "b"]}, "y", None, "label_column='y' is not a column"),
        (
            {"x": ["0", "-1"], "y": ["0", "1"]},
            ["x", "y"],
            None,
            r"t.csv: x holds '-1' \(line 3\); 0 or 1",
        ),
        ({"x": ["0", ""], "y": ["0", "1"]}, ["x", "y"], None, r"t.csv: x holds '' \(line 3\)"),
    ],
)
def test_wrong_labels(columns, column, names, match):
    with pytest.raises(ValueError, match=match):
        labels(table(**columns), column, names)


def test_a_class_that_is_called_none():
    found = labels(table(dx=["none", "mild", "NONE"]), "dx", ["none", "mild"])
    assert found.labels.tolist() == [0, 1, 0] and found.class_names == ("none", "mild")


def test_numbers_are_ordered_by_value():
    found = labels(table(y=["1", "-1", "1.0"]), "y")
    assert (
        found.class_names == ("-1", "1")
        and found.labels.tolist() == [1, 0, 1]
        and "'1' = '1.0'" in found.note
    )


def test_missing_patients_are_not_one_patient():
    read, ids = table(g=["p1", "nan", "NA", "p1"]), np.array(["a", "b", "c", "d"])
    with pytest.raises(
        ValueError, match=r"g is blank in 2 rows \(line 3, 4, 'nan'\); .*--blank_groups own"
    ):
        groups_of(read, "g", range(4), ids, own=False)
    assert len(set(groups_of(read, "g", range(4), ids, own=True).tolist())) == 3


def test_groups():
    read, ids = table(g=["p1", "", "p1", ""]), np.array(["a", "b", "c", "d"])
    with pytest.raises(
        ValueError,
        match=(
            r"t.csv: g is blank in 2 rows \(line 3, 5\); fill it in, or set blank_groups='own' in "
            r"columns"
        ),
    ):
        groups_of(read, "g", range(4), ids, own=False)
    found = groups_of(read, "g", range(4), ids, own=True)
    assert found[0] == found[2] == "p1" and len(set(found)) == 3
