"""AUC margin loss: hand values, MONAI and LibAUC as references, gradients, degenerate batches."""

from __future__ import annotations

import libauc.losses
import monai.losses
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from margin_losses import attached, batch, gradients
from torch import nn

from medmonai.losses import auc_margin, auc_margin_v2


def test_v1_by_hand():
    # h = (1, 0), y = (1, 0), p = 1/2, a = .5, b = .25, alpha = 2, m = 1:
    # .5 * .5*(.5)^2 + .5 * .5*(.25)^2 + 2*2*(.25 + (0 - .5*1)/2) - .25*4 = .0625 + .015625 + 0 - 1
    value = auc_margin(
        torch.tensor([[1.0], [0.0]]),
        torch.tensor([[1.0], [0.0]]),
        a=torch.tensor(0.5),
        b=torch.tensor(0.25),
        alpha=torch.tensor(2.0),
    )
    assert value.item() == pytest.approx(0.0625 + 0.015625 - 1)


def test_v2_by_hand():
    # (1 - .5)^2 + (0 - .25)^2 + 2*2*(1 + 0 - 1) - 4
    value = auc_margin_v2(
        torch.tensor([[1.0], [0.0]]),
        torch.tensor([[1.0], [0.0]]),
        a=torch.tensor(0.5),
        b=torch.tensor(0.25),
        alpha=torch.tensor(2.0),
    )
    assert value.item() == pytest.approx(0.25 + 0.0625 - 4)


@pytest.mark.parametrize(("version", "imratio"), [("v1", None), ("v1", 0.2), ("v2", None)])
@pytest.mark.parametrize("margin", [1.0, 0.6])
@pytest.mark.parametrize("labels", ["mixed", "positive", "negative"])
def test_it_equals_monais_on_probabilities(version, margin, imratio, labels):
    loss = attached(margin=margin, version=version, imratio=imratio)
    reference = monai.losses.AUCMLoss(margin=margin, version=version, imratio=imratio)
    reference.load_state_dict(loss.state_dict())
    logits, target = batch()
    target = {
        "mixed": target,
        "positive": torch.ones_like(target),
        "negative": torch.zeros_like(target),
    }[labels]
    ours, theirs = loss(logits, target), reference(torch.sigmoid(logits), target.float())
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-7)
    for one, other in zip(
        gradients(ours, logits, loss.a, loss.b, loss.alpha),
        gradients(theirs, logits, reference.a, reference.b, reference.alpha),
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-7)


def test_v1_equals_libaucs():
    loss = attached()
    reference = libauc.losses.AUCMLoss(device=torch.device("cpu"))
    for name in ("a", "b", "alpha"):
        getattr(reference, name).data.fill_(getattr(loss, name).item())
    logits, target = batch()
    torch.testing.assert_close(
        loss(logits, target), reference(torch.sigmoid(logits), target)[0], rtol=0, atol=1e-7
    )


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("labels", ["numbers", "multi_hot"])
def test_one_against_the_rest_is_the_mean_of_binary_losses(version, labels):
    outputs = 4
    loss = attached(outputs, version=version)
    logits, hot = batch(outputs=outputs, seed=3)
    given_labels = hot
    if labels == "numbers":
        given_labels = torch.arange(len(logits)) % outputs
        hot = nn.functional.one_hot(given_labels, outputs)
    value = loss(logits, given_labels)
    parts = []
    for output in range(outputs):
        single = attached(version=version)
        with torch.no_grad():
            for name in ("a", "b", "alpha"):
                getattr(single, name).copy_(getattr(loss, name)[output])
        parts.append(single(logits[:, output : output + 1], hot[:, output]))
    torch.testing.assert_close(value, torch.stack(parts).mean(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_gradcheck_in_float64(version, outputs):
    loss = attached(outputs, version=version).double()
    logits, labels = batch(6, outputs)
    logits = logits.detach().double().requires_grad_()

    def value(logits, a, b, alpha):
        scores, targets = torch.sigmoid(logits), labels.double()
        formula = auc_margin if version == "v1" else auc_margin_v2
        return formula(scores, targets, a=a, b=b, alpha=alpha).mean()

    assert torch.autograd.gradcheck(value, (logits, loss.a, loss.b, loss.alpha))
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), (logits,))


def test_alpha_enters_with_the_sign_that_must_ascend():
    loss = attached()
    # scores overlap: the margin is not reached, so alpha must grow
    logits, labels = batch(scale=0.01)
    with torch.no_grad():
        loss.alpha.zero_()
    (gradient,) = gradients(loss(logits, labels), loss.alpha)
    assert gradient > 0


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [1, 1, 1, 1]])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_single_class_is_finite(labels, version):
    loss = attached(version=version)
    logits = torch.randn(4, 1, requires_grad=True)
    value = loss(logits, torch.tensor(labels))
    found = gradients(value, logits, loss.a, loss.b, loss.alpha)
    assert torch.isfinite(value)
    assert all(torch.isfinite(gradient).all() for gradient in found)
    if version == "v1":
        assert value == 0
        assert all((gradient == 0).all() for gradient in found)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    outputs=st.integers(1, 4),
    size=st.integers(1, 6),
    version=st.sampled_from(["v1", "v2"]),
)
def test_any_mix_of_labels_is_finite(data, outputs, size, version):
    loss = attached(outputs, version=version)
    values = data.draw(
        st.lists(
            st.floats(-(2.0**100), 2.0**100, width=32),
            min_size=size * outputs,
            max_size=size * outputs,
        )
    )
    marks = data.draw(st.lists(st.integers(0, 1), min_size=size * outputs, max_size=size * outputs))
    logits = torch.tensor(values).reshape(size, outputs).requires_grad_()
    value = loss(logits, torch.tensor(marks).reshape(size, outputs))
    assert torch.isfinite(value)
    assert all(
        torch.isfinite(gradient).all()
        for gradient in gradients(value, logits, loss.a, loss.b, loss.alpha)
    )


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(range(8)))
def test_the_order_of_cases_does_not_matter(order):
    loss = attached(2)
    logits, labels = batch(8, 2)
    torch.testing.assert_close(loss(logits, labels), loss(logits[list(order)], labels[list(order)]))


def test_softmax_ranks_the_column_the_task_returns():
    loss = attached(3, activation="softmax")
    logits, labels = batch(outputs=3)[0], torch.arange(16) % 3
    hot = nn.functional.one_hot(labels, 3).float()
    expected = auc_margin(
        torch.softmax(logits, 1), hot, a=loss.a, b=loss.b, alpha=loss.alpha
    ).mean()
    torch.testing.assert_close(loss(logits, labels), expected)
    torch.testing.assert_close(loss(logits + 5.0, labels), expected)
    with pytest.raises(ValueError, match=r"labels have shape \(16, 3\)"):
        loss(logits, hot)


def test_one_prior_for_each_output():
    loss = attached(2, imratio=[0.1, 0.3])
    logits, labels = batch(outputs=2)
    singles = []
    for output, prior in enumerate((0.1, 0.3)):
        single = attached(imratio=prior)
        with torch.no_grad():
            for name in ("a", "b", "alpha"):
                getattr(single, name).copy_(getattr(loss, name)[output])
        singles.append(single(logits[:, output : output + 1], labels[:, output]))
    torch.testing.assert_close(loss(logits, labels), torch.stack(singles).mean())
