"""The calibration summary: its estimates are the single functions', its intervals those of
resampled tables.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit

from medmonai.metrics import (
    brier_score_loss,
    expected_calibration_error,
    negative_log_likelihood,
    summarize_calibration,
)
from medmonai.predictions import Predictions
from medmonai.task import Task


def drawn(kind, classes, n=400, seed=0, groups=None, factor=2, shift=1):
    task, rng = Task(kind, classes), np.random.default_rng(seed)
    if kind == "binary":
        z = rng.normal(size=n) * 2
        y_true, p = (rng.random(n) < expit(z)).astype(int), expit(factor * z + shift)
        y_score = np.stack([1 - p, p], axis=1)
    elif kind == "multilabel":
        y_true, y_score = rng.integers(0, 2, (n, classes)), rng.random((n, classes))
    else:
        y_true, y_score = rng.integers(0, classes, n), rng.dirichlet(np.ones(classes), n)
    return Predictions(
        np.arange(n), y_true, y_score, task, [f"class {c}" for c in range(classes)], groups
    )


@pytest.mark.parametrize("groups", [None, np.arange(400) // 4])
@pytest.mark.parametrize(
    ("kind", "classes"), [("binary", 2), ("multiclass", 4), ("ordinal", 3), ("multilabel", 3)]
)
def test_estimates_and_format(kind, classes, groups):
    p = drawn(kind, classes, groups=groups)
    found = summarize_calibration(p, bins=12)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    wanted = {
        "ece": expected_calibration_error(p.y_true, p.y_score, p.task, bins=12),
        "brier": brier_score_loss(p.y_true, p.y_score, p.task),
        "nll": negative_log_likelihood(p.y_true, p.y_score, p.task),
    }
    if kind in ("multiclass", "ordinal"):
        wanted["classwise_ece"] = expected_calibration_error(
            p.y_true, p.y_score, p.task, bins=12, average="classwise"
        )
    assert found.keys() == wanted.keys() | {"n", "bins"}
    assert (found["n"], found["bins"]) == (400, 12)
    for name, value in wanted.items():
        own = found[name]
        assert own["estimate"] == pytest.approx(value, abs=1e-12)
        assert 0 <= own["low"] < own["high"]
        by = "" if groups is None else "group_"
        assert own["method"] == f"{'basic' if name.endswith('ece') else 'bca'}_{by}bootstrap"
    assert summarize_calibration(p, bins=12) == found
    assert summarize_calibration(p, bins=12, seed=1) != found


def test_intervals_of_means_are_normal_when_cases_are_many():
    p = drawn("binary", 2, 5000)
    loss = (p.positive_scores - p.y_true) ** 2
    found, error = summarize_calibration(p, repetitions=4000)["brier"], loss.std() / np.sqrt(5000)
    normal = loss.mean() - 1.96 * error, loss.mean() + 1.96 * error
    assert (found["low"], found["high"]) == pytest.approx(normal, abs=0.12 * error)


def test_copies_of_a_patient_do_not_narrow_an_interval():
    p = drawn("binary", 2, 200)
    copies = Predictions(
        np.arange(1000),
        np.repeat(p.y_true, 5),
        np.repeat(p.y_score, 5, axis=0),
        p.task,
        p.class_names,
        np.repeat(np.arange(200), 5),
    )
    once, grouped = summarize_calibration(p), summarize_calibration(copies)
    for name in ("ece", "brier", "nll"):
        a, b = once[name], grouped[name]
        assert b["high"] - b["low"] == pytest.approx(a["high"] - a["low"], rel=0.12)


@pytest.mark.parametrize(("factor", "shift"), [(2, 1), (1.3, 0), (1.1, 0.1), (1, 0)])
def test_coverage_of_ece(factor, shift):
    """The truth is the ECE of the same model on a million cases, or 0 where it is honest."""
    big = drawn("binary", 2, 1_000_000, seed=99, factor=factor, shift=shift)
    truth = expected_calibration_error(big.y_true, big.y_score, big.task) if factor > 1 else 0.0
    inside = []
    for seed in range(120):
        p = drawn("binary", 2, 600, seed=seed, factor=factor, shift=shift)
        own = summarize_calibration(p, seed=seed, repetitions=300)["ece"]
        inside.append(own["low"] <= truth <= own["high"])
    assert np.mean(inside) > 0.88


def test_no_spread_is_no_interval():
    p = Predictions(
        "a b c d".split(), [0, 1, 0, 1], [[0.5, 0.5]] * 4, Task("binary", 2), ("n", "p")
    )
    brier = summarize_calibration(p)["brier"]
    assert (brier["estimate"], brier["low"], brier["high"], brier["flags"]) == (
        0.25,
        None,
        None,
        ["zero_variance"],
    )


def test_rows_that_do_not_add_up_to_1_are_undefined():
    p = drawn("multiclass", 3)
    sigmoids = Predictions(p.ids, p.y_true, np.clip(p.y_score * 1.4, 0, 1), p.task, p.class_names)
    with pytest.warns(UserWarning, match="instead of 1"):
        found = summarize_calibration(sigmoids)
    assert found.keys() == summarize_calibration(p).keys()
    for name in ("ece", "classwise_ece", "brier", "nll"):
        own = found[name]
        assert [own[key] for key in ("estimate", "low", "high", "flags")] == [None] * 3 + [
            ["rows_not_summing_to_1"]
        ]


def test_an_ece_above_its_bootstrap_interval_is_flagged_and_still_inside():
    """Half-certain probabilities of many small bins: nearly all of the ECE is noise."""
    seen = 0
    for seed in range(30):
        p = drawn("binary", 2, 60, seed=seed, factor=1, shift=0)
        own = summarize_calibration(p, repetitions=200)["ece"]
        assert own["low"] <= own["estimate"] <= own["high"]
        flagged = own.get("flags") == ["overestimate"]
        assert not flagged or own["high"] == own["estimate"]
        seen += flagged
    assert seen
