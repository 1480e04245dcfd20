"""A network with its flips and both logits of a binary task inside: values, weights, export."""

from __future__ import annotations

import copy

import pytest
import torch

from medmonai.engines import FlipAveragingInferer
from medmonai.networks import ClassLogits, Ensemble, resnet10


def network(outputs, *, dims=2, members=0):
    torch.manual_seed(0)
    one = resnet10(width=4, num_classes=outputs, spatial_dims=dims, in_channels=1)
    if not members:
        return one.eval()
    scales = [0.5 + m for m in range(members)]
    shifts = [[0.1 * m] * outputs for m in range(members)]
    return Ensemble(one, members=members, temperatures=scales, biases=shifts).eval()


@pytest.mark.parametrize("members", [0, 2])
@pytest.mark.parametrize(
    ("outputs", "classes", "axes", "dims"),
    [(1, 2, [], 2), (1, 2, [1], 2), (3, 3, [0, 1], 2), (1, 1, [0], 2), (2, 2, [0, 2], 3)],
)
def test_the_logits_are_those_of_the_inferer(outputs, classes, axes, dims, members):
    inner = network(outputs, dims=dims, members=members)
    whole = ClassLogits(inner, num_classes=classes, flip_axes=axes).eval()
    x = torch.rand(3, 1, *[16] * dims)
    with torch.no_grad():
        expected = FlipAveragingInferer(axes)(x, inner)
        found = whole(x)
        scripted = torch.jit.script(whole)(x)
        traced = torch.jit.trace(whole, x[:1])(x)
    if classes == 2 and outputs == 1:
        expected = torch.cat([torch.zeros_like(expected), expected], dim=1)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    torch.testing.assert_close(scripted, expected)
    torch.testing.assert_close(traced, expected)


def test_it_has_the_weights_of_the_network_itself():
    inner = network(1)
    whole = ClassLogits(network(1), num_classes=2, flip_axes=[1])
    other = {name: value + 1 for name, value in inner.state_dict().items()}
    assert list(whole.state_dict()) == list(other)
    copied = copy.deepcopy(whole)
    assert not copied.load_state_dict(other).missing_keys
    assert all(torch.equal(copied.network.state_dict()[name], other[name]) for name in other)
    assert not any(torch.equal(whole.state_dict()[name], other[name]) for name in other)
    with pytest.raises(RuntimeError, match="Missing key"):
        copied.load_state_dict({})


def test_onnx_keeps_the_flips_and_the_batch(same_in_onnx):
    whole = ClassLogits(network(1, members=2), num_classes=2, flip_axes=[1]).eval()
    same_in_onnx(whole, torch.rand(2, 1, 16, 16))
