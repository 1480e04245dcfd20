"""What verdicts are about: one training each, several of each, or not alike."""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.metrics import compare_tables, verdict_scope
from medmonai.predictions import Predictions
from medmonai.task import Task


def trainings(count, seed):
    y_true = np.repeat([0, 1], 20)
    p = np.random.default_rng(seed).random((count, 40))
    return [
        Predictions(np.arange(40), y_true, np.stack([1 - q, q], 1), Task("binary", 2), ("n", "p"))
        for q in p
    ]


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        (1, 1, "on other patients, one training each; not the recipe. Training a recipe again"),
        (3, 3, "averaged over 3 trainings each; not the recipe. Neither interval nor p"),
        (1, 3, "averaged over 1 to 3 trainings each; not the recipe"),
    ],
)
def test_it_counts_the_trainings(a, b, text):
    assert text in verdict_scope(compare_tables({"a": trainings(a, 0), "b": trainings(b, 1)}))


def test_nothing_compared_says_nothing():
    assert verdict_scope([]) == ""
