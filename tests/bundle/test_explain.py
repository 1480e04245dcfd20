"""Which cases of a run get saliency maps."""

from __future__ import annotations

import numpy as np

from medmonai.bundle.explain import cases_to_explain
from medmonai.predictions import Predictions
from medmonai.task import Task


def table(kind, y_true, y_score):
    y_score = np.array(y_score, dtype=float)
    names = tuple(f"class {c}" for c in range(y_score.shape[1]))
    return Predictions(
        [f"case{i}" for i in range(len(y_score))],
        y_true,
        y_score,
        Task(kind, y_score.shape[1]),
        names,
    )


def test_mistakes_and_classes_in_turn_the_surest_first():
    positive = np.array([0.1, 0.9, 0.2, 0.8, 0.6, 0.3])
    p = table("binary", [0, 1, 0, 1, 0, 1], np.stack([1 - positive, positive], axis=1))
    decided = (positive >= 0.5).astype(int)  # case 4 (0.6) and case 5 (0.3, so 0.7 sure) are wrong
    assert cases_to_explain(p, decided, count=6).tolist() == [5, 0, 1, 4, 2, 3]
    assert cases_to_explain(p, decided, count=2).tolist() == [5, 0]


def test_without_mistakes_and_with_an_absent_class():
    p = table("multiclass", [0, 0, 2], np.eye(3)[[0, 0, 2]] * [[0.8], [0.9], [0.7]])
    assert cases_to_explain(p, np.array([0, 0, 2]), count=12).tolist() == [1, 2, 0]


def test_a_multilabel_case_is_shown_once():
    p = table("multilabel", [[1, 1], [0, 1], [0, 0]], [[0.9, 0.9], [0.2, 0.7], [0.8, 0.1]])
    assert cases_to_explain(p, (p.y_score > 0.5).astype(int), count=12).tolist() == [2, 0, 1]
