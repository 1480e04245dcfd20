"""The variables of the AUC margin loss: the guard that alpha ascends, and their state."""

from __future__ import annotations

import io
from types import SimpleNamespace

import monai.losses
import pytest
import torch
from margin_losses import attached, batch
from torch import nn

from medmonai.losses import AUCMarginLoss

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
