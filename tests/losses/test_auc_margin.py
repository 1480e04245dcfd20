"""AUC margin loss: hand values, MONAI and LibAUC as references, gradients, degenerate batches, the
guard on alpha.
"""

from __future__ import annotations

import io
from types import SimpleNamespace

import libauc.losses
import monai.losses
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from torch import nn

from medmonai.losses import AUCMarginLoss, auc_margin, auc_margin_v2


def attached(*arguments, **options):
    """Build a loss that an optimiser has taken, with a, b and alpha away from zero."""
    loss = AUCMarginLoss(*arguments, **options)
    loss.attach(SimpleNamespace(alpha=loss.alpha))
    with torch.no_grad():
        for number, variable in enumerate((loss.a, loss.b, loss.alpha)):
            variable.copy_(
                torch.linspace(0.2, 0.6, loss.num_outputs).reshape(variable.shape) + 0.1 * number
            )
    return loss


def batch(size=16, outputs=1, seed=0, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(size, outputs, generator=generator)
    labels = (torch.rand(size, outputs, generator=generator) < 0.4).long()
    labels[0], labels[1] = 0, 1
    return logits.requires_grad_(), labels


def gradients(value, *tensors):
    return torch.autograd.grad(value, tensors, allow_unused=True, materialize_grads=True)


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


@pytest.mark.parametrize("shape", [(16,), (16, 1)])
@pytest.mark.parametrize(
    "dtype", [torch.int64, torch.uint8, torch.bool, torch.float32, torch.float64]
)
def test_label_shapes_and_dtypes(shape, dtype):
    loss = attached()
    logits, labels = batch()
    assert torch.equal(loss(logits, labels.reshape(shape).to(dtype)), loss(logits, labels))


def test_meta_tensors_give_a_plain_result():
    loss = attached()
    logits, labels = batch()
    value = loss(MetaTensor(logits), MetaTensor(labels))
    assert type(value) is torch.Tensor
    assert torch.equal(value, loss(logits, labels))
    assert gradients(value, logits)[0].abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_scored_in_float32(dtype):
    loss = attached()
    logits, labels = batch()
    low = logits.detach().to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(low, labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, loss(low.float(), labels))


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (torch.zeros(8, 2), torch.zeros(8), r"logits have shape \(8, 2\).*needs floating \(B, 1\)"),
        (torch.zeros(8, 9), torch.zeros(8), r"logits have shape \(8, 9\)"),
        (torch.zeros(8), torch.zeros(8), r"logits have shape \(8,\)"),
        (torch.zeros(8, 1, dtype=torch.long), torch.zeros(8), "torch.int64"),
        (torch.zeros(0, 1), torch.zeros(0), "the batch is empty"),
        (torch.zeros(8, 1), torch.zeros(7), r"labels have shape \(7, 1\)"),
        (torch.zeros(8, 1), torch.zeros(8, 2), r"labels have shape \(8, 2\)"),
        (torch.zeros(2, 1), torch.tensor([1, 2]), "labels hold 2; only 0 and 1"),
        (torch.zeros(2, 1), torch.tensor([1, -1]), "labels hold -1"),
        (torch.zeros(2, 1), torch.tensor([1.0, 0.9]), "labels hold 0.89.*no soft"),
        (torch.zeros(2, 1), torch.tensor([1.0, float("nan")]), "labels hold nan"),
        (
            torch.tensor([[float("nan")], [0.0]]),
            torch.tensor([1, 0]),
            "logits hold 1 NaN or infinite",
        ),
        (
            torch.tensor([[float("inf")], [0.0]]),
            torch.tensor([1, 0]),
            "logits hold 1 NaN or infinite",
        ),
    ],
)
def test_bad_batches_of_one_output(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        AUCMarginLoss()(logits, labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 1, 3]), "labels hold 3; whole numbers from 0 to 2"),
        (torch.tensor([0, 1, -1]), "labels hold -1"),
        (torch.tensor([0, 1, 0.5]), "labels hold 0.5"),
        (torch.zeros(3, 2), r"labels have shape \(3, 2\)"),
        (torch.full((3, 3), 2), "labels hold 2; only 0 and 1"),
    ],
)
def test_bad_labels_of_several_outputs(labels, message):
    with pytest.raises(ValueError, match=message):
        AUCMarginLoss(3)(torch.zeros(3, 3), labels)


def test_a_thing_that_is_no_tensor():
    with pytest.raises(TypeError, match="list was given to the loss"):
        AUCMarginLoss()(torch.zeros(2, 1), [0, 1])


@pytest.mark.parametrize(
    ("outputs", "labels"), [(1, [1, 2]), (1, [1, -1]), (3, [0, 3]), (3, [0, -1]), (3, [0, 0.5])]
)
def test_where_values_cannot_be_read_a_wrong_label_is_nan(outputs, labels, monkeypatch):
    monkeypatch.setattr("medmonai.losses.labels.values_can_be_read", lambda x: False)
    assert torch.isnan(AUCMarginLoss(outputs)(torch.zeros(2, outputs), torch.tensor(labels)))
    assert torch.isfinite(AUCMarginLoss(outputs)(torch.zeros(2, outputs), torch.tensor([1, 0])))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"version": "v3"}, "version='v3' does not exist"),
        ({"activation": "tanh"}, "activation='tanh'"),
        ({"activation": "softmax"}, "activation='softmax' for 1 outputs"),
        ({"num_outputs": 0}, "num_outputs=0"),
        ({"margin": 0.0}, "margin=0.0"),
        ({"margin": float("nan")}, "margin=nan"),
        ({"imratio": 1.0}, "imratio=1.0 is not possible"),
        ({"imratio": 0.5, "version": "v2"}, "imratio=0.5 has no effect"),
        (
            {"imratio": [0.1, 0.2], "num_outputs": 3},
            "imratio=.* is not possible; use one number in .0, 1., or 3",
        ),
    ],
)
def test_impossible_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        AUCMarginLoss(**options)


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


# ---- the guard: alpha must ascend


def test_no_ordinary_optimiser_gets_the_variables():
    loss = AUCMarginLoss()
    assert list(loss.parameters()) == []
    with pytest.raises(ValueError, match="empty parameter list"):
        torch.optim.Adam(loss.parameters())


@pytest.mark.parametrize("with_loss", [False, True])
def test_training_with_adam_is_refused_at_the_first_batch(with_loss):
    network, loss = nn.Linear(3, 1), AUCMarginLoss()
    torch.optim.Adam([*network.parameters(), *(loss.parameters() if with_loss else [])])
    with pytest.raises(RuntimeError, match="no optimizer that ascends alpha"):
        loss(network(torch.randn(4, 3)), torch.tensor([0, 1, 0, 1]))


def test_only_an_optimiser_with_its_alpha_can_take_it():
    loss = AUCMarginLoss()
    with pytest.raises(TypeError, match="Adam does not hold this loss's alpha"):
        loss.attach(torch.optim.Adam(nn.Linear(1, 1).parameters()))
    with pytest.raises(TypeError, match="does not hold"):
        loss.attach(SimpleNamespace(alpha=AUCMarginLoss().alpha))


def test_it_can_be_evaluated_without_an_optimiser():
    logits, labels = batch()
    with torch.no_grad():
        assert torch.isfinite(AUCMarginLoss()(logits, labels))
    assert torch.isfinite(AUCMarginLoss()(logits.detach(), labels))


# ---- state


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_state_is_saved_moved_and_restored(outputs):
    loss = attached(outputs)
    buffer = io.BytesIO()
    torch.save(loss.state_dict(), buffer)
    buffer.seek(0)
    other = AUCMarginLoss(outputs)
    assert list(other.state_dict()) == ["a", "b", "alpha"]
    parameters = (other.a, other.b, other.alpha)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    assert all(
        torch.equal(one, two)
        for one, two in zip(loss.state_dict().values(), other.state_dict().values())
    )
    other.double()
    assert other.alpha.dtype == torch.float64
    assert all(
        before is after for before, after in zip(parameters, (other.a, other.b, other.alpha))
    )


def test_it_exchanges_state_with_monais():
    reference = monai.losses.AUCMLoss()
    reference.load_state_dict(attached().state_dict())
    assert reference.alpha.item() == pytest.approx(0.4)
    assert isinstance(AUCMarginLoss(), monai.losses.AUCMLoss)


def test_zero_grad_clears_all_three():
    loss = attached()
    logits, labels = batch()
    loss(logits, labels).backward()
    assert all(variable.grad is not None for variable in (loss.a, loss.b, loss.alpha))
    loss.zero_grad(set_to_none=False)
    assert all(variable.grad == 0 for variable in (loss.a, loss.b, loss.alpha))
    loss.zero_grad()
    assert all(variable.grad is None for variable in (loss.a, loss.b, loss.alpha))


def test_repr_is_short():
    assert repr(AUCMarginLoss(2)) == (
        "AUCMarginLoss(num_outputs=2, margin=1.0, version='v1', imratio=None, activation='sigmoid')"
    )
