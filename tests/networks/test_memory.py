"""Memory layout and the maps that decide whether bf16 may train on a CPU."""

from __future__ import annotations

import pytest
import torch
from torch import distributed, nn

from medmonai.networks import (
    bf16_is_safe,
    densenet121,
    memory_format_for,
    resnet10,
    resnet18,
    to_channels_last,
)

FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    "build",
    [
        lambda dims: resnet10(spatial_dims=dims, width=8),
        lambda dims: densenet121(spatial_dims=dims, growth_rate=4),
    ],
)
def test_channels_last_changes_strides_and_nothing_else(dims, build):
    network = build(dims).eval()
    x = torch.randn(2, 1, *[16] * dims)
    expected = network(x)
    assert memory_format_for(network) == FORMATS[dims]
    assert to_channels_last(network) is network
    weights = [parameter for parameter in network.parameters() if parameter.ndim == dims + 2]
    assert all(weight.is_contiguous(memory_format=FORMATS[dims]) for weight in weights)
    torch.testing.assert_close(
        network(x.to(memory_format=FORMATS[dims])), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "network",
    [nn.Linear(2, 1), nn.Conv1d(1, 1, 1), nn.ModuleList([nn.Conv2d(1, 1, 1), nn.Conv3d(1, 1, 1)])],
)
def test_no_single_layout(network):
    with pytest.raises(ValueError, match="channels_last needs 2D or 3D"):
        to_channels_last(network)


@pytest.mark.parametrize(
    ("network", "size", "safe", "smallest"),
    [
        (resnet18(width=4), (28, 28), True, "4x4"),
        (resnet18(spatial_dims=3, width=4, stem="small"), (28, 28, 28), True, "4x4x4"),
        (resnet18(spatial_dims=3, width=4, stem="small_stride2"), (28, 28, 28), False, "2x2x2"),
        (resnet18(width=4, stem="standard"), (28, 28), False, "1x1"),
        (densenet121(growth_rate=2), (28, 28), True, "3x3"),
        (densenet121(growth_rate=2), (16, 64), False, "2x8"),
    ],
)
def test_the_smallest_map_decides(network, size, safe, smallest):
    verdict, reason = bf16_is_safe(network, size)
    assert verdict is safe
    assert f"is {smallest} " in reason
    assert "\n" not in reason


def test_the_network_is_left_as_it_was():
    network = nn.Sequential(resnet10(width=4), nn.Dropout())
    network[0].layer1.eval()
    modes = [module.training for module in network.modules()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    generator = torch.random.get_rng_state()
    bf16_is_safe(network, (28, 28))
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), generator)
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_failing_forward_leaves_the_network_as_it_was():
    network = densenet121(growth_rate=2).train()
    with pytest.raises(ValueError, match="needs at least 8"):
        bf16_is_safe(network, (4, 4))
    assert all(module.training for module in network.modules())
    assert not any(module._forward_hooks for module in network.modules())


def test_other_networks():
    assert bf16_is_safe(nn.Linear(2, 1), (2,)) == (True, "the network has no convolutions")
    safe, reason = bf16_is_safe(torch.jit.script(resnet10(width=4)), (28, 28))
    assert not safe
    assert "TorchScript" in reason


def test_it_looks_through_distributed_data_parallel(tmp_path):
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1
    )
    try:
        wrapped = nn.parallel.DistributedDataParallel(resnet10(width=4))
        assert bf16_is_safe(wrapped, (28, 28))[0]
        del wrapped  # before its group: see tests/optimizers/test_distributed.py
    finally:
        distributed.destroy_process_group()


@pytest.mark.parametrize("stem", ["small", "small_stride2", "standard"])
def test_the_check_needs_no_other_dtype(stem):
    assert bf16_is_safe(resnet10(width=4, stem=stem).double(), (64, 64))[0] is (stem != "standard")
