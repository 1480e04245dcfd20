"""PESG's step: LibAUC's update, gradients, memory formats, mixed precision, and training to an
AUC.
"""

from __future__ import annotations

import copy

import libauc.losses
import libauc.optimizers
import monai.losses
import pytest
import torch
from optimizers.pesg_training import (
    OnProbabilities,
    batches,
    build,
    everything,
    same,
    small_network,
    train,
)
from sklearn.metrics import roc_auc_score
from torch import nn

from medmonai.losses import AUCMarginLoss
from medmonai.networks import to_channels_last
from medmonai.optimizers import PESG


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.0},
        {"momentum": 1.0},
        {"epoch_decay": 0.0},
        {"clip_value": 1e-3, "weight_decay": 1e-2, "epoch_decay": 0.1},
    ],
)
def test_50_steps_equal_libaucs_with_a_regulariser_update(dims, options):
    torch.manual_seed(0)
    theirs_network, theirs_loss = (
        small_network(dims),
        libauc.losses.AUCMLoss(device=torch.device("cpu")),
    )
    theirs = libauc.optimizers.PESG(
        theirs_network.parameters(),
        loss_fn=theirs_loss,
        lr=0.05,
        verbose=False,
        device=torch.device("cpu"),
        **options,
    )
    network, loss_fn, ours = build(dims, lr=0.05, **options)
    if ours.model_ref is not None:
        for mine, reference in zip(ours.model_ref, theirs.model_ref):
            mine.copy_(reference.reshape(mine.shape))
    for part in range(2):
        mine = train(network, loss_fn, ours, batches(25, dims, seed=part))
        other = train(
            theirs_network, OnProbabilities(theirs_loss), theirs, batches(25, dims, seed=part)
        )
        torch.testing.assert_close(mine, other, rtol=0, atol=2e-6)
        if ours.model_ref is not None and part == 0:
            ours.update_regularizer(decay_factor=10)
            theirs.update_regularizer(decay_factor=10)
    for one, two in zip(network.parameters(), theirs_network.parameters()):
        torch.testing.assert_close(one, two, rtol=0, atol=2e-6)
    for name in ("a", "b", "alpha"):
        torch.testing.assert_close(
            getattr(loss_fn, name).reshape(1), getattr(theirs_loss, name), rtol=0, atol=2e-6
        )
    assert float(loss_fn.alpha.detach()) != 0


@pytest.mark.parametrize("loss_class", [monai.losses.AUCMLoss, libauc.losses.AUCMLoss])
def test_it_takes_monais_and_libaucs_loss(loss_class):
    inner = loss_class()
    network = small_network()
    optimizer = PESG(network.parameters(), loss_fn=inner)
    other = build()
    train(network, OnProbabilities(inner), optimizer, batches(5))
    train(*other, batches(5))
    for one, two in zip(network.parameters(), other[0].parameters()):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-6)


def test_momentum_is_the_reverse_of_torchs():
    network, loss_fn, ours = build(
        momentum=0.9, epoch_decay=0.0, weight_decay=0.0, clip_value=1e9, lr=0.05
    )
    twin = copy.deepcopy(network)
    theirs = torch.optim.SGD(twin.parameters(), lr=0.05, momentum=0.1, dampening=0.1)
    for images, labels in batches(5):
        ours.zero_grad()
        loss_fn(network(images), labels).backward()
        for one, two in zip(network.parameters(), twin.parameters()):
            two.grad = one.grad.clone()
        ours.step()
        theirs.step()
    for one, two in zip(network.parameters(), twin.parameters()):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-7)


def test_several_outputs_have_their_own_variables():
    network, loss_fn, optimizer = build(outputs=3, lr=0.05)
    images, _ = next(batches(1))
    for step in range(8):
        optimizer.zero_grad()
        loss_fn(network(images), (torch.arange(8) + step) % 3).backward()
        expected = loss_fn.alpha.detach() * (1 - 2 * 0.05)
        optimizer.step()
        expected += 2 * 0.05 * (1 + loss_fn.b - loss_fn.a).detach()
        torch.testing.assert_close(loss_fn.alpha.detach(), expected)
    assert loss_fn.alpha.shape == (3,)
    assert len(set(loss_fn.a.tolist())) == 3


def test_alpha_ascends_and_never_becomes_negative():
    _, loss_fn, optimizer = build(lr=0.1)
    with torch.no_grad():
        loss_fn.alpha.fill_(0.05)
        loss_fn.a.fill_(3.0)
    for variable in (loss_fn.a, loss_fn.b, loss_fn.alpha):
        variable.grad = torch.zeros(())
    optimizer.step()
    assert loss_fn.alpha.item() == 0.0
    with torch.no_grad():
        loss_fn.a.fill_(0.0)
    optimizer.step()
    assert loss_fn.alpha.item() > 0.1


def test_alpha_waits_until_the_loss_is_used():
    network, loss_fn, optimizer = build()
    network(next(batches(1))[0]).sum().backward()
    optimizer.step()
    assert loss_fn.alpha.item() == 0.0


def test_gradients_and_storage_stay():
    network, loss_fn, optimizer = build()
    images, labels = next(batches(1))
    loss_fn(network(images), labels).backward()
    gradients = [p.grad.clone() for p in network.parameters()]
    places = [p.data_ptr() for p in optimizer.params] + [
        r.data_ptr() for r in optimizer.model_ref + optimizer.model_acc
    ]
    optimizer.step()
    optimizer.update_regularizer()
    optimizer.set_reference()
    assert same(gradients, [p.grad for p in network.parameters()])
    assert places == [p.data_ptr() for p in optimizer.params] + [
        r.data_ptr() for r in optimizer.model_ref + optimizer.model_acc
    ]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("dims", [2, 3])
def test_memory_format_does_not_matter(when, dims):
    expected, other = build(dims), build(dims)
    if when == "before":
        network = to_channels_last(small_network(dims))
        loss_fn = AUCMarginLoss()
        other = (network, loss_fn, PESG(network.parameters(), loss_fn=loss_fn))
    train(*expected, batches(3, dims))
    train(*other, batches(3, dims))
    if when == "after":
        to_channels_last(other[0])
    train(*expected, batches(3, dims))
    train(*other, batches(3, dims))
    for optimizer in (expected[2], other[2]):
        optimizer.update_regularizer()
    train(*expected, batches(3, dims))
    train(*other, batches(3, dims))
    for one, two in zip(everything(*expected), everything(*other)):
        torch.testing.assert_close(one, two, rtol=0, atol=2e-6)


def test_a_gradient_of_another_layout():
    expected, other = build(), build()
    for network, loss_fn, optimizer in (expected, other):
        images, labels = next(batches(1))
        loss_fn(network(images), labels).backward()
        if optimizer is other[2]:
            weight = network[3].weight
            weight.grad = weight.grad.to(memory_format=torch.channels_last)
        optimizer.step()
    assert same(everything(*expected), everything(*other))


def test_float64_stays_float64():
    network, loss_fn = small_network().double(), AUCMarginLoss()
    optimizer = PESG(network.parameters(), loss_fn=loss_fn)
    train(network, loss_fn, optimizer, ((images.double(), labels) for images, labels in batches(3)))
    assert {p.dtype for p in network.parameters()} == {torch.float64}
    assert loss_fn.a.dtype == torch.float32


def test_closures_run_with_gradients():
    network, loss_fn, optimizer = build()
    images, labels = next(batches(1))

    def closure():
        optimizer.zero_grad()
        loss = loss_fn(network(images), labels)
        loss.backward()
        return loss

    assert optimizer.step(closure).requires_grad
    assert optimizer.steps == optimizer.T == optimizer.optim_step == 1


@pytest.mark.parametrize("to_none", [True, False])
def test_zero_grad_clears_alpha_too(to_none):
    network, loss_fn, optimizer = build()
    images, labels = next(batches(1))
    for _ in range(3):
        optimizer.zero_grad(set_to_none=to_none)
        loss_fn(network(images), labels).backward()
    expected = loss_fn.alpha.grad.clone()
    optimizer.zero_grad(set_to_none=to_none)
    loss_fn(network(images), labels).backward()
    torch.testing.assert_close(loss_fn.alpha.grad, expected)
    optimizer.zero_grad(set_to_none=to_none)
    assert loss_fn.alpha.grad is None if to_none else loss_fn.alpha.grad == 0


def test_autocast_keeps_float32_weights():
    network, loss_fn, optimizer = build()
    for images, labels in batches(3):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_fn(network(images), labels)
        loss.backward()
        optimizer.step()
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert torch.isfinite(loss)


def test_grad_scaler_unscales_a_and_b_and_skips_an_overflow():
    expected, other = build(), build()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    network, loss_fn, optimizer = other
    train(*expected, batches(3))
    for images, labels in batches(3):
        optimizer.zero_grad()
        scaler.scale(loss_fn(network(images), labels)).backward()
        scaler.step(optimizer)
        scaler.update()
    for one, two in zip(everything(*expected), everything(*other)):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-6)
    before = everything(*other)
    images, labels = next(batches(1))
    optimizer.zero_grad()
    scaler.scale(loss_fn(network(images), labels)).backward()
    network[0].weight.grad[0] = float("inf")
    scaler.step(optimizer)
    scaler.update()
    after = everything(*other)
    moved = {
        name
        for name, one, two in zip(network.state_dict(), before, after)
        if not torch.equal(one, two)
    }
    # the forward pass, not the step
    assert all("running" in name or "tracked" in name for name in moved)
    count = len(network.state_dict())
    assert same(before[count:], after[count:])
    assert (optimizer.T, optimizer.steps) == (3, 3)


def test_it_reaches_an_auc_and_moves_alpha():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 8, generator=generator)
    labels = (x[:, 0] + 0.5 * torch.randn(400, generator=generator) > 1).long()
    torch.manual_seed(0)
    network, loss_fn = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1)), AUCMarginLoss()
    optimizer = PESG(network.parameters(), loss_fn=loss_fn, lr=0.1)
    for epoch in range(40):
        order = torch.randperm(400, generator=generator)
        train(network, loss_fn, optimizer, ((x[rows], labels[rows]) for rows in order.split(50)))
        assert loss_fn.alpha.item() >= 0
        if epoch == 30:
            optimizer.update_regularizer(decay_factor=10)
    with torch.no_grad():
        auc = roc_auc_score(labels.numpy(), network(x)[:, 0].numpy())
    assert auc > 0.9
    assert loss_fn.alpha.item() > 0.05
    assert loss_fn.a.item() > loss_fn.b.item()
