"""Members' tables as one: means over the same cases, folds put together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from medmonai.networks import Ensemble
from medmonai.planning import Division
from medmonai.planning.pooling import joined, of_ensemble, pooled
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
    test, chosen_on = pooled(members, Division("folds", 2))
    np.testing.assert_allclose(test.positive_scores, expected, rtol=1e-12)
    assert len(chosen_on) == 4
    turned = [(scored, scored) for _, scored in members]
    test, chosen_on = pooled(turned, Division("given", 2))
    np.testing.assert_allclose(test.positive_scores, expected, rtol=1e-12)
    np.testing.assert_allclose(chosen_on.positive_scores, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("task", "outputs"),
    [(Task("binary", 2), 1), (Task("multiclass", 4), 4), (Task("ordinal", 3), 3),
     (Task("multilabel", 3), 3)],
)  # fmt: skip
def test_the_scores_are_those_of_the_ensemble(task, outputs):
    ensemble = Ensemble(torch.nn.Linear(5, outputs), members=3)
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
    # Task.probabilities rounds to float32.
    np.testing.assert_allclose(of_ensemble(members).y_score, whole.y_score, rtol=1e-6)


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
    np.testing.assert_array_equal(chosen_on.y_score, joined([one for _, one in members]).y_score)
