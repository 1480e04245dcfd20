"""Temperature at its limits: perfect separation, scores of 0 and 1, absent labels, and what has
none.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from distorted_scores import as_logits, distorted

from medmonai.metrics import Temperature, apply_temperature, default_temperature, fit_temperature
from medmonai.predictions import Predictions
from medmonai.task import Task


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
