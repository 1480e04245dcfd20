"""Intervals of the decision summary: they cover, and there is no false certainty."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from decision_tables import decided, drawn, entries, summary
from scipy.stats import binomtest
from sklearn import metrics as sk

from medmonai.metrics import decide, default_operating_point, summarize_decisions
from medmonai.predictions import Predictions
from medmonai.task import Task


@pytest.mark.parametrize(
    ("kind", "classes", "metric"),
    [("multiclass", 4, "macro_f1"), ("multilabel", 3, "macro_f1"), ("binary", 2, "mcc")],
)
def test_bootstrap_agrees_with_resampling_the_cases(kind, classes, metric):
    p = drawn(kind, classes, 400)
    y = decide(p, default_operating_point(p.task))
    theirs = (
        sk.matthews_corrcoef if metric == "mcc" else lambda t, d: sk.f1_score(t, d, average="macro")
    )
    rng = np.random.default_rng(5)
    draws = [theirs(p.y_true[i], y[i]) for i in rng.integers(0, 400, (400, 400))]
    found = summary(p)["overall"][metric]
    assert (found["high"] - found["low"]) / 3.92 == pytest.approx(np.std(draws), rel=0.12)


def test_copies_of_a_patient_do_not_narrow_an_interval():
    p = drawn("multiclass", 3, 150)
    again = Predictions(
        np.arange(600),
        np.repeat(p.y_true, 4),
        np.repeat(p.y_score, 4, axis=0),
        p.task,
        p.class_names,
        np.repeat(np.arange(150), 4),
    )
    once, grouped = summary(p), summary(again)
    for name in ("macro_f1", "mcc"):
        a, b = once["overall"][name], grouped["overall"][name]
        assert a["estimate"] == pytest.approx(b["estimate"], abs=1e-12)
        assert a["high"] - a["low"] == pytest.approx(b["high"] - b["low"], rel=0.1)
    accuracy = grouped["overall"]["accuracy"]
    assert accuracy["method"] == "bca_group_bootstrap"
    assert accuracy["high"] - accuracy["low"] == pytest.approx(
        once["overall"]["accuracy"]["high"] - once["overall"]["accuracy"]["low"], rel=0.1
    )


def test_groups_of_one_are_cases():
    p = drawn("ordinal", 3)
    alone = Predictions(p.ids, p.y_true, p.y_score, p.task, p.class_names, p.ids)
    a, b = (
        summary(p, repetitions=10000)["overall"]["macro_f1"],
        summary(alone, repetitions=10000)["overall"]["macro_f1"],
    )
    assert (a["low"], a["high"]) == pytest.approx((b["low"], b["high"]), abs=0.005)


@pytest.mark.parametrize("groups", [None, np.arange(382) // 2])
def test_no_error_is_not_certainty(groups):
    y = (np.arange(382) >= 339).astype(int)  # 43 positives
    found = summary(decided(y, y, groups=groups))
    for name, value in entries(found):
        assert (value["estimate"], value["high"]) == (1, 1), name
        assert 0.5 < value["low"] < 0.995, name
        if value["method"] != "wilson":
            assert value["flags"] == ["zero_variance"]
            assert value["method"] == "smoothed_bootstrap"
    wilson = (
        binomtest(43 if groups is None else 22, 43 if groups is None else 22)
        .proportion_ci(method="wilson")
        .low
    )
    assert found["overall"]["recall"]["low"] == pytest.approx(wilson, abs=0.06)
    labels = np.stack([y, 1 - y], axis=1)
    table = Predictions(np.arange(382), labels, labels, Task("multilabel", 2), ("a", "b"), groups)
    assert all(0.5 < value["low"] < 0.997 for _, value in entries(summary(table)))


def test_one_class_decided_throughout():
    y = np.repeat([0, 1], [90, 30])
    undefined = (
        r"undefined \(NaN\), no case to count: precision, mcc, mcc of 'c0', precision of 'c1', mcc "
        r"of 'c1'\."
    )
    with pytest.warns(UserWarning, match=undefined) as caught:
        found = summary(decided(y, np.zeros(120, int)))
    assert len(caught) == 1
    balanced = found["overall"]["balanced_accuracy"]
    assert balanced["estimate"] == 0.5
    assert balanced["low"] < 0.5 < balanced["high"]
    assert "zero_variance" in balanced["flags"]
    mcc = found["overall"]["mcc"]
    assert (mcc["estimate"], mcc["low"], mcc["high"], mcc["flags"]) == (
        None,
        None,
        None,
        ["undefined"],
    )


def test_few_cases_are_flagged():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [60, 40, 9])
    found = summary(decided(y, np.where(rng.random(109) < 0.3, rng.integers(0, 3, 109), y), 3))
    assert (
        found["per_class"]["c2"]["recall"]["flags"]
        == found["overall"]["macro_f1"]["flags"]
        == ["few_cases"]
    )
    assert "flags" not in found["per_class"]["c1"]["recall"]


def test_an_absent_class_is_undefined_and_named():
    y = np.repeat([0, 1], 50)
    with pytest.warns(UserWarning, match="recall of 'c2', precision of 'c2', f1 of 'c2'"):
        found = summary(decided(y, np.roll(y, 3), 3))
    assert found["per_class"]["c2"]["recall"]["estimate"] is None
    assert found["per_class"]["c2"]["specificity"]["estimate"] == 1
    assert found["overall"]["balanced_accuracy"]["estimate"] == pytest.approx(0.94)


def test_one_group_says_nothing_about_others():
    found = summary(decided([0, 1] * 30, [0, 1, 1, 1] * 15, groups=["p"] * 60))["overall"][
        "accuracy"
    ]
    assert found["low"] < 0.4
    assert {"few_cases", "zero_variance"} == set(found["flags"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "share"), [((339, 43), 0.9), ((100, 60, 40), 0.7), ((339, 43), 0.97)]
)
def test_coverage_of_the_bootstrap(sizes, share):
    """Decisions right with probability `share`, else any other class: the truth of macro F1 follows
    from the matrix.
    """
    rng, classes = np.random.default_rng(0), len(sizes)
    y = np.repeat(np.arange(classes), sizes)
    expected = np.outer(sizes, np.full(classes, (1 - share) / (classes - 1)))
    np.fill_diagonal(expected, np.array(sizes) * share)
    tp = np.diag(expected)
    truth = np.mean(2 * tp / (expected.sum(axis=0) + expected.sum(axis=1)))
    metric, inside = "macro_f1", []
    for seed in range(300):
        wrong = rng.random(len(y)) >= share
        p = decided(
            y, np.where(wrong, (y + rng.integers(1, classes, len(y))) % classes, y), classes
        )
        p = Predictions(
            p.ids,
            p.y_true,
            np.hstack([p.y_score, np.zeros((len(y), 1))]),
            Task("multiclass", classes + 1),
            [f"c{c}" for c in range(classes + 1)],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = summarize_decisions(p, default_operating_point(p.task), seed=seed)["overall"][
                metric
            ]
        inside.append(found["low"] <= truth <= found["high"])
    assert 0.91 < np.mean(inside) < 0.995
