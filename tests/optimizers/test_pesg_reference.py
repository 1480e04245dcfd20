"""PESG's reference, its running average and its learning rate."""

from __future__ import annotations

import libauc.optimizers
import monai.losses
import pytest
import torch
from optimizers.pesg_training import batches, build, everything, same, small_network, train

from medmonai.losses import AUCMarginLoss
from medmonai.optimizers import PESG, OneCycle


def test_the_reference_starts_at_the_weights_without_random_numbers():
    network, loss_fn = small_network(), AUCMarginLoss()
    state = torch.random.get_rng_state()
    optimizer = PESG(network.parameters(), loss_fn=loss_fn)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert same(optimizer.model_ref, [*network.parameters(), loss_fn.a, loss_fn.b])


def test_the_random_start_is_libaucs():
    network, loss_fn = small_network(), monai.losses.AUCMLoss()
    torch.manual_seed(4)
    ours = PESG(network.parameters(), loss_fn=loss_fn, reference="libauc")
    torch.manual_seed(4)
    theirs = libauc.optimizers.PESG(
        network.parameters(), loss_fn=loss_fn, device=torch.device("cpu")
    )
    assert same(ours.model_ref, theirs.model_ref)


def test_the_reference_becomes_the_mean_of_the_weights():
    network, loss_fn, optimizer = build()
    total = [torch.zeros_like(p) for p in optimizer.params]
    for images, labels in batches(4):
        train(network, loss_fn, optimizer, [(images, labels)])
        torch._foreach_add_(total, [param.detach() for param in optimizer.params])
    optimizer.update_regularizer()
    for one, reference in zip(total, optimizer.model_ref):
        torch.testing.assert_close(reference, one / 4)
    assert optimizer.T == 0
    assert optimizer.steps == 4
    assert all((acc == 0).all() for acc in optimizer.model_acc)


def test_a_frozen_layer_keeps_its_weights_as_reference():
    network = small_network()
    for parameter in network[0].parameters():
        parameter.requires_grad_(False)
    loss_fn = AUCMarginLoss()
    optimizer = PESG(network.parameters(), loss_fn=loss_fn)
    train(network, loss_fn, optimizer, batches(4))
    optimizer.update_regularizer()
    torch.testing.assert_close(optimizer.model_ref[0], network[0].weight.detach())
    torch.testing.assert_close(optimizer.model_ref[1], network[0].bias.detach())


def test_a_layer_that_joins_later_starts_its_own_buffer():
    network = small_network()
    network[0].requires_grad_(False)
    loss_fn = AUCMarginLoss()
    optimizer = PESG(network.parameters(), loss_fn=loss_fn, weight_decay=0.0, epoch_decay=0.0)
    train(network, loss_fn, optimizer, batches(2))
    assert "momentum_buffer" not in optimizer.state[network[0].weight]
    network[0].requires_grad_(True)
    train(network, loss_fn, optimizer, batches(1))
    torch.testing.assert_close(
        optimizer.state[network[0].weight]["momentum_buffer"], network[0].weight.grad.clamp(-1, 1)
    )


def test_set_reference_begins_a_stage():
    network, loss_fn, optimizer = build()
    train(network, loss_fn, optimizer, batches(3))
    optimizer.set_reference()
    assert same(optimizer.model_ref, [p.detach() for p in optimizer.params])
    assert optimizer.T == 0
    assert all((acc == 0).all() for acc in optimizer.model_acc)
    train(network, loss_fn, optimizer, batches(1))
    optimizer.update_regularizer()
    assert same(optimizer.model_ref, [p.detach() for p in optimizer.params])


def test_without_epoch_decay_there_is_no_reference():
    network, loss_fn, optimizer = build(epoch_decay=0.0)
    train(network, loss_fn, optimizer, batches(2))
    assert optimizer.model_ref is None
    optimizer.set_reference()
    with pytest.raises(RuntimeError, match="epoch_decay=0"):
        optimizer.update_regularizer(decay_factor=10)
    assert optimizer.lr == 0.1


def test_an_update_without_steps_changes_nothing():
    triple = build()
    before = everything(*triple)
    with pytest.raises(RuntimeError, match="T=0"):
        triple[2].update_regularizer(decay_factor=10)
    assert same(before, everything(*triple))
    assert triple[2].lr == 0.1
    train(*triple, batches(1))
    triple[2].update_regularizer()
    with pytest.raises(RuntimeError, match="T=0"):
        triple[2].update_regularizer()


@pytest.mark.parametrize("factor", [0, -1, float("nan")])
def test_an_impossible_factor_changes_nothing(factor):
    triple = build()
    train(*triple, batches(1))
    before = everything(*triple)
    with pytest.raises(ValueError, match=r"decay_factor=.* is not possible"):
        triple[2].update_regularizer(decay_factor=factor)
    assert same(before, everything(*triple))
    assert triple[2].T == 1


def test_the_learning_rate_is_the_groups(capsys):
    triple = build(lr=0.2)
    train(*triple, batches(1))
    triple[2].update_lr(decay_factor=2)
    assert triple[2].lr == triple[2].param_groups[0]["lr"] == 0.1
    triple[2].update_regularizer(decay_factor=10)
    assert triple[2].lr == pytest.approx(0.01)
    triple[2].update_lr()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "scheduler",
    [
        lambda o: torch.optim.lr_scheduler.LambdaLR(o, OneCycle(10)),
        lambda o: torch.optim.lr_scheduler.StepLR(o, 2),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10),
    ],
)
def test_a_scheduler_owns_the_learning_rate(scheduler):
    network, loss_fn, optimizer = build()
    schedule = scheduler(optimizer)
    for images, labels in batches(4):
        train(network, loss_fn, optimizer, [(images, labels)])
        schedule.step()
    assert optimizer.lr == schedule.get_last_lr()[0]
    reference = optimizer.model_ref[0].clone()
    with pytest.raises(RuntimeError, match="scheduler owns lr"):
        optimizer.update_regularizer(decay_factor=10)
    with pytest.raises(RuntimeError, match="scheduler owns lr"):
        optimizer.update_lr(decay_factor=10)
    assert torch.equal(reference, optimizer.model_ref[0])
    optimizer.update_regularizer()
    assert not torch.equal(reference, optimizer.model_ref[0])


def test_a_learning_rate_in_a_tensor():
    expected, other = build(lr=0.05), build(lr=torch.tensor(0.05))
    train(*expected, batches(3))
    train(*other, batches(3))
    for triple in (expected, other):
        triple[2].update_regularizer(decay_factor=10)
        train(*triple, batches(2))
    for one, two in zip(everything(*expected), everything(*other)):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-7)
