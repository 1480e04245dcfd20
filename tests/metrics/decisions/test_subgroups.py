"""Subgroups: bands, minimum sizes, numbers equal to those of the part alone, metadata files good
and bad.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmonai.metrics import (
    OperatingPoint,
    auc_interval,
    auc_score,
    band_values,
    decide,
    default_operating_point,
    subgroup_summary,
    wilson,
)
from medmonai.predictions import Predictions
from medmonai.task import Task


def drawn(kind="binary", classes=2, n=200, groups=None):
    rng, task = np.random.default_rng(0), Task(kind, classes)
    y_true = rng.integers(
        0, 2 if kind == "multilabel" else classes, (n, classes) if kind == "multilabel" else n
    )
    signal = y_true if kind == "multilabel" else np.eye(classes)[y_true]
    scores = rng.random((n, classes)) + signal
    scores = scores / 2 if kind == "multilabel" else scores / scores.sum(axis=1, keepdims=True)
    return Predictions(
        np.arange(n), y_true, scores, task, [f"c{c}" for c in range(classes)], groups
    )


def test_numbers_are_those_of_the_part_alone():
    p, sex = drawn(), np.array(["m", "f"] * 100)
    point = OperatingPoint((0.6,), "youden", "validation", 50)
    rows = subgroup_summary(p, sex, point=point, confidence=0.9)
    assert [row["group"] for row in rows] == ["f", "m"]
    y_true, y_score = p.y_true[1::2], p.positive_scores[1::2]
    alone = auc_interval(y_true, y_score, confidence=0.9)
    assert [rows[0]["auc"][name] for name in ("estimate", "low", "method")] == [
        alone.estimate,
        alone.low,
        alone.method,
    ]
    found = int((y_score[y_true == 1] > 0.6).sum())
    low, high = wilson(found, int(y_true.sum()), confidence=0.9)
    assert (rows[0]["recall"]["low"], rows[0]["recall"]["high"]) == (low, high)
    assert (rows[0]["n"], rows[0]["n_positive"], rows[0]["n_groups"], rows[0]["flags"]) == (
        100,
        y_true.sum(),
        None,
        [],
    )
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


@pytest.mark.parametrize(
    ("kind", "classes"), [("binary", 2), ("multiclass", 3), ("ordinal", 4), ("multilabel", 3)]
)
@pytest.mark.parametrize("groups", [None, np.arange(200) // 2])
def test_every_task(kind, classes, groups):
    rows = subgroup_summary(drawn(kind, classes, groups=groups), np.array(["a"] * 80 + ["b"] * 120))
    for row in rows:
        assert row["auc"]["low"] < row["auc"]["estimate"] <= row["auc"]["high"]
        assert 0 < row["recall"]["estimate"] <= 1
        assert row["n_groups"] == (None if groups is None else row["n"] // 2)


def test_small_subgroups_are_withheld():
    p = drawn()
    site = np.array(["big"] * 160 + ["small"] * 19 + ["sick"] * 21)
    sick = site == "sick"
    labels = np.where(sick, 1, p.y_true)
    rows = {
        row["group"]: row
        for row in subgroup_summary(
            Predictions(p.ids, labels, p.y_score, p.task, p.class_names), site
        )
    }
    assert rows["big"]["flags"] == []
    assert "too_few_cases" in rows["small"]["flags"]
    assert rows["sick"]["flags"] == ["too_few_negatives"]
    for name in ("small", "sick"):
        assert (rows[name]["auc"]["estimate"], rows[name]["recall"]["low"]) == (None, None)
    assert rows["sick"]["n_positive"] == 21
    few = subgroup_summary(p, site, minimum_cases=5, minimum_positives=1)
    assert all(row["auc"]["estimate"] is not None for row in few if row["group"] != "sick")


@pytest.mark.parametrize("kind", ["multiclass", "ordinal", "multilabel"])
@pytest.mark.parametrize("groups", [None, np.arange(400) // 2])
def test_a_rare_class_withholds_itself_and_not_the_row(kind, groups):
    p = drawn(kind, 4, 400, groups)
    rare = np.arange(400) >= 12
    if kind == "multilabel":
        y_true = p.y_true * np.where(rare[:, None], [1, 1, 1, 0], 1)
    else:
        y_true = np.where(rare & (p.y_true == 3), 0, p.y_true)
    p = Predictions(p.ids, y_true, p.y_score, p.task, p.class_names, groups)
    (row,) = subgroup_summary(p, ["x"] * 400)
    assert row["flags"] == ["classes_withheld"]
    assert row["withheld_classes"] == {"c3": ["too_few_positives"]}
    hot = p.task.one_hot(p.y_true)
    assert row["auc"]["estimate"] == pytest.approx(
        np.mean([auc_score(hot[:, c], p.y_score[:, c]) for c in range(3)])
    )
    decided = p.task.one_hot(decide(p, default_operating_point(p.task)))
    recalls = [(decided[:, c] * hot[:, c]).sum() / hot[:, c].sum() for c in range(3)]
    assert row["recall"]["estimate"] == pytest.approx(np.mean(recalls))
    assert row["recall"]["low"] < row["recall"]["estimate"] <= row["recall"]["high"]
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_thresholds_of_labels_stay_with_the_labels_that_are_left():
    p = drawn("multilabel", 3)
    y_true = p.y_true * [0, 1, 1]
    p = Predictions(p.ids, y_true, p.y_score, p.task, p.class_names)
    point = OperatingPoint((0.1, 0.4, 0.8), "youden", "validation", 50)
    (row,) = subgroup_summary(p, ["x"] * 200, point=point)
    recalls = [np.mean(p.y_score[y_true[:, c] == 1, c] > t) for c, t in ((1, 0.4), (2, 0.8))]
    assert row["recall"]["estimate"] == pytest.approx(np.mean(recalls))
    assert row["withheld_classes"] == {"c0": ["too_few_positives"]}


def test_a_row_whose_classes_are_all_rare_is_withheld():
    (row,) = subgroup_summary(drawn("multiclass", 8, 40), ["x"] * 40)
    assert row["auc"]["method"] == row["recall"]["method"] == "withheld"
    assert row["flags"] == ["too_few_positives"]


def test_patients_are_counted_not_images():
    p = drawn(groups=np.arange(200) // 20)  # ten patients
    assert subgroup_summary(p, ["x"] * 200)[0]["flags"] == ["too_few_cases"]


def test_bands():
    ages = np.array(["30", "40", " 59.5", "60", "", "nan", "90"])
    expected = ["< 40", "[40, 60)", "[40, 60)", ">= 60", "missing", "missing", ">= 60"]
    assert band_values(ages, edges=[40, 60]).tolist() == expected
    rows = subgroup_summary(drawn(n=7), ages, edges=[40, 60])
    assert [row["group"] for row in rows] == ["< 40", "[40, 60)", ">= 60", "missing"]
    quartiles = ["< 24.75", "[24.75, 49.5)", "[49.5, 74.25)", ">= 74.25"]
    assert band_values(np.arange(100)).tolist() == np.repeat(quartiles, 25).tolist()
    assert band_values(["2", "1", "10"]).tolist() == ["2", "1", "10"]
    assert [row["group"] for row in subgroup_summary(drawn(n=4), ["10", "2", "[odd", ""])] == [
        "2",
        "10",
        "[odd",
        "missing",
    ]
    for edges, values in (([60, 40], ages), ([40], ["m", "f"]), ([], ages)):
        with pytest.raises(ValueError, match="rising edges and a column of numbers"):
            band_values(values, edges=edges)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=11, max_size=60, unique=True))
def test_every_number_falls_into_one_band(numbers):
    bands = band_values(np.array(numbers))
    assert len(set(bands.tolist())) <= 4
    order = np.argsort(numbers, kind="stable")
    # bands are runs
    assert np.count_nonzero(bands[order][1:] != bands[order][:-1]) == len(set(bands.tolist())) - 1


def test_bands_of_decimal_commas_and_of_texts_that_only_python_takes_for_numbers():
    commas = [f"{n},5" for n in range(20)]
    assert band_values(np.array(commas), edges=[10]).tolist() == ["< 10"] * 10 + [">= 10"] * 10
    assert band_values(np.array([f"{n}_0" for n in range(20)])).tolist() == [
        f"{n}_0" for n in range(20)
    ]
    with pytest.raises(ValueError, match=r"can be 1.234 or 1234"):
        band_values(np.array(["1,234", "2,345"]))


def test_bad_calls():
    p = drawn(n=20)
    with pytest.raises(ValueError, match=r"values have shape \(3,\) for 20 cases"):
        subgroup_summary(p, ["a", "b", "c"])
    with pytest.raises(ValueError, match="no y_true"):
        subgroup_summary(Predictions(p.ids, None, p.y_score, p.task, p.class_names), ["a"] * 20)
