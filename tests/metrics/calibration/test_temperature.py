"""Temperature: scikit-learn's Platt and temperature scaling, known distortions undone, and what it
must not change.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from distorted_scores import KINDS, as_logits, distorted
from scipy.special import expit
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


def test_round_trip_through_json():
    found = fit_temperature(distorted("multilabel", 3, n=100))
    assert Temperature.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    of_logits = fit_temperature(as_logits(distorted("multiclass", 4, n=100)))
    assert of_logits.scores == "logits" and Temperature.from_dict(of_logits.as_dict()) == of_logits
