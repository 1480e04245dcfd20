"""Members' tables as one: means over the same cases, folds put together."""

from __future__ import annotations

import numpy as np

from medmonai.planning import Division
from medmonai.planning.pooling import joined, pooled
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


def test_what_is_averaged_and_what_is_put_together():
    members = [
        (table(["a", "b"], [0.2, 0.6]), table(["x", "y"], [0.1, 0.3])),
        (table(["c", "d"], [0.4, 0.8]), table(["x", "y"], [0.3, 0.5])),
    ]
    test, validation = pooled(members, Division("folds", 2))
    assert test.positive_scores.tolist() == [0.2, 0.4] and len(validation) == 4
    members = [(validation, test) for _, test in members]
    test, validation = pooled(members, Division("given", 2))
    assert test.positive_scores.tolist() == [0.2, 0.4] and len(validation) == 4


def test_a_rotation_scores_every_case_once_on_one_scale():
    rng = np.random.default_rng(0)
    ids = [[f"{part}{i}" for i in range(40)] for part in "ab"]
    scores = [np.clip(np.arange(40) % 2 * 0.2 + rng.random(40) * 0.8, 0.01, 0.99) for _ in ids]
    members = [
        (table(ids[1], scores[1]), table(ids[0], scores[0])),
        (table(ids[0], scores[0]), table(ids[1], scores[1])),
    ]
    test, validation = pooled(members, Division("rotation", 2))
    assert len(test) == len(validation) == 80 and set(test.ids) == set(validation.ids)
