"""Operating points: every rule by brute force, the round trip, and that a threshold cannot be
chosen where it is used.
"""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, recall_score

import medmonai.metrics
from medmonai.metrics import (
    OperatingPoint,
    choose_operating_point,
    decide,
    default_operating_point,
    medmnist_acc,
)
from medmonai.predictions import Predictions
from medmonai.task import Task

BINARY = Task("binary", 2)


def binary(y_true, score):
    score = np.asarray(score, float)
    return Predictions(
        np.arange(len(score)),
        y_true,
        np.stack([1 - score, score], axis=1),
        BINARY,
        ("normal", "sick"),
    )


def drawn(kind, classes, n=200, seed=0):
    task, rng = Task(kind, classes), np.random.default_rng(seed)
    y_true = rng.integers(
        0, 2 if kind == "multilabel" else classes, n if task.exclusive else (n, classes)
    )
    y_score = rng.dirichlet(np.ones(classes), n) if task.exclusive else rng.random((n, classes))
    return Predictions(np.arange(n), y_true, y_score, task, [f"class {c}" for c in range(classes)])


TABLE = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])),
    min_size=2,
    max_size=40,
).filter(lambda table: len({y for y, _ in table}) == 2)


@given(TABLE)
@settings(max_examples=60, deadline=None)
def test_rules_against_all_thresholds(table):
    y_true, score = map(np.array, zip(*table))
    p = binary(y_true, score)
    every = [(score > t).astype(int) for t in (-1, 0.0, 0.125, 0.25, 0.5, 0.75, 1.0)]
    sensitivity = np.array([recall_score(y_true, y) for y in every])
    specificity = np.array([recall_score(1 - y_true, 1 - y) for y in every])

    def of(rule):
        y = decide(p, choose_operating_point(p, rule=rule))
        return (
            recall_score(y_true, y),
            recall_score(1 - y_true, 1 - y),
            f1_score(y_true, y, zero_division=0),
        )

    youden = sensitivity + specificity
    chosen = of("youden")
    assert sum(chosen[:2]) == pytest.approx(youden.max())
    # the most sensitive of equals
    assert chosen[0] == pytest.approx(sensitivity[youden > youden.max() - 1e-9].max())
    assert of("f1")[2] == pytest.approx(max(f1_score(y_true, y, zero_division=0) for y in every))
    chosen = of("sensitivity=0.8")
    assert chosen[0] >= 0.8
    assert chosen[1] == pytest.approx(specificity[sensitivity >= 0.8].max())
    chosen = of("specificity=0.8")
    assert chosen[1] >= 0.8
    assert chosen[0] == pytest.approx(sensitivity[specificity >= 0.8].max())


def test_youden_by_hand():
    point = choose_operating_point(binary([0, 0, 0, 1, 1], [0.125, 0.25, 0.75, 0.5, 1.0]))
    # half way between the scores .25 and .5
    assert point == OperatingPoint((0.375,), "youden", "validation", 5)


@pytest.mark.parametrize("kind", ["multiclass", "ordinal"])
def test_many_classes_keep_the_highest_score(kind):
    p = drawn(kind, 4)
    point = choose_operating_point(p, rule="f1")
    assert point == default_operating_point(p.task) == OperatingPoint((), "argmax", "none", 0)
    assert decide(p, point).tolist() == p.y_score.argmax(axis=1).tolist()


def test_multilabel_has_a_threshold_a_label():
    p = drawn("multilabel", 3)
    point = choose_operating_point(p, rule="specificity=0.9")
    one_label = [binary(p.y_true[:, c], p.y_score[:, c]) for c in range(3)]
    alone = [choose_operating_point(one, rule="specificity=0.9").thresholds[0] for one in one_label]
    assert point.thresholds == tuple(alone)
    assert decide(p, point).tolist() == (p.y_score > np.array(alone)).astype(int).tolist()


@pytest.mark.parametrize(
    ("kind", "classes"), [("binary", 2), ("multiclass", 4), ("ordinal", 3), ("multilabel", 3)]
)
def test_the_default_is_what_the_table_and_medmnist_say(kind, classes):
    p = drawn(kind, classes)
    scores = np.round(p.y_score * 4) / 4  # ties at .5
    if kind == "binary":
        scores[:, 0] = 1 - scores[:, 1]
    p = Predictions(p.ids, p.y_true, scores, p.task, p.class_names)
    decided = decide(p, default_operating_point(p.task))
    assert decided.dtype == np.int64
    if kind == "multilabel":
        names = ["; ".join(name for name, yes in zip(p.class_names, row) if yes) for row in decided]
    else:
        names = [p.class_names[c] for c in decided]
    assert names == p.predicted_names()
    assert np.mean(decided == p.y_true) == pytest.approx(
        medmnist_acc(p.y_true, p.y_score, p.task), abs=1e-15
    )


def test_a_chosen_threshold_may_be_any_number():
    raw = Predictions(
        "a b c d".split(),
        [0, 0, 1, 1],
        [[0, -3], [0, -2], [0, 4], [0, 7]],
        BINARY,
        ("normal", "sick"),
    )
    assert decide(raw, choose_operating_point(raw)).tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="scores range from -3 to 7: no probabilities"):
        decide(raw, default_operating_point(BINARY))


def test_round_trip_through_json():
    for point in (
        OperatingPoint((0.1, 1 / 3), "sensitivity=0.9", "validation", 524),
        default_operating_point(BINARY),
    ):
        assert OperatingPoint.from_dict(json.loads(json.dumps(point.as_dict()))) == point


def test_no_function_chooses_and_applies():
    """Whoever applies a point or a temperature takes it as an argument; whoever chooses returns no
    decisions or scores.
    """
    for name in ("decide", "summarize_decisions"):
        assert "point" in inspect.signature(getattr(medmonai.metrics, name)).parameters
    assert "temperature" in inspect.signature(medmonai.metrics.apply_temperature).parameters
    assert isinstance(choose_operating_point(drawn("binary", 2)), OperatingPoint)


def test_a_label_without_both_classes_keeps_one_half():
    p = drawn("multilabel", 3)
    y_true = p.y_true.copy()
    y_true[:, 1] = 0
    with pytest.warns(UserWarning, match=r"threshold of 'class 1' stays 0\.5"):
        point = choose_operating_point(Predictions(p.ids, y_true, p.y_score, p.task, p.class_names))
    assert point.thresholds[1] == 0.5
    assert point.thresholds[0] != 0.5


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "Youden",
        "youden=1",
        "sensitivity",
        "sensitivity=",
        "sensitivity=90",
        "specificity=x",
        "sensitivity=nan",
        "f1=0.5",
    ],
)
def test_unknown_rules(rule):
    for kind, classes in (("binary", 2), ("multiclass", 3)):
        with pytest.raises(
            ValueError, match="is unknown; use one of youden, f1, sensitivity=<share>"
        ):
            choose_operating_point(drawn(kind, classes), rule=rule)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: choose_operating_point(binary([1, 1], [0.1, 0.2])),
            "validation has 2 positives in 2 cases",
        ),
        (lambda: choose_operating_point(binary(None, [0.1, 0.2])), "validation has no y_true"),
        (
            lambda: decide(
                binary([0, 1], [0.1, 0.9]), default_operating_point(Task("multilabel", 2))
            ),
            "of 2 classes needs 1",
        ),
        (lambda: OperatingPoint((float("nan"),), "youden", "validation", 1), "finite"),
        (lambda: OperatingPoint((0.5,), "youden", "test", 1), "chosen_on='test'"),
        (
            lambda: OperatingPoint.from_dict({"thresholds": [0.5]}),
            "an operating point has thresholds, rule, chosen_on and n",
        ),
    ],
)
def test_bad_arguments(call, match):
    with pytest.raises(ValueError, match=match):
        call()
