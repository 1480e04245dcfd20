"""Every metric with an interval, on many random tables: the interval holds its estimate, or is not
there and says why.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmonai.metrics import (
    average_precision_interval,
    brier_score_loss,
    compare_tables,
    decision_curve,
    default_operating_point,
    reliability_bins,
    subgroup_summary,
    summarize,
    summarize_calibration,
    summarize_decisions,
    summarize_ranking,
)
from medmonai.metrics.decisions.decision_summary import METRICS
from medmonai.predictions import Predictions
from medmonai.task import Task

KINDS = [("binary", 2), ("multiclass", 3), ("ordinal", 4), ("multilabel", 3)]
SHAPES = ["random", "good", "perfect", "wrong", "constant", "ties", "certain", "one separated"]
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def table(task, n, shape, seed, groups=None):
    """A table of n cases; each class has a case where n allows, in shares that differ."""
    rng, k = np.random.default_rng(seed), task.num_classes
    if task.exclusive:
        y_true = np.concatenate(
            [np.arange(k), rng.choice(k, max(n - k, 0), p=rng.dirichlet(np.ones(k)))]
        )[:n]
    else:
        y_true = (rng.random((n, k)) < rng.uniform(0.05, 0.6, k)).astype(int)
    truth = task.one_hot(y_true)
    scores = rng.random((n, k))
    strength = {
        "random": 0,
        "good": 1,
        "perfect": 3,
        "wrong": -3,
        "certain": 1e3,
        "ties": 1,
        "constant": 0,
        "one separated": np.r_[3, np.zeros(k - 1)],
    }[shape]
    z = 4 * (scores + strength * truth)
    z = np.round(z / 4) * 4 if shape == "ties" else np.zeros((n, k)) if shape == "constant" else z
    p = 1 / (1 + np.exp(2 - z))
    if task.exclusive:
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
    return Predictions(np.arange(n), y_true, p, task, [f"c{c}" for c in range(k)], groups)


def entries(found, path=""):
    """Every {estimate, low, high} in a dictionary or list, with its place."""
    if isinstance(found, dict):
        if {"estimate", "low", "high"} <= found.keys():
            yield path, found
        else:
            for name, value in found.items():
                yield from entries(value, f"{path}/{name}")
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from entries(value, f"{path}/{number}")


def check(found):
    places = list(entries(found))
    assert places
    for place, own in places:
        estimate, low, high = (own[name] for name in ("estimate", "low", "high"))
        if low is None or high is None:
            assert low is high is None, place
            assert own["flags"], place
        else:
            assert low - 1e-12 <= estimate <= high + 1e-12, (place, own)


tables = st.builds(
    lambda kind, n, shape, seed, size: table(
        Task(*kind), n, shape, seed, np.arange(n) // size if size else None
    ),
    st.sampled_from(KINDS),
    st.integers(5, 60) | st.sampled_from([150, 500]),
    st.sampled_from(SHAPES),
    st.integers(0, 10**6),
    st.sampled_from([0, 0, 3]),
)


@settings(max_examples=40, deadline=None)
@given(tables)
def test_evaluation(p):
    check(summarize(p))
    check(summarize_ranking(p))
    check(summarize_calibration(p, repetitions=100))
    check(summarize_decisions(p, default_operating_point(p.task), repetitions=100))
    check(subgroup_summary(p, np.arange(len(p)) % 2, minimum_cases=2, minimum_positives=1))
    for c, column in enumerate(p.task.one_hot(p.y_true).T):
        if 0 < column.sum() < len(p):
            check(average_precision_interval(column, p.y_score[:, c], groups=p.groups))
        bins = reliability_bins(column, p.y_score[:, c])
        assert ((bins.low <= bins.observed) & (bins.observed <= bins.high)).all()
        curve = decision_curve(column, p.y_score[:, c], groups=p.groups)
        held = (curve.low <= curve.model) & (curve.model <= curve.high)
        assert (held | np.isnan(curve.low)).all()


def minus_brier(task):
    return lambda y_true, y_score: -brier_score_loss(y_true, y_score, task)


@settings(max_examples=30, deadline=None)
@given(tables, st.sampled_from(SHAPES))
def test_comparison(p, shape):
    n, size = len(p), 0 if p.groups is None else 3
    other = table(p.task, n, shape, 1, np.arange(n) // size if size else None)
    other = Predictions(p.ids, p.y_true, other.y_score, p.task, p.class_names, p.groups)
    for metric in ("auc", minus_brier(p.task), *METRICS[p.task.kind]):
        try:
            (pair,) = compare_tables({"a": p, "b": other}, metric=metric, repetitions=100)
        except ValueError as error:
            assert "undefined" in str(error) or "no class with both" in str(error)
            continue
        assert pair.low - 1e-12 <= pair.difference <= pair.high + 1e-12, (metric, pair)
        if pair.method.startswith("delong"):  # p and interval agree
            assert (pair.p_value < 0.05) == (not pair.low <= 0 <= pair.high) or abs(
                pair.p_value - 0.05
            ) < 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_calibration_of_honest_scores(kind):
    """Labels drawn from the scores themselves: the ECE is noise alone, and the plain bootstrap
    often lies below it.
    """
    task, flagged = Task(*kind), 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        p = (
            rng.dirichlet(np.ones(task.num_classes), 60)
            if task.exclusive
            else rng.random((60, task.num_classes))
        )
        y_true = (
            (rng.random(p.shape) < p).astype(int)
            if not task.exclusive
            else (rng.random((60, 1)) > p.cumsum(axis=1)[:, :-1]).sum(axis=1)
        )
        found = summarize_calibration(
            Predictions(np.arange(60), y_true, p, task, list("abcd")[: task.num_classes]),
            repetitions=100,
        )
        check(found)
        flagged += "overestimate" in found["ece"].get("flags", ())
    assert flagged
