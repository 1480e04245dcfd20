"""The decision summary: its format, estimates from scikit-learn, and what it refuses."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from decision_tables import KINDS, drawn, entries, summary
from scipy.stats import binomtest
from scored_tables import scored
from sklearn import metrics as sk

from medmonai.metrics import OperatingPoint, decide, default_operating_point, summarize_decisions
from medmonai.predictions import Predictions
from medmonai.task import Task


@pytest.mark.parametrize("groups", [None, np.arange(300) // 3])
@pytest.mark.parametrize(("kind", "classes"), KINDS)
def test_format(kind, classes, groups):
    p = drawn(kind, classes, groups=groups)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = summary(p)
    assert list(found) == ["operating_point", "confusion_matrix", "overall", "per_class"]
    assert OperatingPoint.from_dict(found["operating_point"]) == default_operating_point(p.task)
    assert list(found["per_class"]) == list(p.class_names)
    for name, value in entries(found):
        assert set(value) - {"flags"} == {"estimate", "low", "high", "confidence", "method", "n"}
        assert value["low"] < value["estimate"] < value["high"], name
        if groups is None:
            proportion = name in (
                "accuracy",
                "subset_accuracy",
                "recall",
                "specificity",
                "precision",
            )
            assert value["method"] == ("wilson" if proportion else "bca_bootstrap")
        else:
            assert value["method"] == "bca_group_bootstrap"
    assert summary(p) == found  # the same seed, the same numbers
    assert summary(p, seed=1)["overall"] != found["overall"]


def test_binary_estimates_are_scikit_learns():
    p = drawn("binary", 2)
    point = OperatingPoint((0.45,), "youden", "validation", 9)
    y, found = decide(p, point), summarize_decisions(p, point)
    wanted = {
        "accuracy": sk.accuracy_score,
        "balanced_accuracy": sk.balanced_accuracy_score,
        "recall": sk.recall_score,
        "precision": sk.precision_score,
        "f1": sk.f1_score,
        "mcc": sk.matthews_corrcoef,
        "cohen_kappa": sk.cohen_kappa_score,
        "specificity": lambda t, d: sk.recall_score(t, d, pos_label=0),
    }
    assert set(found["overall"]) == set(wanted)
    for name, theirs in wanted.items():
        assert found["overall"][name]["estimate"] == pytest.approx(theirs(p.y_true, y), abs=1e-12)
    assert found["confusion_matrix"] == sk.confusion_matrix(p.y_true, y).tolist()
    recall = found["overall"]["recall"]
    ends = binomtest(int((y & p.y_true).sum()), int(p.y_true.sum())).proportion_ci(method="wilson")
    assert (recall["low"], recall["high"], recall["n"]) == pytest.approx(
        (ends.low, ends.high, p.y_true.sum())
    )
    assert found["per_class"]["class 1"]["recall"] == recall
    assert (
        found["per_class"]["class 0"]["recall"]["estimate"]
        == found["overall"]["specificity"]["estimate"]
    )
    assert found["per_class"]["class 0"]["support"] == (p.y_true == 0).sum()


@pytest.mark.parametrize("kind", ["multiclass", "ordinal"])
def test_many_class_estimates_are_scikit_learns(kind):
    p = drawn(kind, 4)
    y, found = p.y_score.argmax(axis=1), summary(p)
    wanted = {
        "accuracy": sk.accuracy_score(p.y_true, y),
        "balanced_accuracy": sk.balanced_accuracy_score(p.y_true, y),
        "macro_precision": sk.precision_score(p.y_true, y, average="macro"),
        "macro_recall": sk.recall_score(p.y_true, y, average="macro"),
        "macro_f1": sk.f1_score(p.y_true, y, average="macro"),
        "weighted_f1": sk.f1_score(p.y_true, y, average="weighted"),
        "mcc": sk.matthews_corrcoef(p.y_true, y),
        "cohen_kappa": sk.cohen_kappa_score(p.y_true, y),
        "quadratic_kappa": sk.cohen_kappa_score(p.y_true, y, weights="quadratic"),
    }
    for name, value in wanted.items():
        if name != "quadratic_kappa" or kind == "ordinal":
            assert found["overall"][name]["estimate"] == pytest.approx(value, abs=1e-12)
    assert ("quadratic_kappa" in found["overall"]) == (kind == "ordinal")
    assert found["confusion_matrix"] == sk.confusion_matrix(p.y_true, y).tolist()
    for c, name in enumerate(p.class_names):
        own = found["per_class"][name]
        assert own["f1"]["estimate"] == pytest.approx(sk.f1_score(p.y_true == c, y == c), abs=1e-12)
        assert own["precision"]["n"] == (y == c).sum()
        assert own["specificity"]["estimate"] == pytest.approx(
            sk.recall_score(p.y_true != c, y != c), abs=1e-12
        )


def test_multilabel_estimates_are_scikit_learns():
    p = drawn("multilabel", 3)
    y, found = (p.y_score > 0.5).astype(int), summary(p)
    wanted = {
        "subset_accuracy": sk.accuracy_score(p.y_true, y),
        "label_accuracy": np.mean(p.y_true == y),
    }
    for name, theirs in (
        ("recall", sk.recall_score),
        ("precision", sk.precision_score),
        ("f1", sk.f1_score),
    ):
        wanted |= {
            f"{average}_{name}": theirs(p.y_true, y, average=average)
            for average in ("macro", "micro")
        }
    for name, value in wanted.items():
        assert found["overall"][name]["estimate"] == pytest.approx(value, abs=1e-12)
    assert found["overall"].keys() == wanted.keys() | {
        "macro_specificity",
        "macro_balanced_accuracy",
        "macro_mcc",
        "macro_cohen_kappa",
    }
    assert found["overall"]["subset_accuracy"]["method"] == "wilson"
    matrices = sk.multilabel_confusion_matrix(p.y_true, y).tolist()
    assert found["confusion_matrix"] == dict(zip(p.class_names, matrices))
    assert found["per_class"]["class 2"]["f1"]["estimate"] == pytest.approx(
        sk.f1_score(p.y_true[:, 2], y[:, 2])
    )


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda p: summarize_decisions(
                Predictions(p.ids, None, p.y_score, p.task, p.class_names),
                default_operating_point(p.task),
            ),
            "predictions have no y_true",
        ),
        (lambda p: summary(p, confidence=95), "confidence=95"),
        (
            lambda p: summarize_decisions(p, default_operating_point(Task("binary", 2))),
            "multiclass task of 3 classes needs 0",
        ),
    ],
)
def test_bad_arguments(call, match):
    with pytest.raises(ValueError, match=match):
        call(drawn("multiclass", 3))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_each_class_against_the_rest_has_every_metric(kind):
    p = scored(kind)
    point = default_operating_point(p.task)
    found, y_pred = summarize_decisions(p, point), decide(p, point)
    values = {name: [] for name in ("accuracy", "balanced_accuracy", "mcc", "cohen_kappa")}
    for c, own in enumerate(found["per_class"].values()):
        true, said = (
            (p.y_true[:, c], y_pred[:, c]) if kind == "multilabel" else (p.y_true == c, y_pred == c)
        )
        expected = {
            "accuracy": sk.accuracy_score(true, said),
            "balanced_accuracy": sk.balanced_accuracy_score(true, said),
            "mcc": sk.matthews_corrcoef(true, said),
            "cohen_kappa": sk.cohen_kappa_score(true, said),
        }
        for name, value in expected.items():
            assert own[name]["estimate"] == pytest.approx(value, abs=1e-12)
            assert own[name]["low"] < own[name]["estimate"] < own[name]["high"]
            values[name].append(value)
    if kind == "multilabel":
        for name in ("balanced_accuracy", "mcc", "cohen_kappa"):
            assert found["overall"][f"macro_{name}"]["estimate"] == pytest.approx(
                np.mean(values[name]), abs=1e-12
            )
