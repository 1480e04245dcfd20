"""The plan: made once, made again when something moves, comes or goes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from medmonai.losses import AUCMarginLoss
from medmonai.optimizers import PESG
from medmonai.optimizers.plan import with_layout_of


def build():
    torch.manual_seed(0)
    network, loss_fn = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 1)), AUCMarginLoss()
    return network, loss_fn, PESG(network.parameters(), loss_fn=loss_fn)


def step(network, loss_fn, optimizer):
    optimizer.zero_grad()
    loss_fn(network(torch.linspace(-1, 1, 16).reshape(4, 4)), torch.tensor([0, 1, 0, 1])).backward()
    optimizer.step()


def test_layout():
    like = torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last)
    x = torch.randn(2, 3, 4, 4)
    moved = with_layout_of(like, x)
    assert moved.stride() == like.stride()
    assert torch.equal(moved, x)
    assert with_layout_of(x, x) is x
    with pytest.raises(RuntimeError, match="view with gaps"):
        with_layout_of(torch.zeros(4, 4)[:, ::2], torch.zeros(4, 2))


def test_it_is_kept_from_the_second_step_on():
    parts = build()
    step(*parts)
    step(*parts)
    kept = parts[2]._plan
    step(*parts)
    assert parts[2]._plan is kept


def move_storage(network, optimizer):
    for parameter in network.parameters():
        parameter.data = parameter.data.clone()


def freeze(network, optimizer):
    network[0].requires_grad_(False)


def forget_momentum(network, optimizer):
    optimizer.state.clear()


def reload(network, optimizer):
    optimizer.load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize("change", [move_storage, freeze, forget_momentum, reload])
def test_a_change_is_noticed(change):
    kept, fresh = build(), build()
    for parts in (kept, fresh):
        for _ in range(3):
            step(*parts)
        change(parts[0], parts[2])
    for _ in range(3):
        step(*kept)
        fresh[2]._plan = None  # never a plan of before
        step(*fresh)
    for one, two in zip(kept[2].params, fresh[2].params):
        assert torch.equal(one, two)
    for one, two in zip(kept[2].model_acc, fresh[2].model_acc):
        assert torch.equal(one, two)


def test_the_reference_cannot_be_replaced_unnoticed():
    optimizer = build()[2]
    with pytest.raises(AttributeError, match="model_ref"):
        optimizer.model_ref = [torch.zeros(1)]
    with pytest.raises(TypeError, match="item assignment"):
        optimizer.model_ref[0] = torch.zeros(1)
