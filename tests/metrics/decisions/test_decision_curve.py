"""Net benefit by its definition, at its ends, and with intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from medmonai.metrics import decision_curve, net_benefit


def drawn(n=400, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n) * 1.5 - 1
    return (rng.random(n) < expit(z)).astype(int), expit(z)


def test_by_definition():
    y_true, p = drawn()
    thresholds = [0.05, 0.2, 0.5, 0.9]
    model, treat_all = net_benefit(y_true, p, thresholds)
    for t, value, everybody in zip(thresholds, model, treat_all):
        act = p > t
        tp, fp = np.sum(act & (y_true == 1)), np.sum(act & (y_true == 0))
        assert value == pytest.approx(tp / 400 - fp / 400 * t / (1 - t), abs=1e-15)
        assert everybody == pytest.approx(
            y_true.mean() - (1 - y_true.mean()) * t / (1 - t), abs=1e-15
        )


def test_by_hand():
    # 100 cases: 20 of 30 sick and 10 of 70 healthy above 0.25, where a false alarm costs a third of
    # a hit
    y_true, p = (
        np.repeat([1, 1, 0, 0], [20, 10, 10, 60]),
        np.repeat([0.5, 0.1, 0.5, 0.1], [20, 10, 10, 60]),
    )
    model, treat_all = net_benefit(y_true, p, [0.25])
    assert model[0] == pytest.approx(0.2 - 0.1 / 3)
    assert treat_all[0] == pytest.approx(0.3 - 0.7 / 3)


def test_ends():
    y_true, p = drawn()
    model, treat_all = net_benefit(y_true, p, [0.0])
    # false alarms cost nothing, every p is above 0
    assert model[0] == treat_all[0] == y_true.mean()
    perfect = net_benefit(y_true, y_true.astype(float), [0.1, 0.5, 0.99])[0]
    np.testing.assert_allclose(perfect, y_true.mean(), atol=1e-15)
    # at the threshold is not above it
    assert net_benefit(y_true, np.full(400, 0.5), [0.5])[0][0] == 0


def test_curve_repeats_net_benefit_and_its_error_is_that_of_a_mean():
    y_true, p = drawn(2000)
    curve = decision_curve(y_true, p)
    model, treat_all = net_benefit(y_true, p, curve.thresholds)
    assert len(curve.thresholds) == 99 and curve.thresholds[[0, -1]].tolist() == [0.01, 0.99]
    np.testing.assert_array_equal(curve.model, model)
    np.testing.assert_array_equal(curve.treat_all, treat_all)
    rng = np.random.default_rng(1)
    draws = [net_benefit(y_true[i], p[i], [0.2])[0][0] for i in rng.integers(0, 2000, (800, 2000))]
    assert (curve.high - curve.low)[19] / 3.92 == pytest.approx(np.std(draws), rel=0.1)


def test_coverage():
    y_big, p_big = drawn(1_000_000, seed=9)
    truth = net_benefit(y_big, p_big, [0.3])[0][0]
    curves = (decision_curve(*drawn(400, seed=s), [0.3]) for s in range(400))
    assert 0.92 < np.mean([c.low[0] <= truth <= c.high[0] for c in curves]) < 0.98


def test_groups():
    y_true, p = drawn()
    plain = decision_curve(y_true, p)
    copies = decision_curve(
        np.repeat(y_true, 5), np.repeat(p, 5), groups=np.repeat(np.arange(400), 5)
    )
    np.testing.assert_allclose(copies.low, plain.low, atol=1e-12)
    np.testing.assert_allclose(copies.model, plain.model, atol=1e-12)
    assert np.isnan(decision_curve(y_true, p, groups=["a"] * 400).low).all()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: net_benefit([0, 1], [0.1, 1.2], [0.5]), "scores range from 0.1 to 1.2"),
        (lambda: net_benefit([0, 1], [0.1, 0.2], [1.0]), r"\[0, 1\) is needed"),
        (lambda: net_benefit([0, 1], [0.1, 0.2], [0.5, np.nan]), r"\[0, 1\) is needed"),
        (lambda: decision_curve([0, 1], [0.1, 0.2], confidence=95), "confidence=95"),
        (lambda: decision_curve([0, 1], [0.1, 0.2], groups=["a"]), r"groups of shape \(1,\)"),
        (lambda: net_benefit([], [], [0.5]), "y_true is empty"),
    ],
)
def test_bad_arguments(call, match):
    with pytest.raises(ValueError, match=match):
        call()
