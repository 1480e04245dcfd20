"""PESG against LibAUC's, its state, its reference and averages, mixed precision, and training to an AUC."""

from __future__ import annotations

import copy
import io
import pickle

import libauc.losses
import libauc.optimizers
import monai.losses
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from medmonai.losses import AUCMarginLoss
from medmonai.networks import to_channels_last
from medmonai.optimizers import PESG, OneCycle


def small_network(dims=2, seed=0, outputs=1):
    torch.manual_seed(seed)
    conv, norm, pool = ((nn.Conv2d, nn.BatchNorm2d, nn.AdaptiveAvgPool2d) if dims == 2
                        else (nn.Conv3d, nn.BatchNorm3d, nn.AdaptiveAvgPool3d))
    return nn.Sequential(conv(1, 6, 3, padding=1), norm(6), nn.ReLU(), conv(6, 8, 3, stride=2), nn.ReLU(), pool(1),
                         nn.Flatten(), nn.Linear(8, outputs))


def batches(count, dims=2, size=8, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        labels = (torch.arange(size) % 3 == 0).float()
        yield torch.randn(size, 1, *[8] * dims, generator=generator) + labels.reshape(-1, 1, *[1] * dims), labels


def train(network, loss_fn, optimizer, data):
    values = []
    for images, labels in data:
        optimizer.zero_grad()
        loss = loss_fn(network(images), labels)
        loss.backward()
        optimizer.step()
        values.append(loss.detach())
    return torch.stack(values)


def build(dims=2, seed=0, outputs=1, **options):
    network, loss_fn = small_network(dims, seed, outputs), AUCMarginLoss(outputs)
    return network, loss_fn, PESG(network.parameters(), loss_fn=loss_fn, **options)


def everything(network, loss_fn, optimizer):
    tensors = [*network.state_dict().values(), loss_fn.a, loss_fn.b, loss_fn.alpha, *(optimizer.model_ref or []),
               *(optimizer.model_acc or [])]
    tensors += [optimizer.state[p]["momentum_buffer"] for p in optimizer.params if "momentum_buffer" in optimizer.state[p]]
    return [tensor.detach().clone() for tensor in tensors]


def same(first, second):
    return len(first) == len(second) and all(torch.equal(one, two) for one, two in zip(first, second))


class OnProbabilities(nn.Module):
    """Give LibAUC's and MONAI's losses what they take."""

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, logits, labels):
        return self.loss(torch.sigmoid(logits), labels.reshape(-1, 1)).sum()


# ---- the update is LibAUC's


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.0}, {"momentum": 1.0}, {"epoch_decay": 0.0},
                                     {"clip_value": 1e-3, "weight_decay": 1e-2, "epoch_decay": 0.1}])
def test_50_steps_equal_libaucs_with_a_regulariser_update(dims, options):
    torch.manual_seed(0)
    theirs_network, theirs_loss = small_network(dims), libauc.losses.AUCMLoss(device=torch.device("cpu"))
    theirs = libauc.optimizers.PESG(theirs_network.parameters(), loss_fn=theirs_loss, lr=0.05, verbose=False,
                                    device=torch.device("cpu"), **options)
    network, loss_fn, ours = build(dims, lr=0.05, **options)
    if ours.model_ref is not None:
        for mine, reference in zip(ours.model_ref, theirs.model_ref):
            mine.copy_(reference.reshape(mine.shape))
    for part in range(2):
        mine = train(network, loss_fn, ours, batches(25, dims, seed=part))
        other = train(theirs_network, OnProbabilities(theirs_loss), theirs, batches(25, dims, seed=part))
        torch.testing.assert_close(mine, other, rtol=0, atol=2e-6)
        if ours.model_ref is not None and part == 0:
            ours.update_regularizer(decay_factor=10)
            theirs.update_regularizer(decay_factor=10)
    for one, two in zip(network.parameters(), theirs_network.parameters()):
        torch.testing.assert_close(one, two, rtol=0, atol=2e-6)
    for name in ("a", "b", "alpha"):
        torch.testing.assert_close(getattr(loss_fn, name).reshape(1), getattr(theirs_loss, name), rtol=0, atol=2e-6)
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
    network, loss_fn, ours = build(momentum=0.9, epoch_decay=0.0, weight_decay=0.0, clip_value=1e9, lr=0.05)
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
    places = [p.data_ptr() for p in optimizer.params] + [r.data_ptr() for r in optimizer.model_ref + optimizer.model_acc]
    optimizer.step()
    optimizer.update_regularizer()
    optimizer.set_reference()
    assert same(gradients, [p.grad for p in network.parameters()])
    assert places == [p.data_ptr() for p in optimizer.params] + [r.data_ptr() for r in
                                                                 optimizer.model_ref + optimizer.model_acc]


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


# ---- reference and running average


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
    theirs = libauc.optimizers.PESG(network.parameters(), loss_fn=loss_fn, device=torch.device("cpu"))
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
    torch.testing.assert_close(optimizer.state[network[0].weight]["momentum_buffer"], network[0].weight.grad.clamp(-1, 1))


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


# ---- learning rate


def test_the_learning_rate_is_the_groups(capsys):
    triple = build(lr=0.2)
    train(*triple, batches(1))
    triple[2].update_lr(decay_factor=2)
    assert triple[2].lr == triple[2].param_groups[0]["lr"] == 0.1
    triple[2].update_regularizer(decay_factor=10)
    assert triple[2].lr == pytest.approx(0.01)
    triple[2].update_lr()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("scheduler", [
    lambda o: torch.optim.lr_scheduler.LambdaLR(o, OneCycle(10)),
    lambda o: torch.optim.lr_scheduler.StepLR(o, 2),
    lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10),
])
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


# ---- state


def saved(*parts):
    buffer = io.BytesIO()
    torch.save([part.state_dict() for part in parts], buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_resumed_run_is_the_same_bit_for_bit(outputs):
    def data(seed):
        for images, labels in batches(5, seed=seed):
            yield images, (labels if outputs == 1 else labels.long() + torch.arange(len(labels)) % 2)

    whole, half = build(outputs=outputs), build(outputs=outputs)
    for triple in (whole, half):
        train(*triple, data(1))
        triple[2].update_regularizer(decay_factor=2)
        train(*triple, data(2))
    states = saved(*half)
    resumed = build(seed=9, outputs=outputs)
    for part, state in zip(resumed, states):
        part.load_state_dict(state)
    for triple in (whole, resumed):
        train(*triple, data(3))
        triple[2].update_regularizer(decay_factor=2)
        train(*triple, data(4))
    assert same(everything(*whole), everything(*resumed))
    assert (whole[2].T, whole[2].steps, whole[2].lr) == (resumed[2].T, resumed[2].steps, resumed[2].lr) == (5, 20, 0.025)


def test_the_same_dict_loads_twice_and_is_a_copy():
    triple = build()
    train(*triple, batches(3))
    state = triple[2].state_dict()
    untouched = copy.deepcopy(state)
    weights, loss_state = copy.deepcopy(triple[0].state_dict()), copy.deepcopy(triple[1].state_dict())
    results = []
    for _ in range(2):
        other = build(seed=5)
        other[0].load_state_dict(weights)
        other[1].load_state_dict(loss_state)
        other[2].load_state_dict(state)
        train(*other, batches(3, seed=2))
        other[2].update_regularizer()
        results.append(everything(*other))
    assert same(*results)
    train(*triple, batches(1))
    torch.testing.assert_close(state, untouched, rtol=0, atol=0)


def test_libaucs_state_can_be_loaded():
    network, loss_fn = small_network(), monai.losses.AUCMLoss()
    theirs = libauc.optimizers.PESG(network.parameters(), loss_fn=loss_fn, lr=0.03, verbose=False,
                                    device=torch.device("cpu"))
    train(network, OnProbabilities(loss_fn), theirs, batches(3))
    twin, twin_loss, ours = build()
    twin.load_state_dict(network.state_dict())
    twin_loss.load_state_dict(loss_fn.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert (ours.lr, ours.T, ours.steps) == (0.03, 3, 3)
    assert set(ours.param_groups[0]) == {"params", "lr", "momentum", "weight_decay", "epoch_decay", "clip_value"}
    train(network, OnProbabilities(loss_fn), theirs, batches(3, seed=7))
    train(twin, twin_loss, ours, batches(3, seed=7))
    for one, two in zip(network.parameters(), twin.parameters()):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("other", "message"), [
    (lambda: torch.optim.SGD(small_network().parameters()).state_dict(), "has no model_ref, model_acc, T, steps"),
    (build(dims=3)[2].state_dict, "'model_ref'. does not fit"),
    (build(epoch_decay=0.0)[2].state_dict, "'model_ref'. does not fit"),
])
def test_another_state_is_refused_and_changes_nothing(other, message):
    triple = build()
    train(*triple, batches(2))
    before = everything(*triple)
    with pytest.raises(ValueError, match=message):
        triple[2].load_state_dict(other())
    assert same(before, everything(*triple))
    assert triple[2].T == 2


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda triple: pickle.loads(pickle.dumps(triple))])
def test_copies_train_on_alike(duplicate):
    triple = build()
    train(*triple, batches(3))
    other = duplicate(triple)
    assert other[2].params[0] is next(other[0].parameters())
    assert other[2].alpha is other[1].alpha
    for each in (triple, other):
        train(*each, batches(3, seed=2))
        each[2].update_regularizer(decay_factor=10)
    assert same(everything(*triple), everything(*other))


def test_repr_and_groups_hold_no_tensors():
    triple = build()
    train(*triple, batches(1))
    assert repr(triple[2]) == ("PESG(lr=0.1, momentum=0.9, weight_decay=1e-05, epoch_decay=0.002, clip_value=1, "
                               "parameters=523, T=1, steps=1)")
    group = {key: value for key, value in triple[2].param_groups[0].items() if key != "params"}
    assert all(isinstance(value, float) for value in group.values())


# ---- gradients of the loss's variables


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


# ---- mixed precision


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
    moved = {name for name, one, two in zip(network.state_dict(), before, after) if not torch.equal(one, two)}
    assert all("running" in name or "tracked" in name for name in moved)  # the forward pass, not the step
    count = len(network.state_dict())
    assert same(before[count:], after[count:])
    assert (optimizer.T, optimizer.steps) == (3, 3)


# ---- it trains


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
