"""Targets from labels: by hand, and equal to one-hot coding."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from medmonai.losses.labels import plain, targets_of, values_can_be_read


@pytest.mark.parametrize("read", [True, False])
@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_class_numbers_become_one_hot(read, shape, monkeypatch):
    monkeypatch.setattr("medmonai.losses.labels.values_can_be_read", lambda x: read)
    labels = torch.tensor([0, 2, 1, 1, 0])
    targets = targets_of(labels.reshape(shape), torch.zeros(5, 3))
    assert torch.equal(targets, torch.nn.functional.one_hot(labels, 3).float())


@pytest.mark.parametrize("read", [True, False])
def test_zeros_and_ones_stay(read, monkeypatch):
    monkeypatch.setattr("medmonai.losses.labels.values_can_be_read", lambda x: read)
    labels = torch.tensor([[True, False], [False, True]])
    assert torch.equal(targets_of(labels, torch.zeros(2, 2, dtype=torch.float64)), labels.double())


def test_plain_keeps_the_storage_and_the_graph():
    x = torch.zeros(2, 1, requires_grad=True)
    bare = plain(MetaTensor(x))
    assert type(bare) is torch.Tensor
    assert bare.data_ptr() == x.data_ptr()
    assert bare.requires_grad
    assert plain(x) is x


def test_values_are_not_read_while_tracing():
    seen = []

    def look(x):
        seen.append(values_can_be_read(x))
        return x

    torch.jit.trace(look, torch.zeros(1), check_trace=False)
    assert seen == [False]
    assert values_can_be_read(torch.zeros(1))
    assert not values_can_be_read(torch.zeros(1, device="meta"))
