"""Members' tables as one: means over the same cases, folds put together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit

from medmonai.metrics import Temperature, apply_temperature, fit_temperature
from medmonai.networks import Ensemble
from medmonai.planning import Division
from medmonai.planning.pooling import joined, member_temperatures, of_ensemble, pooled
from medmonai.predictions import Predictions
from medmonai.task import Task


def table(ids, p):
    y_true = np.arange(len(ids)) % 2
    scores = np.stack([1 - np.array(p), p], axis=1)
    return Predictions(np.array(ids), y_true, scores, Task("binary", 2), ("normal", "sick"))


def test_folds_are_put_together_in_the_order_of_the_ids():
    whole = joined([table(["c", "d"], [0.1, 0.2]), table(["a", "b"], [0.3, 0.4])])
    assert whole.ids.tolist() == ["a", "b", "c", "d"]
    assert whole.positive_scores.tolist() == [0.3, 0.4, 0.1, 0.2]
    assert whole.y_true.tolist() == [0, 1, 0, 1]


def logit(p):
    return np.log(p / (1 - np.array(p)))


def test_what_is_averaged_and_what_is_put_together():
    members = [
        (table(["a", "b"], [0.2, 0.6]), table(["x", "y"], [0.1, 0.3])),
        (table(["c", "d"], [0.4, 0.8]), table(["y", "x"], [0.5, 0.3])),
    ]
    members[1] = (members[1][0], replace(members[1][1], y_true=np.array([1, 0])))
    expected = 1 / (1 + np.exp(-(logit([0.1, 0.3]) + logit([0.3, 0.5])) / 2))
    found = [fit_temperature(validation) for validation, _ in members]
    scaled = [
        logit(p) / one.temperature + one.bias[0] for p, one in zip(([0.1, 0.3], [0.3, 0.5]), found)
    ]
    test, chosen_on = pooled(members, Division("folds", 2))
    np.testing.assert_allclose(test.positive_scores, expit(np.mean(scaled, axis=0)), rtol=1e-9)
    held_out = joined([apply_temperature(one[0], t) for one, t in zip(members, found)])
    np.testing.assert_array_equal(chosen_on.y_score, held_out.y_score)
    turned = [(scored, scored) for _, scored in members]
    test, chosen_on = pooled(turned, Division("given", 2))
    np.testing.assert_allclose(test.positive_scores, expected, rtol=1e-12)
    np.testing.assert_allclose(chosen_on.positive_scores, expected, rtol=1e-12)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    ("task", "outputs"),
    [(Task("binary", 2), 1), (Task("multiclass", 4), 4), (Task("ordinal", 3), 3),
     (Task("multilabel", 3), 3)],
)  # fmt: skip
def test_the_scores_are_those_of_the_ensemble(task, outputs, scaled):
    rng = np.random.default_rng(0)
    wanted = 0 if task.exclusive and outputs > 1 else outputs
    scales = [
        Temperature(t, tuple(rng.normal(size=wanted)) if scaled else (0.0,) * wanted, 9)
        for t in ([0.5, 1.0, 3.0] if scaled else [1.0] * 3)
    ]
    ensemble = Ensemble(
        torch.nn.Linear(5, outputs),
        members=3,
        temperatures=[one.temperature for one in scales],
        biases=[list(one.bias) or [0.0] for one in scales],
    )
    for member in ensemble.members:
        member.reset_parameters()
    x = torch.randn(20, 5, dtype=torch.float64)
    ensemble.double()
    names = tuple(f"class {c}" for c in range(task.num_classes))
    tables = [
        Predictions(np.arange(20).astype(str), None, task.probabilities(one(x)).detach().numpy(),
                    task, names)
        for one in (*ensemble.members, ensemble)
    ]  # fmt: skip
    *members, whole = tables
    after = [apply_temperature(table, one) for table, one in zip(members, scales)]
    # Task.probabilities rounds to float32.
    np.testing.assert_allclose(of_ensemble(after).y_score, whole.y_score, rtol=2e-6)


def test_a_rotation_scores_every_case_once_on_one_scale():
    rng = np.random.default_rng(0)
    ids = [[f"{part}{i}" for i in range(40)] for part in "ab"]
    scores = [np.clip(np.arange(40) % 2 * 0.2 + rng.random(40) * 0.8, 0.01, 0.99) for _ in ids]
    members = [
        (table(ids[1], scores[1]), table(ids[0], scores[0])),
        (table(ids[0], scores[0]), table(ids[1], scores[1])),
    ]
    test, chosen_on = pooled(members, Division("rotation", 2))
    assert len(test) == len(chosen_on) == 80 and set(test.ids) == set(chosen_on.ids)
    found = [fit_temperature(joined(list(both))) for both in members]
    held_out = joined([apply_temperature(one[1], t) for one, t in zip(members, found)])
    np.testing.assert_array_equal(chosen_on.y_score, held_out.y_score)
    reported = joined([apply_temperature(b, fit_temperature(a)) for a, b in members])
    np.testing.assert_array_equal(test.y_score, reported.y_score)


def simulated(rng, *, cases, spread, folds=5):
    """Members of a rotation and the logits that they give to new cases.

    The log odds of a case are known. A member adds noise, and scales and shifts the result at
    random (`spread`), as the AUC margin loss allows.
    """

    def drawn(n):
        y = (rng.random(n) < 0.35).astype(int)
        return y, 1.8 * (rng.normal(size=n) + 1.8 * (y - 0.5)) + np.log(0.35 / 0.65)

    (y, z), (y_new, z_new) = drawn(cases), drawn(4000)
    scale, shift = np.exp(spread * rng.normal(size=folds)), spread * rng.normal(size=folds)
    fold = rng.permutation(cases) % folds

    def logits(member, z):
        return scale[member] * (z + rng.normal(size=len(z))) + shift[member]

    def of(member, rows):
        ids = np.flatnonzero(rows).astype(str)
        p = expit(logits(member, z[rows]))
        return Predictions(ids, y[rows], np.stack([1 - p, p], 1), Task("binary", 2), ("a", "b"))

    members = [(of(m, fold == (m + 1) % folds), of(m, fold == m)) for m in range(folds)]
    return members, np.stack([logits(m, z_new) for m in range(folds)]), y_new


def nll(y, z):
    return float(np.mean(np.logaddexp(0, np.where(y == 1, -z, z))))


@pytest.mark.parametrize(("cases", "spread"), [(60, 0.0), (200, 0.0), (60, 0.8), (200, 0.8)])
def test_the_ensemble_of_a_rotation_is_not_worse_calibrated_than_by_pooled_scores(cases, spread):
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(12):
        members, new, y = simulated(rng, cases=cases, spread=spread)
        division = Division("rotation", 5)
        found = member_temperatures(members, division)
        last = fit_temperature(pooled(members, division)[1])
        scaled = np.mean([z / t.temperature + t.bias[0] for z, t in zip(new, found)], axis=0)
        plain = fit_temperature(joined([test for _, test in members]))
        losses.append(
            [
                nll(y, one / t.temperature + t.bias[0])
                for one, t in ((scaled, last), (new.mean(axis=0), plain))
            ]
        )
    ours, pooled_alone = np.mean(losses, axis=0)
    assert ours < pooled_alone + (0.002 if spread == 0 else -0.008)
