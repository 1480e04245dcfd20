"""The summary: JSON without NaN, names, and numbers that come from the single functions."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from scipy.stats import norm

from medmonai.metrics import (
    accuracy_interval,
    auc_interval,
    macro_auc_interval,
    medmnist_acc,
    medmnist_auc,
    summarize,
)
from medmonai.predictions import Predictions
from medmonai.task import Task


def drawn(kind, classes, n=60, groups=None):
    task, rng = Task(kind, classes), np.random.default_rng(0)
    y_true = rng.integers(
        0, 2 if kind in ("binary", "multilabel") else classes, n if task.exclusive else (n, classes)
    )
    y_score = rng.dirichlet(np.ones(classes), n)
    return Predictions(
        np.arange(n), y_true, y_score, task, [f"class {c}" for c in range(classes)], groups
    )


def strict_json(summary):
    return json.loads(json.dumps(summary, allow_nan=False))


@pytest.mark.parametrize(
    ("kind", "classes"), [("binary", 2), ("multiclass", 4), ("ordinal", 3), ("multilabel", 3)]
)
def test_contents(kind, classes):
    p = drawn(kind, classes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        summary = summarize(p)
    assert strict_json(summary) == summary
    assert (summary["task"], summary["n"], summary["n_groups"]) == (kind, 60, None)
    assert summary["medmnist_auc"] == medmnist_auc(p.y_true, p.y_score, p.task)
    assert summary["medmnist_acc"] == medmnist_acc(p.y_true, p.y_score, p.task)
    macro = macro_auc_interval(p.y_true, p.y_score, p.task)
    assert (summary["auc"]["estimate"], summary["auc"]["low"]) == (macro.estimate, macro.low)
    assert ("class_auc" in summary) == (kind != "binary")
    if kind != "binary":
        assert list(summary["class_auc"]) == list(summary["class_counts"]) == list(p.class_names)
        assert summary["auc"]["estimate"] == pytest.approx(
            np.mean([value["estimate"] for value in summary["class_auc"].values()])
        )
    assert sum(summary["class_counts"].values()) == (p.y_true.sum() if kind == "multilabel" else 60)


def test_accuracies_by_hand():
    p = Predictions(
        "a b c".split(),
        [1, 0, 1],
        [[0.5, 0.5], [0.9, 0.1], [0.1, 0.9]],
        Task("binary", 2),
        ("n", "p"),
    )
    assert summarize(p)["accuracy"]["estimate"] == pytest.approx(2 / 3)
    q = Predictions(
        "a b".split(), [[1, 0], [1, 1]], [[0.9, 0.1], [0.9, 0.1]], Task("multilabel", 2), ("n", "p")
    )
    with pytest.warns(UserWarning, match="class 'n' has 2 of 2"):
        summary = summarize(q)
    assert "accuracy" not in summary
    assert summary["subset_accuracy"]["estimate"] == 0.5
    assert summary["medmnist_acc"] == 0.75


def test_wilson_by_hand():
    z, n, share = norm.ppf(0.975), 50, 0.9
    interval = accuracy_interval(np.arange(n) < 45)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    np.testing.assert_allclose(
        [interval["low"], interval["high"]], [centre - half, centre + half], rtol=1e-9
    )
    with pytest.raises(ValueError, match="right is empty"):
        accuracy_interval(np.array([], bool))


def test_undefined_values_are_null_and_warned_about_once():
    p = drawn("multiclass", 4)
    one = Predictions(p.ids, np.zeros(60, int), p.y_score, p.task, p.class_names)
    with pytest.warns(UserWarning, match="class 'class 0' has 60 of 60 cases") as caught:
        summary = strict_json(summarize(one))
    assert len(caught) == 1
    assert summary["auc"]["estimate"] is None
    assert summary["auc"]["flags"] == ["absent_class"]
    assert summary["class_auc"]["class 3"]["low"] is None
    assert summary["medmnist_auc"] is None


def test_logits_have_an_auc_but_no_accuracy():
    p = Predictions(
        "a b c d".split(),
        [0, 1, 0, 1],
        [[0, -3], [0, 4], [0, 1], [0, 2]],
        Task("binary", 2),
        ("n", "p"),
    )
    with pytest.warns(UserWarning, match="scores range from -3 to 4: no probabilities"):
        summary = strict_json(summarize(p))
    assert summary["auc"]["estimate"] == 1
    assert (summary["accuracy"], summary["medmnist_acc"]) == (None, None)


def test_groups_reach_the_interval():
    groups = np.repeat(np.arange(30), 2)
    p = drawn("binary", 2, groups=groups)
    summary = summarize(p, confidence=0.9)
    assert summary["n_groups"] == 30
    assert (
        summary["auc"]["low"]
        == auc_interval(p.y_true, p.positive_scores, groups=groups, confidence=0.9).low
    )
    assert summary["auc"]["low"] != summarize(drawn("binary", 2), confidence=0.9)["auc"]["low"]


def test_unlabelled_tables_are_refused():
    p = drawn("binary", 2)
    with pytest.raises(ValueError, match="predictions have no y_true"):
        summarize(Predictions(p.ids, None, p.y_score, p.task, p.class_names))
