from __future__ import annotations

import numpy as np
import pytest

from medmonai.data.class_names import (
    check_classes,
    class_table,
    folded,
    in_split_order,
    is_blank,
    one_spelling,
    path_key,
    spelling_note,
    split_of,
    task_of,
)
from medmonai.task import Task


def test_spellings():
    assert folded(" Normal \t tissue") == folded("normal TISSUE") != folded("normaltissue")
    assert one_spelling({"Normal ": 2, "NORMAL": 2, "x": 1}) == {"normal": "NORMAL", "x": "x"}
    note = spelling_note(["Normal ", "NORMAL", "PNEUMONIA"])
    assert "'NORMAL' = 'Normal '" in note and "PNEUMONIA" not in note
    assert spelling_note(["a", "b"]) == ""


@pytest.mark.parametrize(
    ("counts", "given", "names", "table"),
    [
        ({"b": 1, "A": 1}, None, ("A", "b"), {"a": 0, "b": 1}),
        ({"10": 1, "9": 1, "x": 1}, None, ("9", "10", "x"), {"9": 0, "10": 1, "x": 2}),
        ({"B ": 1, "a": 1}, ["b", "a"], ("b", "a"), {"b": 0, "a": 1}),
        ({"1": 1}, {"0": "no", "1": "yes"}, ("no", "yes"), {"0": 0, "1": 1}),
        ({"1": 1, "-1": 1}, None, ("-1", "1"), {"-1": 0, "1": 1}),
        (
            {f"{n}.0": 1 for n in (11, 2, 0, 10)},
            None,
            ("0.0", "2.0", "10.0", "11.0"),
            {"0.0": 0, "2.0": 1, "10.0": 2, "11.0": 3},
        ),
        ({"1": 3, "1.0": 1, "0": 1}, None, ("0", "1"), {"0": 0, "1": 1, "1.0": 1}),
        (
            {"1.0": 3, "0.0": 1},
            {"0": "no", "1": "yes"},
            ("no", "yes"),
            {"0": 0, "1": 1, "0.0": 0, "1.0": 1},
        ),
        ({"1": 1, "1.0": 1, "x": 1}, None, ("1", "1.0", "x"), {"1": 0, "1.0": 1, "x": 2}),
        ({"1_0": 1, "10": 1}, None, ("10", "1_0"), {"10": 0, "1_0": 1}),
    ],
)
def test_order_of_the_classes(counts, given, names, table):
    assert class_table(counts, given) == (names, table)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (["a"], r"lack 'B' \(5 cases\)"),
        ("ab", "class_names='ab' is one name; give all classes"),
        (["a", "A "], "different names"),
    ],
)
def test_wrong_class_names(given, match):
    with pytest.raises(ValueError, match=match):
        class_table({"a": 1, "B": 3, "b": 2}, given)


def test_numbers_of_one_value_are_noted():
    assert (
        "'1' = '1.0'" in spelling_note(["1", "1.0", "0"]) and spelling_note(["1", "1.0", "x"]) == ""
    )


def test_blanks_and_paths():
    assert all(map(is_blank, ("", " ", "NaN", "na", "N/A", "<NA>", "None", "NULL")))
    assert not any(map(is_blank, ("0", "-", "unknown", "nanna", "no")))
    assert (
        path_key(" ./a\\b.png") == "a/b.png"
        and path_key("../a") == "../a"
        and path_key(".a/b") == ".a/b"
    )
    assert path_key("e\u0301") == "\u00e9"


def test_tasks():
    assert task_of("auto", 2) == Task("binary", 2) and task_of("auto", 3) == Task("multiclass", 3)
    assert (
        task_of("ordinal", 4) == Task("ordinal", 4)
        and task_of(Task("multiclass", 2), 2).kind == "multiclass"
    )


def test_every_class_has_cases_that_it_can_be_learned_from():
    labels, names = np.array([0, 0, 1, 1]), ("a", "b")
    check_classes("set", labels, np.array(["train", "test", "val", "test"]), names)
    check_classes("set", labels, np.array(["test"] * 4), names)  # nothing but a test set
    check_classes("set", labels, None, names)
    with pytest.raises(ValueError, match="set: class 'b' has its 2 cases in test only"):
        check_classes("set", labels, np.array(["train", "train", "test", "test"]), names)
    with pytest.raises(ValueError, match="set: no case of class 'c'"):
        check_classes("set", labels, None, ("a", "b", "c"))


def test_split_names_and_order():
    assert [
        split_of(name) for name in ("Train", " valid", "VALIDATION", "val", "test", "tset")
    ] == ["train", "val", "val", "val", "test", None]
    ids = np.array(["d", "c", "b", "a"])
    assert ids[in_split_order(np.array(["test", "val", "train", "train"]), ids)].tolist() == [
        "a",
        "b",
        "c",
        "d",
    ]
    assert in_split_order(None, ids).tolist() == [3, 2, 1, 0]
