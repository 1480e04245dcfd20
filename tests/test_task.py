"""Task: what each kind of label fixes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medmonai.task import Task

KINDS = [
    ("binary", 2, 1),
    ("multiclass", 5, 5),
    ("ordinal", 5, 5),
    ("multilabel", 3, 3),
    ("multilabel", 1, 1),
]


@pytest.mark.parametrize(("kind", "num_classes", "outputs"), KINDS)
def test_outputs_and_loss(kind, num_classes, outputs):
    task = Task(kind, num_classes)
    assert task.num_outputs == outputs
    assert task.exclusive == (kind != "multilabel")


@pytest.mark.parametrize(
    ("kind", "num_classes"),
    [("binary", 3), ("binary", 1), ("multiclass", 1), ("ordinal", 0), ("multilabel", 0)],
)
def test_wrong_number_of_classes(kind, num_classes):
    with pytest.raises(ValueError, match=f"num_classes={num_classes} for a {kind} task"):
        Task(kind, num_classes)


def test_unknown_kind():
    with pytest.raises(ValueError, match=r"kind='multi-class' is not a task; use one of binary"):
        Task("multi-class", 3)


@pytest.mark.parametrize(("kind", "num_classes", "outputs"), KINDS)
def test_probabilities_have_one_column_a_class(kind, num_classes, outputs):
    p = Task(kind, num_classes).probabilities(torch.randn(7, outputs, dtype=torch.float64))
    assert p.shape == (7, num_classes)
    assert p.dtype == torch.float32
    assert 0 <= p.min() <= p.max() <= 1
    if kind != "multilabel":
        torch.testing.assert_close(p.sum(1), torch.ones(7))


def test_binary_probabilities_by_hand_and_at_the_ends():
    p = Task("binary", 2).probabilities(torch.tensor([[0.0], [np.log(3.0)], [-40.0], [40.0]]))
    np.testing.assert_allclose(p[:2], [[0.5, 0.5], [0.25, 0.75]], rtol=1e-6)
    # 1 - p would have given 0
    np.testing.assert_allclose([p[2, 1], p[3, 0]], np.exp(-40.0), rtol=1e-4)


def test_multilabel_probabilities_are_independent():
    p = Task("multilabel", 2).probabilities(torch.tensor([[0.0, np.log(3.0)]]))
    np.testing.assert_allclose(p, [[0.5, 0.75]], rtol=1e-6)


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 1, 1)])
def test_logits_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"needs \(B, 1\)"):
        Task("binary", 2).probabilities(torch.zeros(shape))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, bool])
def test_labels_become_int64(dtype):
    labels = Task("binary", 2).check_labels(np.array([[0], [1]], dtype=dtype))
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("task", "labels", "match"),
    [
        (Task("binary", 2), [0, 2], "range from 0 to 2; a binary task of 2 classes allows 0 to 1"),
        (Task("multiclass", 3), [-1, 2], "range from -1 to 2"),
        (Task("multiclass", 3), [[0, 1]], r"shape \(1, 2\); a multiclass task needs \(N,\)"),
        (Task("multilabel", 3), [[0, 1]], r"shape \(1, 2\); a multilabel task needs \(N, 3\)"),
        (Task("multilabel", 2), [[0, 2]], "allows 0 to 1"),
        (Task("binary", 2), [0, 0.5], "fractions or NaN"),
        (Task("binary", 2), [0, np.nan], "fractions or NaN"),
    ],
)
def test_labels_outside_the_task(task, labels, match):
    with pytest.raises(ValueError, match=match):
        task.check_labels(np.array(labels))


def test_labels_of_text():
    with pytest.raises(TypeError, match="y_true have dtype <U4; whole numbers"):
        Task("binary", 2).check_labels(np.array(["sick"]), name="y_true")


def test_infinite_labels_are_refused():
    with pytest.raises(ValueError, match="y_true"):
        Task("binary", 2).check_labels(np.array([0, np.inf]), name="y_true")


def test_empty_labels_pass():
    assert Task("binary", 2).check_labels(np.array([], dtype=np.int64)).shape == (0,)


def test_one_hot_is_each_class_against_the_rest():
    assert Task("ordinal", 3).one_hot(np.array([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert Task("multilabel", 2).one_hot(np.array([[1, 1], [0, 0]])).tolist() == [[1, 1], [0, 0]]


def test_two_logits_of_a_binary_task_are_those_of_a_softmax():
    logits = torch.tensor([[0.0, 2.0], [1.5, -0.5]])
    found = Task("binary", 2).probabilities(logits)
    torch.testing.assert_close(found, torch.softmax(logits, dim=1))
    one = Task("binary", 2).probabilities(logits[:1, 1:])
    torch.testing.assert_close(found[:1], one, rtol=0, atol=0)
