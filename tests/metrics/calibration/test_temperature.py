"""Temperature: scikit-learn's Platt and temperature scaling, known distortions undone, and what it
must not change.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.calibration import _SigmoidCalibration

from medmonai.metrics import (
    Temperature,
    apply_temperature,
    auc_scores,
    default_temperature,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
)
from medmonai.predictions import Predictions
from medmonai.task import Task

KINDS = [("binary", 2), ("multiclass", 4), ("ordinal", 3), ("multilabel", 3)]


def distorted(kind, classes, n=4000, seed=0, factor=3.0, shift=2.0):
    """Scores whose logits are `factor` times too large, and for sigmoids `shift` too high."""
    task, rng = Task(kind, classes), np.random.default_rng(seed)
    if kind in ("multiclass", "ordinal"):
        z = rng.normal(size=(n, classes)) * 1.5
        y_true = (
            (rng.random((n, 1)) > softmax(z, axis=1).cumsum(axis=1))
            .sum(axis=1)
            .clip(max=classes - 1)
        )
        y_score = softmax(factor * z, axis=1)
    else:
        z = rng.normal(size=(n, task.num_outputs)) * 1.5 - 0.5
        y_true = (rng.random(z.shape) < expit(z)).astype(int)
        u = factor * z + shift
        y_score = np.hstack([expit(-u), expit(u)]) if kind == "binary" else expit(u)
        y_true = y_true[:, 0] if kind == "binary" else y_true
    return Predictions(np.arange(n), y_true, y_score, task, [f"class {c}" for c in range(classes)])


def as_logits(p):
    """The same table as another tool would write it, before sigmoid or softmax: of two outputs only
    the difference counts.
    """
    noise = np.random.default_rng(5).normal(size=(len(p), 1))
    z = (
        np.log(p.y_score) - np.log1p(-p.y_score)
        if p.task.kind == "multilabel"
        else np.log(p.y_score) + noise
    )
    return replace(p, y_score=z)


@pytest.mark.parametrize(("kind", "classes"), KINDS)
def test_logits_are_calibrated_like_their_probabilities(kind, classes):
    validation, test = distorted(kind, classes, n=400), distorted(kind, classes, n=300, seed=1)
    ours, theirs = fit_temperature(as_logits(validation)), fit_temperature(validation)
    assert (ours.scores, theirs.scores) == ("logits", "probabilities")
    np.testing.assert_allclose(
        apply_temperature(as_logits(test), ours).y_score,
        apply_temperature(test, theirs).y_score,
        rtol=0,
        atol=1e-6,
    )
    plain = apply_temperature(as_logits(test), default_temperature(test.task, scores="logits"))
    np.testing.assert_allclose(plain.y_score, test.y_score, rtol=0, atol=1e-12)


def test_logits_by_hand():
    halved = Temperature(2.0, (0.5,), 9, scores="logits")
    # z = 2, -4
    p = Predictions(["a", "b"], None, [[1.0, 3.0], [2.0, -2.0]], Task("binary", 2), ("n", "p"))
    np.testing.assert_allclose(
        apply_temperature(p, halved).positive_scores, expit([1.5, -1.5]), rtol=1e-15
    )
    q = Predictions(
        ["a"], None, [[0.0, 2 * np.log(2), 2 * np.log(3)]], Task("multiclass", 3), tuple("xyz")
    )
    np.testing.assert_allclose(
        apply_temperature(q, Temperature(2.0, (), 9, scores="logits")).y_score,
        [[1 / 6, 1 / 3, 1 / 2]],
        rtol=1e-14,
    )
    r = Predictions(["a"], None, [[-2.0, 4.0]], Task("multilabel", 2), tuple("xy"))
    moved = apply_temperature(r, Temperature(2.0, (0.0, 1.0), 9, scores="logits"))
    np.testing.assert_allclose(moved.y_score, expit([[-1.0, 3.0]]), rtol=1e-15)


@pytest.mark.parametrize(("kind", "classes"), KINDS)
def test_a_known_distortion_is_found_and_undone(kind, classes):
    found = fit_temperature(distorted(kind, classes))
    assert found.temperature == pytest.approx(3, rel=0.08)
    assert found.n == 4000 and found.chosen_on == "validation"
    sigmoids = {"binary": 1, "multilabel": classes}.get(kind, 0)
    assert found.bias == pytest.approx((-2 / 3,) * sigmoids, abs=0.12)
    test = distorted(kind, classes, seed=1)
    after = apply_temperature(test, found)
    before_ece, after_ece = (
        expected_calibration_error(p.y_true, p.y_score, p.task) for p in (test, after)
    )
    assert after_ece < 0.03 < before_ece
    assert negative_log_likelihood(
        after.y_true, after.y_score, after.task
    ) < negative_log_likelihood(test.y_true, test.y_score, test.task)


def test_binary_fit_is_scikit_learns_platt():
    p = distorted("binary", 2, n=500)
    z = np.log(p.y_score[:, 1]) - np.log(p.y_score[:, 0])
    theirs = _SigmoidCalibration().fit(z, p.y_true)
    found = fit_temperature(p)
    assert (1 / found.temperature, found.bias[0]) == pytest.approx(
        (-theirs.a_, -theirs.b_), rel=1e-3
    )
    np.testing.assert_allclose(
        apply_temperature(p, found).positive_scores, theirs.predict(z), atol=1e-4
    )


def targets_of(columns):
    positives = columns.sum(axis=0)
    return np.where(
        columns == 1, (positives + 1) / (positives + 2), 1 / (len(columns) - positives + 2)
    )


def test_the_fit_is_a_minimum():
    p = distorted("multilabel", 3, n=300)
    z, targets, found = (
        np.log(p.y_score) - np.log1p(-p.y_score),
        targets_of(p.y_true),
        fit_temperature(p),
    )

    def loss(scale, bias):
        u = z / found.temperature * scale + bias
        return np.mean(np.logaddexp(0, u) - targets * u)

    best = loss(1, np.array(found.bias))
    for scale in (0.999, 1.001):
        assert loss(scale, np.array(found.bias)) > best
    for step in 0.001 * np.vstack([np.eye(3), -np.eye(3)]):
        assert loss(1, np.array(found.bias) + step) > best
    q = distorted("multiclass", 4, n=300)
    t, counts = fit_temperature(q).temperature, np.bincount(q.y_true)
    targets = np.where(
        np.eye(4)[q.y_true] == 1,
        ((counts + 1) / (counts + 2))[q.y_true][:, None],
        (1 / 3 / (counts + 2))[q.y_true][:, None],
    )
    losses = [
        -np.mean(
            np.sum(
                targets * np.log(apply_temperature(q, Temperature(t * f, (), 1)).y_score), axis=1
            )
        )
        for f in (0.999, 1, 1.001)
    ]
    assert losses[1] == min(losses)


def test_many_cases_make_the_targets_those_of_plain_nll():
    p = distorted("ordinal", 3, n=20000)
    t = fit_temperature(p).temperature
    nll = {
        f: negative_log_likelihood(
            p.y_true, apply_temperature(p, Temperature(t * f, (), 1)).y_score, p.task
        )
        for f in (0.98, 1, 1.02)
    }
    assert nll[1] == min(nll.values())


@pytest.mark.parametrize(("kind", "classes"), [("binary", 2), ("multilabel", 3)])
def test_ranking_does_not_change(kind, classes):
    p = distorted(kind, classes, n=300)
    after = apply_temperature(p, fit_temperature(p))
    np.testing.assert_allclose(
        auc_scores(p.y_true, p.y_score, p.task),
        auc_scores(p.y_true, after.y_score, p.task),
        atol=1e-12,
    )


def test_the_decided_class_does_not_change():
    p = distorted("multiclass", 4, n=300)
    after = apply_temperature(p, fit_temperature(p))
    assert (after.y_score.argmax(axis=1) == p.y_score.argmax(axis=1)).all()
    np.testing.assert_allclose(after.y_score.sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize(("kind", "classes"), KINDS)
def test_temperature_one_changes_nothing(kind, classes):
    p = distorted(kind, classes, n=50)
    same = apply_temperature(
        p, Temperature(1.0, (0.0,) * {"binary": 1, "multilabel": classes}.get(kind, 0), 0, "none")
    )
    np.testing.assert_allclose(same.y_score, p.y_score, atol=1e-11)
    assert same.ids is not None and (same.ids == p.ids).all() and (same.y_true == p.y_true).all()


def test_perfect_separation_has_a_finite_fit():
    y_true = np.repeat([0, 1], 20)
    score = np.where(y_true == 1, 0.6, 0.4)
    p = Predictions(
        np.arange(40), y_true, np.stack([1 - score, score], axis=1), Task("binary", 2), ("a", "b")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        after = apply_temperature(p, fit_temperature(p))
    # Platt's target for 20 positives
    assert after.positive_scores[-1] == pytest.approx(21 / 22, abs=1e-6)
    y_true = np.repeat([0, 1, 2], 10)
    q = Predictions(
        np.arange(30), y_true, 0.1 + 0.7 * np.eye(3)[y_true], Task("multiclass", 3), ("a", "b", "c")
    )
    np.testing.assert_allclose(
        apply_temperature(q, fit_temperature(q)).y_score.max(axis=1), 11 / 12, atol=1e-6
    )


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_scores_of_exactly_zero_and_one(score):
    y_true = np.arange(60) % 2
    scores = np.where(np.arange(60) < 6, score, np.where(y_true == 1, 0.7, 0.2))
    p = Predictions(
        np.arange(60), y_true, np.stack([1 - scores, scores], axis=1), Task("binary", 2), ("a", "b")
    )
    found = fit_temperature(p)
    assert 1 < found.temperature <= 50
    assert np.isfinite(apply_temperature(p, found).y_score).all()


def test_the_limits_are_warned_about():
    p = distorted("binary", 2, n=400)
    with pytest.warns(UserWarning, match="temperature=50 is a limit"):
        found = fit_temperature(Predictions(p.ids, 1 - p.y_true, p.y_score, p.task, p.class_names))
    assert found.temperature == 50
    after = apply_temperature(
        Predictions(p.ids, 1 - p.y_true, p.y_score, p.task, p.class_names), found
    )
    # the level is right at least
    assert after.positive_scores.mean() == pytest.approx(np.mean(1 - p.y_true), abs=0.01)
    q = distorted("multiclass", 4, n=400)
    with pytest.warns(UserWarning, match="temperature=50 is a limit"):
        fit_temperature(
            Predictions(q.ids, (q.y_score.argmax(axis=1) + 1) % 4, q.y_score, q.task, q.class_names)
        )


def test_an_absent_label_has_a_finite_bias():
    p = distorted("multilabel", 3, n=200)
    y_true = p.y_true.copy()
    y_true[:, 2] = 0
    found = fit_temperature(Predictions(p.ids, y_true, p.y_score, p.task, p.class_names))
    assert found.bias[2] < -2
    assert np.isfinite(found.bias).all()


def test_round_trip_through_json():
    found = fit_temperature(distorted("multilabel", 3, n=100))
    assert Temperature.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    of_logits = fit_temperature(as_logits(distorted("multiclass", 4, n=100)))
    assert of_logits.scores == "logits" and Temperature.from_dict(of_logits.as_dict()) == of_logits


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda p: fit_temperature(Predictions(p.ids, None, p.y_score, p.task, p.class_names)),
            "validation has no y_true",
        ),
        (
            lambda p: apply_temperature(as_logits(p), fit_temperature(p)),
            "a temperature for probabilities, a table of logits",
        ),
        (
            lambda p: apply_temperature(p, fit_temperature(as_logits(p))),
            "a temperature for logits, a table of probabilities",
        ),
        (lambda p: Temperature(1.0, (), 1, scores="odds"), "scores='odds'"),
        (
            lambda p: apply_temperature(p, Temperature(2.0, (), 10)),
            "binary task of 2 classes needs 1",
        ),
        (lambda p: Temperature(0.0, (), 1), "temperature=0.0"),
        (lambda p: Temperature(float("nan"), (), 1), "temperature=nan"),
        (lambda p: Temperature(1.0, (), 1, "test"), "chosen_on='test'"),
        (
            lambda p: Temperature.from_dict({"temperature": 1}),
            "a temperature has temperature, bias, n, chosen_on and scores",
        ),
    ],
)
def test_bad_arguments(call, match):
    with pytest.raises(ValueError, match=match):
        call(distorted("binary", 2, n=20))


@pytest.mark.parametrize(
    ("kind", "scores"), [("multiclass", [0.9, 0.8, 0.7]), ("binary", [0.3, 0.4])]
)
def test_rows_that_do_not_add_up_to_1_have_no_temperature(kind, scores):
    task = Task(kind, len(scores))
    p = Predictions(
        np.arange(12), np.arange(12) % 2, np.tile(scores, (12, 1)), task, [f"c{c}" for c in scores]
    )
    with pytest.raises(ValueError, match=r"no temperature for these scores: .*instead of 1"):
        fit_temperature(p)
    with pytest.raises(ValueError, match="no temperature for these scores"):
        apply_temperature(p, default_temperature(task, scores="probabilities"))
