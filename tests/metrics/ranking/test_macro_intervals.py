"""Intervals of the macro AUC: against the bootstrap, absent classes, and classes that separate
perfectly.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from normal_scores import THREE, binormal
from scipy.special import expit, logit
from scipy.stats import norm

from medmonai.metrics import auc_interval, macro_auc_interval, macro_auc_score
from medmonai.task import Task


def three_classes(n=300, seed=0, strength=1.0):
    rng = np.random.default_rng(seed)
    y_true = rng.choice(3, n, p=[0.6, 0.25, 0.15])
    return y_true, rng.normal(size=(n, 3)) + strength * np.eye(3)[y_true]


def standard_error(interval):
    """Of the estimate, back from the logit ends."""
    a = interval.estimate
    width = np.log(interval.high / (1 - interval.high)) - np.log(interval.low / (1 - interval.low))
    return width / (2 * 1.9599640) * a * (1 - a)


def bootstrap_error(y_true, y_score, task, repetitions=600):
    rng = np.random.default_rng(1)
    draws = rng.integers(0, len(y_true), (repetitions, len(y_true)))
    return np.std([macro_auc_score(y_true[i], y_score[i], task) for i in draws])


def test_macro_interval_against_bootstrap():
    y_true, y_score = three_classes()
    interval = macro_auc_interval(y_true, y_score, THREE, method="logit_delong")
    assert interval.estimate == pytest.approx(macro_auc_score(y_true, y_score, THREE), abs=1e-15)
    assert standard_error(interval) == pytest.approx(
        bootstrap_error(y_true, y_score, THREE), rel=0.1
    )
    assert interval.n_positive == np.bincount(y_true).min()
    assert interval.n_negative == 300 - np.bincount(y_true).max()


def test_macro_interval_of_dependent_labels_against_bootstrap():
    task, (y_true, y_score) = Task("multilabel", 2), three_classes()
    labels = np.stack([y_true > 0, y_true > 0], axis=1).astype(int)
    # twice the same label: no gain from averaging
    y_score = np.stack([-y_score[:, 0], -y_score[:, 0]], axis=1)
    alone = auc_interval(labels[:, 0], y_score[:, 0])
    assert macro_auc_interval(labels, y_score, task).low == pytest.approx(alone.low, abs=1e-12)
    interval = macro_auc_interval(labels, y_score, task, method="logit_delong")
    assert standard_error(interval) == pytest.approx(
        bootstrap_error(labels, y_score, task), rel=0.1
    )


def test_macro_of_a_binary_task_is_that_of_class_1():
    y_true, y_score = binormal(30, 50, 0.8, np.random.default_rng(0))
    both = np.stack([-y_score, y_score], axis=1)
    assert macro_auc_interval(y_true, both, Task("binary", 2)) == auc_interval(y_true, y_score)


def test_macro_coverage():
    truth = norm.cdf(np.sqrt(0.5))  # column c is N(1, 1) in class c and N(0, 1) in every other
    inside = [
        i.low <= truth <= i.high
        for i in (macro_auc_interval(*three_classes(200, seed=s), THREE) for s in range(300))
    ]
    assert np.mean(inside) > 0.915


def test_macro_leaves_absent_classes_out():
    y_true, y_score = three_classes()
    kept = y_true < 2
    with pytest.warns(UserWarning, match="class 'c' has 0 of"):
        interval = macro_auc_interval(
            y_true[kept], y_score[kept], THREE, class_names=("a", "b", "c")
        )
    assert interval.flags == ("absent_class",)
    with pytest.warns(UserWarning, match="class 0 has 2 of 2"):
        nothing = macro_auc_interval([0, 0], np.eye(3)[:2], THREE)
    assert np.isnan(nothing.estimate)
    assert nothing.flags == ("absent_class",)


def test_macro_perfect_separation():
    y_true = np.repeat([0, 1, 2], [20, 30, 12])
    interval = macro_auc_interval(y_true, np.eye(3)[y_true], THREE)
    assert (interval.estimate, interval.high) == (1, 1)
    assert interval.low == pytest.approx(0.025 ** (1 / 12))
    assert interval.flags == ("zero_variance",)


def partly_separated(counts, separated, seed=0):
    """Scores of len(counts) classes, of which the named ones are ranked perfectly and the others
    with mistakes.
    """
    rng, y_true = np.random.default_rng(seed), np.repeat(np.arange(len(counts)), counts)
    scores = rng.normal(size=(len(y_true), len(counts))) + np.eye(len(counts))[y_true]
    scores[:, separated] += 50 * np.eye(len(counts))[y_true][:, separated]
    return y_true, scores


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(st.integers(1, 60), min_size=3, max_size=6),
    st.sampled_from(["logit_delong_t", "wald"]),
    st.sampled_from([None, 3]),
)
def test_macro_is_never_surer_than_its_separated_classes(seed, counts, method, size):
    rng, task = np.random.default_rng(seed), Task("multiclass", len(counts))
    y_true, scores = partly_separated(
        counts, rng.choice(len(counts), len(counts) - 1, replace=False), seed
    )
    groups = None if size is None else np.arange(len(y_true)) // size
    interval = macro_auc_interval(y_true, scores, task, method=method, groups=groups)
    each = [
        auc_interval((y_true == c).astype(int), scores[:, c], groups=groups)
        for c in range(len(counts))
    ]
    still = [own for own in each if own.method == "clopper_pearson_pairs"]
    assert (
        interval.low
        <= interval.estimate - sum(own.estimate - own.low for own in still) / len(counts) + 1e-9
        or interval.low == 0
    )
    assert interval.low <= interval.estimate <= interval.high
    assert ("zero_variance_classes" in interval.flags) == (0 < len(still) < len(counts))


def test_partly_separated_macro_by_hand():
    y_true, scores = partly_separated([30, 20, 40], [0, 1])
    interval, moving = (
        macro_auc_interval(y_true, scores, THREE),
        auc_interval((y_true == 2).astype(int), scores[:, 2]),
    )
    assert interval.estimate == pytest.approx((2 + moving.estimate) / 3)
    apart = ((1 - 0.025 ** (1 / 30)) + (1 - 0.025 ** (1 / 20))) / 3
    a, half = (
        interval.estimate,
        (logit(moving.high) - logit(moving.low)) / 2 * moving.estimate * (1 - moving.estimate) / 3,
    )
    others = expit(logit(a) - half / (a * (1 - a)))
    assert interval.low == pytest.approx(a - np.hypot(a - others, apart), abs=1e-9)
    assert interval.method == "logit_delong_t_and_clopper_pearson_pairs"


def test_labels_that_separate_widen_their_mean_too():
    y_true, scores = partly_separated([30, 20, 40], [0, 1])
    labels = np.eye(3, dtype=int)[y_true]
    assert macro_auc_interval(labels, scores, Task("multilabel", 3)) == macro_auc_interval(
        y_true, scores, THREE
    )


def test_coverage_where_classes_often_separate():
    task, counts, shift = Task("multiclass", 4), (30, 30, 30, 30), np.array([4, 4, 2, 2])
    y_true = np.repeat(np.arange(4), counts)
    truth = np.mean([norm.cdf(d / np.sqrt(2)) for d in shift])
    rng, inside, flagged = np.random.default_rng(0), [], []
    for _ in range(200):
        scores = rng.normal(size=(120, 4)) + shift * np.eye(4)[y_true]
        interval = macro_auc_interval(y_true, scores, task)
        inside.append(interval.low <= truth <= interval.high)
        flagged.append("zero_variance_classes" in interval.flags)
    assert np.mean(inside) > 0.92
    assert 0.3 < np.mean(flagged)
