"""The decision summary: estimates from scikit-learn, intervals that cover, and no false
certainty.
"""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from scipy.stats import binomtest
from scored_tables import scored
from sklearn import metrics as sk

from medmonai.metrics import OperatingPoint, decide, default_operating_point, summarize_decisions
from medmonai.predictions import Predictions
from medmonai.task import Task

KINDS = [("binary", 2), ("multiclass", 4), ("ordinal", 5), ("multilabel", 3)]


def drawn(kind, classes, n=300, seed=0, groups=None):
    task, rng = Task(kind, classes), np.random.default_rng(seed)
    y_true = rng.integers(
        0, 2 if kind == "multilabel" else classes, n if task.exclusive else (n, classes)
    )
    signal = np.eye(classes)[y_true] if task.exclusive else y_true
    y_score = rng.random((n, classes)) + 0.4 * signal
    y_score = y_score / (
        y_score.sum(axis=1, keepdims=True) if task.exclusive else y_score.max() / 1.0
    )
    return Predictions(
        np.arange(n), y_true, y_score, task, [f"class {c}" for c in range(classes)], groups
    )


def decided(y_true, y_pred, classes=2, groups=None):
    """A table whose default decisions are `y_pred`."""
    task = Task("binary" if classes == 2 else "multiclass", classes)
    return Predictions(
        np.arange(len(y_true)),
        y_true,
        np.eye(classes)[y_pred],
        task,
        [f"c{c}" for c in range(classes)],
        groups,
    )


def summary(p, **options):
    found = summarize_decisions(p, default_operating_point(p.task), **options)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def entries(found):
    yield from found["overall"].items()
    for own in found["per_class"].values():
        yield from ((name, value) for name, value in own.items() if name != "support")


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
