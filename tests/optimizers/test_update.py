"""The update on lists of tensors: the formula, pieces, memory formats."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medmonai.optimizers.update import Rates, Tensors, has_buffer, pesg_update_

SHAPES = [(3,), (), (40, 30), (2, 3, 2, 2), (7,), (0,), (2000,)]


def make(momentum, decays, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    columns = [
        [torch.randn(shape, generator=generator, dtype=dtype) for shape in SHAPES] for _ in range(5)
    ]
    return Tensors(
        columns[0],
        columns[1],
        columns[2] if has_buffer(momentum) else [],
        *(columns[3:] if decays else ([], [])),
    )


def formula(tensors, rates, first):
    results = []
    for index, param in enumerate(tensors.params):
        ref = tensors.references[index] if tensors.references else param
        direction = (
            tensors.grads[index].clamp(-rates.clip_value, rates.clip_value)
            + rates.epoch_decay * (param - ref)
            + rates.weight_decay * param
        )
        buffer = direction
        if tensors.buffers and not first:
            buffer = (1 - rates.momentum) * tensors.buffers[index] + rates.momentum * direction
        new = param - rates.lr * buffer
        results.append((new, buffer, tensors.sums[index] + new if tensors.sums else None))
    return results


@pytest.mark.parametrize("piece", [1, 50, 10**6])
@settings(max_examples=15, deadline=None)
@given(
    momentum=st.sampled_from([0.0, 0.1, 0.9, 1.0]),
    decays=st.booleans(),
    first=st.booleans(),
    clip=st.floats(0.01, 3),
    decay=st.floats(0, 0.5),
)
def test_it_is_the_formula_however_it_is_cut(piece, momentum, decays, first, clip, decay):
    rates = Rates(lr=0.3, momentum=momentum, weight_decay=0.07, epoch_decay=decay, clip_value=clip)
    tensors = make(momentum, decays)
    first = first and bool(tensors.buffers)
    expected = formula(tensors, rates, first)
    gradients = [gradient.clone() for gradient in tensors.grads]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medmonai.optimizers.update.PIECE", piece)
        patch.setattr("medmonai.optimizers.update.SMALL", 10)
        pesg_update_(tensors, rates, first=first)
    for index, (param, buffer, total) in enumerate(expected):
        torch.testing.assert_close(tensors.params[index], param)
        assert torch.equal(tensors.grads[index], gradients[index])
        if tensors.buffers:
            torch.testing.assert_close(tensors.buffers[index], buffer)
        if total is not None:
            torch.testing.assert_close(tensors.sums[index], total)


def test_nothing_to_do():
    pesg_update_(Tensors([], [], [], [], []), Rates(0.1, 0.9, 0, 0, 1), first=False)
