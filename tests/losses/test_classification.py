"""TaskLoss against torch's losses and by hand, for all kinds of task."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax, softmax

from medmonai.losses import TaskLoss, balanced_class_weights
from medmonai.task import Task

TASKS = [Task("binary", 2), Task("multiclass", 4), Task("ordinal", 4), Task("multilabel", 3)]


def batch(task, size=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(size, task.num_outputs, generator=generator)
    if task.exclusive:
        return logits.requires_grad_(), torch.randint(
            task.num_classes, (size,), generator=generator
        )
    return logits.requires_grad_(), torch.randint(2, logits.shape, generator=generator)


def test_by_hand():
    loss = TaskLoss("binary", label_smoothing=0.2)
    # sigmoid(log 3) = 3/4, smoothed target .9
    value = loss(torch.tensor([[math.log(3)]]), torch.tensor([1]))
    assert value.item() == pytest.approx(-(0.9 * math.log(0.75) + 0.1 * math.log(0.25)))


def test_binary_is_bce():
    logits, labels = batch(TASKS[0])
    expected = F.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    torch.testing.assert_close(TaskLoss("binary")(logits, labels), expected)


@pytest.mark.parametrize("task", TASKS[1:3])
@pytest.mark.parametrize(
    ("smoothing", "weights"), [(0.0, None), (0.1, None), (0.0, [1.0, 2.0, 3.0, 4.0])]
)
def test_several_classes_are_torchs_with_one_of_the_two_options(task, smoothing, weights):
    logits, labels = batch(task)
    tensor = None if weights is None else torch.tensor(weights)
    expected = F.cross_entropy(logits, labels, weight=tensor, label_smoothing=smoothing)
    torch.testing.assert_close(
        TaskLoss(task, label_smoothing=smoothing, class_weights=weights)(logits, labels), expected
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    smoothing=st.floats(0, 0.9),
    kind=st.sampled_from(["binary", "multiclass", "ordinal"]),
    classes=st.integers(2, 6),
)
def test_the_stated_formula(seed, smoothing, kind, classes):
    task, rng = Task(kind, 2 if kind == "binary" else classes), np.random.default_rng(seed)
    logits, labels = (
        3 * rng.normal(size=(7, task.num_outputs)),
        rng.integers(0, task.num_classes, 7),
    )
    weights = np.exp(rng.normal(size=task.num_classes) * 2)
    z = np.hstack([np.zeros((7, 1)), logits]) if kind == "binary" else logits
    targets = (1 - smoothing) * np.eye(task.num_classes)[labels] + smoothing / task.num_classes
    case, w = (
        -(targets * log_softmax(z, axis=1)).sum(axis=1),
        weights.astype(np.float32)[labels].astype(float),
    )
    found = TaskLoss(task, label_smoothing=smoothing, class_weights=weights)(
        torch.tensor(logits), torch.tensor(labels)
    )
    assert found.item() == pytest.approx((w * case).sum() / w.sum(), rel=1e-9)


@pytest.mark.parametrize("positives", [500, 100, 20, 5])
@pytest.mark.parametrize("label", [0, 1])
def test_a_certain_case_is_best_at_its_smoothed_target_however_rare_its_class(positives, label):
    labels = np.repeat([0, 1], [1000 - positives, positives])
    loss = TaskLoss("binary", label_smoothing=0.1, class_weights="balanced", labels=labels)
    best = minimize_scalar(
        lambda z: loss(torch.tensor([[z]], dtype=torch.float64), torch.tensor([label])).item(),
        bounds=(-12, 12),
        method="bounded",
        options={"xatol": 1e-8},
    ).x
    assert expit(best) == pytest.approx(0.95 if label else 0.05, abs=1e-5)


def test_a_certain_case_of_several_classes_is_best_at_its_smoothed_targets():
    loss = TaskLoss(TASKS[1], label_smoothing=0.2, class_weights=[1.0, 50.0, 3.0, 0.1])
    best = minimize(lambda z: loss(torch.tensor(z[None]), torch.tensor([2])).item(), np.zeros(4)).x
    np.testing.assert_allclose(softmax(best), [0.05, 0.05, 0.85, 0.05], atol=1e-4)


def test_the_share_of_a_mixed_group_is_that_of_its_weights():
    """Of cases that look alike, 10 % of them positive, the best p is w1 n1 / (w0 n0 + w1 n1),
    smoothed.
    """
    labels = torch.tensor([0] * 9 + [1])
    loss = TaskLoss("binary", label_smoothing=0.1, class_weights=[1.0, 9.0])
    best = minimize_scalar(
        lambda z: loss(torch.full((10, 1), z, dtype=torch.float64), labels).item(),
        bounds=(-9, 9),
        method="bounded",
        options={"xatol": 1e-8},
    ).x
    assert expit(best) == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("label", [0, 1])
def test_a_certain_label_is_best_at_its_smoothed_target(label):
    loss = TaskLoss(TASKS[3], label_smoothing=0.1, class_weights=[0.01, 1.0, 100.0])
    best = minimize(
        lambda z: loss(torch.tensor(z[None]), torch.full((1, 3), label)).item() * 1e4,
        np.zeros(3),
        tol=1e-12,
    ).x
    np.testing.assert_allclose(expit(best), 0.95 if label else 0.05, atol=1e-2)


def test_multilabel_is_bce_and_weighs_columns():
    logits, labels = batch(TASKS[3])
    torch.testing.assert_close(
        TaskLoss(TASKS[3])(logits, labels),
        F.binary_cross_entropy_with_logits(logits, labels.float()),
    )
    columns = F.binary_cross_entropy_with_logits(
        logits, labels * 0.9 + 0.05, reduction="none"
    ).mean(0)
    weighted = TaskLoss(TASKS[3], label_smoothing=0.1, class_weights=[1, 2, 5])(logits, labels)
    torch.testing.assert_close(weighted, (columns[0] + 2 * columns[1] + 5 * columns[2]) / 8)


def test_two_classes_in_one_or_two_logits_mean_the_same():
    logits, labels = batch(TASKS[0])
    options = {"label_smoothing": 0.1, "class_weights": [1.0, 3.0]}
    both = torch.cat([-0.5 * logits, 0.5 * logits], dim=1)
    torch.testing.assert_close(
        TaskLoss("binary", **options)(logits, labels),
        TaskLoss("multiclass", num_classes=2, **options)(both, labels),
    )


@pytest.mark.parametrize("task", TASKS)
def test_equal_weights_change_nothing(task):
    logits, labels = batch(task)
    torch.testing.assert_close(
        TaskLoss(task, class_weights=[3.0] * task.num_classes)(logits, labels),
        TaskLoss(task)(logits, labels),
    )


@pytest.mark.parametrize("task", TASKS[:3])
def test_balanced_weights_are_those_of_the_training_labels(task):
    logits, labels = batch(task)
    all_labels = np.repeat(np.arange(task.num_classes), 3 + 5 * np.arange(task.num_classes))
    numbers = balanced_class_weights(all_labels, task)
    weighted = TaskLoss(task, class_weights="balanced", labels=all_labels, label_smoothing=0.1)(
        logits, labels
    )
    assert torch.equal(
        weighted, TaskLoss(task, class_weights=numbers, label_smoothing=0.1)(logits, labels)
    )
    assert not torch.isclose(weighted, TaskLoss(task, label_smoothing=0.1)(logits, labels))


def test_binary_class_weights_are_torchs_pos_weight():
    """pos_weight = w1 / w0; torch divides by the number of cases, the weighted mean by the sum of
    their weights.
    """
    logits, labels = batch(TASKS[0], size=30)
    w0, w1 = balanced_class_weights(labels.numpy(), TASKS[0])
    torchs = F.binary_cross_entropy_with_logits(
        logits[:, 0], labels.float(), pos_weight=torch.tensor(w1 / w0), reduction="sum"
    )
    weights = torch.where(labels == 1, w1, w0)
    found = TaskLoss("binary", class_weights="balanced", labels=labels.numpy())(logits, labels)
    torch.testing.assert_close(found, w0 * torchs / weights.sum())


@pytest.mark.parametrize("task", TASKS)
def test_gradcheck(task):
    logits, labels = batch(task, 5)
    loss = TaskLoss(
        task, label_smoothing=0.1, class_weights=[1.0 + i for i in range(task.num_classes)]
    )
    assert torch.autograd.gradcheck(
        lambda x: loss(x, labels), (logits.detach().double().requires_grad_(),)
    )


@pytest.mark.parametrize("task", TASKS)
def test_meta_tensors_dtypes_and_shapes(task):
    logits, labels = batch(task)
    loss = TaskLoss(task)
    expected = loss(logits, labels)
    value = loss(MetaTensor(logits), MetaTensor(labels.float()))
    assert type(value) is torch.Tensor
    torch.testing.assert_close(value, expected)
    if task.exclusive:
        torch.testing.assert_close(loss(logits, labels.unsqueeze(1).to(torch.uint8)), expected)


@pytest.mark.parametrize("task", TASKS)
def test_float32_under_autocast(task):
    logits, labels = batch(task)
    low = logits.detach().bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = TaskLoss(task, label_smoothing=0.1)(low, labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, TaskLoss(task, label_smoothing=0.1)(low.float(), labels))


@settings(max_examples=40, deadline=None)
@given(logit=st.floats(-1e4, 1e4, width=32), label=st.integers(0, 1), smoothing=st.floats(0, 0.5))
def test_binary_is_finite_at_extremes(logit, label, smoothing):
    logits = torch.tensor([[logit]], requires_grad=True)
    value = TaskLoss("binary", label_smoothing=smoothing)(logits, torch.tensor([label]))
    assert torch.isfinite(value)
    assert value >= 0
    assert torch.isfinite(torch.autograd.grad(value, logits)[0]).all()


@pytest.mark.parametrize(
    ("task", "options", "error", "message"),
    [
        ("multiclass", {}, ValueError, "task='multiclass' needs num_classes"),
        ("ternary", {"num_classes": 3}, ValueError, "kind='ternary'"),
        (TASKS[1], {"num_classes": 5}, ValueError, "num_classes=5 contradicts"),
        ("binary", {"label_smoothing": 1.0}, ValueError, "label_smoothing=1.0"),
        (
            "binary",
            {"class_weights": [1.0]},
            ValueError,
            "class_weights=.* needs 2 positive numbers",
        ),
        ("binary", {"class_weights": [1.0, 0.0]}, ValueError, "needs 2 positive numbers"),
        (
            "binary",
            {"class_weights": "balance", "labels": [0, 1]},
            ValueError,
            "class_weights='balance' .* use 'balanced'",
        ),
        (
            "binary",
            {"class_weights": "balanced"},
            ValueError,
            "labels=None; use 'balanced' together with the labels",
        ),
        (
            TASKS[3],
            {"class_weights": "balanced", "labels": [[0, 1, 1]]},
            ValueError,
            "one number a label",
        ),
    ],
)
def test_impossible_arguments(task, options, error, message):
    with pytest.raises(error, match=message):
        TaskLoss(task, **options)


@pytest.mark.parametrize(
    ("task", "logits", "labels", "message"),
    [
        (TASKS[0], torch.zeros(2, 2), torch.tensor([0, 1]), r"logits have shape \(2, 2\)"),
        (
            TASKS[0],
            torch.zeros(2, 1),
            torch.tensor([0, 2]),
            "labels hold 2; whole numbers from 0 to 1",
        ),
        (TASKS[0], torch.zeros(2, 1), torch.tensor([0.0, 0.5]), "labels hold 0.5"),
        (TASKS[0], torch.zeros(2, 1), torch.zeros(2, 2), r"labels have shape \(2, 2\)"),
        (TASKS[1], torch.zeros(2, 4), torch.tensor([0, 4]), "labels hold 4"),
        (TASKS[3], torch.zeros(2, 3), torch.zeros(2), r"labels have shape \(2,\)"),
        (TASKS[3], torch.zeros(2, 3), torch.full((2, 3), 0.5), "labels hold 0.5"),
    ],
)
def test_bad_batches(task, logits, labels, message):
    with pytest.raises(ValueError, match=message):
        TaskLoss(task)(logits, labels)


def test_it_has_no_state_and_a_short_repr():
    loss = TaskLoss("binary", class_weights=[1.0, 2.0])
    assert not loss.state_dict()
    assert "class_weights=[1.0, 2.0]" in repr(loss)
