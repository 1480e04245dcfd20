"""The ranking summary: scikit-learn's estimates, intervals by hand, groups, flags instead of false
certainty, coverage.
"""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm, t
from sklearn import metrics as sk

from medmonai.metrics import (
    average_precision_influence,
    average_precision_interval,
    partial_auc_influence,
    summarize_ranking,
)
from medmonai.metrics.ranking.delong import influence_freedom
from medmonai.predictions import Predictions
from medmonai.task import Task

KINDS = [("binary", 2), ("multiclass", 4), ("ordinal", 3), ("multilabel", 3)]


def drawn(kind, classes, n=300, groups=None, seed=0):
    task, rng = Task(kind, classes), np.random.default_rng(seed)
    if kind == "multilabel":
        y_true = (rng.random((n, classes)) < 0.3).astype(int)
        y_score = expit(rng.normal(size=y_true.shape) + 1.5 * y_true)
    else:
        y_true = rng.integers(0, classes, n)
        y_score = rng.dirichlet(np.ones(classes), n) + 0.7 * np.eye(classes)[y_true]
        y_score /= y_score.sum(axis=1, keepdims=True)
    return Predictions(
        np.arange(n), y_true, y_score, task, [f"class {c}" for c in range(classes)], groups
    )


@pytest.mark.parametrize(("kind", "classes"), KINDS)
def test_estimates_are_scikit_learns(kind, classes):
    p = drawn(kind, classes)
    found = summarize_ranking(p, max_fpr=0.2)
    assert json.loads(json.dumps(found, allow_nan=False)) == found and found["max_fpr"] == 0.2
    columns = p.task.one_hot(p.y_true)
    own = [
        {
            "average_precision": sk.average_precision_score(columns[:, c], p.y_score[:, c]),
            "partial_auc": sk.roc_auc_score(columns[:, c], p.y_score[:, c], max_fpr=0.2),
        }
        for c in range(classes)
    ]
    assert list(found["per_class"]) == ([] if kind == "binary" else list(p.class_names))
    for name in ("average_precision", "partial_auc"):
        overall = own[1][name] if kind == "binary" else np.mean([one[name] for one in own])
        entries = [found["overall"][name], *(entry[name] for entry in found["per_class"].values())]
        np.testing.assert_allclose(
            [e["estimate"] for e in entries],
            [overall, *(one[name] for one in own if kind != "binary")],
            atol=1e-15,
        )
        for e in entries:
            assert 0 < e["low"] < e["estimate"] < e["high"] < 1
            assert (e["confidence"], e["method"], e["n"], "flags" in e) == (
                0.95,
                "logit_influence_t",
                300,
                False,
            )


@pytest.mark.parametrize("grouped", [False, True])
def test_intervals_by_hand(grouped):
    groups = np.arange(300) // 3
    p = drawn("binary", 2, groups=groups if grouped else None)
    found = summarize_ranking(p, max_fpr=0.2, confidence=0.9)["overall"]
    floor = (1 + (0 - 0.02) / (0.2 - 0.02)) / 2  # the standardised partial AUC of no area
    for name, influence, least in (
        ("average_precision", average_precision_influence(p.y_true, p.positive_scores), 0),
        ("partial_auc", partial_auc_influence(p.y_true, p.positive_scores, max_fpr=0.2), floor),
    ):
        units = np.bincount(groups, influence) if grouped else influence
        share = (found[name]["estimate"] - least) / (1 - least)
        error = np.sqrt(units @ units) / (1 - least) / (share * (1 - share))
        ends = expit(
            logit(share) + np.array([-1, 1]) * t.ppf(0.95, influence_freedom(units)) * error
        )
        np.testing.assert_allclose(
            [found[name]["low"], found[name]["high"]], least + (1 - least) * ends, rtol=1e-12
        )


def test_many_cases_have_the_normal_interval():
    p = drawn("binary", 2, 20_000)
    rng, drawn_again = np.random.default_rng(3), []
    for _ in range(200):
        rows = rng.integers(0, len(p), len(p))
        drawn_again.append(sk.average_precision_score(p.y_true[rows], p.positive_scores[rows]))
    found = summarize_ranking(p)["overall"]["average_precision"]
    assert found["high"] - found["low"] == pytest.approx(
        2 * norm.ppf(0.975) * np.std(drawn_again), rel=0.15
    )


def test_copies_of_a_patient_do_not_narrow_an_interval():
    p = drawn("multiclass", 4)
    copies = Predictions(
        np.arange(1500),
        np.repeat(p.y_true, 5),
        np.repeat(p.y_score, 5, axis=0),
        p.task,
        p.class_names,
        np.repeat(np.arange(300), 5),
    )
    alone = Predictions(p.ids, p.y_true, p.y_score, p.task, p.class_names, np.arange(300))
    once, grouped = summarize_ranking(alone), summarize_ranking(copies)
    for name in ("average_precision", "partial_auc"):
        for end in ("estimate", "low", "high"):
            assert grouped["overall"][name][end] == pytest.approx(
                once["overall"][name][end], abs=1e-12
            )


def test_the_mean_of_a_label_and_its_copy_is_no_surer_than_the_label():
    p = drawn("multilabel", 3)
    twice = Predictions(
        p.ids, p.y_true[:, [0, 0]], p.y_score[:, [0, 0]], Task("multilabel", 2), ("a", "b")
    )
    found = summarize_ranking(twice)
    for name, own in found["overall"].items():
        assert own == pytest.approx(found["per_class"]["a"][name] | {"method": own["method"]})
    three = summarize_ranking(p)  # independent labels: the mean is surer than any of them
    width = {
        name: one["average_precision"]["high"] - one["average_precision"]["low"]
        for name, one in {"all": three["overall"], **three["per_class"]}.items()
    }
    assert width["all"] < 0.75 * min(width[name] for name in p.class_names)


def test_zero_variance_is_no_certainty():
    y_true = np.repeat([0, 1], 30)
    perfect = Predictions(
        np.arange(60), y_true, np.stack([1 - y_true, y_true], 1), Task("binary", 2), ("n", "p")
    )
    for own in summarize_ranking(perfect)["overall"].values():
        assert (own["estimate"], own["low"], own["high"], own["flags"]) == (
            1,
            None,
            None,
            ["zero_variance"],
        )
    blank = Predictions(np.arange(60), y_true, np.full((60, 2), 0.5), Task("binary", 2), ("n", "p"))
    found = summarize_ranking(blank)["overall"]
    # of the prevalence
    assert found["average_precision"]["low"] < 0.5 < found["average_precision"]["high"]
    assert (found["partial_auc"]["estimate"], found["partial_auc"]["low"]) == (
        pytest.approx(0.5),
        None,
    )


def test_absent_class():
    p = drawn("multiclass", 4)
    y_true = np.where(p.y_true == 3, 0, p.y_true)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # `summarize` warns
        found = summarize_ranking(Predictions(p.ids, y_true, p.y_score, p.task, p.class_names))
    gone, overall = found["per_class"]["class 3"]["partial_auc"], found["overall"]["partial_auc"]
    assert (gone["estimate"], gone["low"], gone["flags"]) == (None, None, ["one_class"])
    assert overall["flags"] == ["absent_class"] and overall["low"] < overall["estimate"]
    assert overall["estimate"] == pytest.approx(
        np.mean([found["per_class"][f"class {c}"]["partial_auc"]["estimate"] for c in range(3)])
    )
    with pytest.warns(UserWarning, match="average precision undefined"):
        assert average_precision_interval([0, 0], [0.1, 0.2])["estimate"] is None


def test_few_positives_are_flagged_by_group():
    y_true = np.repeat([0, 1], [100, 12])
    score = np.random.default_rng(0).random(112) + y_true * 0.5
    assert "flags" not in average_precision_interval(y_true, score)
    assert average_precision_interval(y_true[:-3], score[:-3])["flags"] == ["few_positives"]
    assert average_precision_interval(y_true, score, groups=np.arange(112) // 2)["flags"] == [
        "few_positives"
    ]


def test_the_single_function_has_the_same_numbers():
    p = drawn("multiclass", 4, groups=np.arange(300) // 2)
    found = summarize_ranking(p, confidence=0.8)["per_class"]["class 2"]["average_precision"]
    assert (
        average_precision_interval(p.y_true == 2, p.y_score[:, 2], confidence=0.8, groups=p.groups)
        == found
    )


def test_coverage_with_43_positives():
    """AUC .985, binormal, 43 positives in 382 cases: percentiles of bootstrap tables cover .93."""
    rng, shift, inside = np.random.default_rng(0), np.sqrt(2) * norm.ppf(0.985), []
    grid = np.linspace(-8, shift + 8, 100_001)
    share = 43 / 382
    true, false = share * norm.sf(grid - shift), (1 - share) * norm.sf(grid)
    truth = np.sum(norm.pdf(grid - shift) * true / (true + false)) * (grid[1] - grid[0])
    for _ in range(400):
        y_true = (rng.random(382) < share).astype(int)
        found = average_precision_interval(y_true, rng.normal(size=382) + shift * y_true)
        inside.append(found["low"] is not None and found["low"] <= truth <= found["high"])
    assert 0.93 < np.mean(inside) < 0.99


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"max_fpr": 0}, "max_fpr=0"),
        ({"confidence": 1}, "confidence=1"),
        ({"confidence": 95}, "confidence=95"),
    ],
)
def test_bad_arguments(options, match):
    with pytest.raises(ValueError, match=match):
        summarize_ranking(drawn("binary", 2), **options)
    p = drawn("binary", 2)
    with pytest.raises(ValueError, match="predictions have no y_true"):
        summarize_ranking(Predictions(p.ids, None, p.y_score, p.task, p.class_names))


def test_a_mean_over_classes_of_which_some_separate_has_no_narrow_interval():
    rng, y_true = np.random.default_rng(0), np.repeat([0, 1, 2], 30)
    hot = np.eye(3)[y_true]
    z = rng.normal(size=(90, 3)) + hot * [50, 1, 1]
    found = summarize_ranking(
        Predictions(np.arange(90), y_true, expit(z), Task("multiclass", 3), list("abc"))
    )
    for metric in ("average_precision", "partial_auc"):
        assert found["per_class"]["a"][metric]["flags"] == ["zero_variance"]
        assert found["per_class"]["b"][metric]["low"] < found["per_class"]["b"][metric]["estimate"]
        own = found["overall"][metric]
        assert (own["low"], own["high"], own["flags"]) == (None, None, ["zero_variance_classes"])
