"""MedMNIST's AUC and ACC against the functions of the medmnist package."""

from __future__ import annotations

import numpy as np
import pytest
from medmnist.evaluator import getACC, getAUC

from medmonai.metrics import medmnist_acc, medmnist_auc
from medmonai.task import Task

TASKS = [
    (Task("binary", 2), "binary-class"),
    (Task("multiclass", 5), "multi-class"),
    (Task("ordinal", 4), "ordinal-regression"),
    (Task("multilabel", 6), "multi-label, binary-class"),
]


def drawn(task, seed, n=150):
    """Labels (N, 1) or (N, L) as MedMNIST keeps them, and coarse scores so that ties and .5 itself
    occur.
    """
    rng = np.random.default_rng(seed)
    width = 1 if task.exclusive else task.num_classes
    y_true = rng.integers(0, task.num_classes if task.exclusive else 2, (n, width))
    y_score = rng.integers(0, 9, (n, task.num_classes)) / 8
    if task.kind == "binary":
        y_score[:, 0] = 1 - y_score[:, 1]
    return y_true, y_score


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("task", "name"), TASKS)
def test_equal_to_medmnist(task, name, seed):
    y_true, y_score = drawn(task, seed)
    assert medmnist_auc(y_true, y_score, task) == pytest.approx(
        getAUC(y_true, y_score, name), abs=1e-12
    )
    assert medmnist_acc(y_true, y_score, task) == pytest.approx(
        getACC(y_true, y_score, name), abs=1e-15
    )


def test_a_tie_at_one_half_is_negative():
    y_score = [[0.5, 0.5], [0.5, 0.5]]
    assert medmnist_acc([0, 1], y_score, Task("binary", 2)) == 0.5
    assert medmnist_acc([0, 0], y_score, Task("binary", 2)) == 1.0
    assert medmnist_acc([0, 1], [[0.505, 0.495], [0.495, 0.505]], Task("binary", 2)) == 1.0
    assert medmnist_acc([[0, 0], [1, 0]], y_score, Task("multilabel", 2)) == 0.75


def test_absent_class_makes_the_official_mean_undefined():
    with pytest.warns(UserWarning, match="class 2 has 0 of 2"):
        assert np.isnan(medmnist_auc([0, 1], np.eye(3)[:2], Task("multiclass", 3)))


@pytest.mark.parametrize("function", [medmnist_acc, medmnist_auc])
def test_shapes_that_do_not_fit(function):
    with pytest.raises(ValueError, match=r"need \(2, 2\)"):
        function([0, 1], [0.1, 0.9], Task("binary", 2))
