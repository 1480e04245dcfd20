"""Which layer Grad-CAM looks at, and where the voxels of its map lie."""

from __future__ import annotations

import copy

import pytest
import torch
from monai.networks.nets import EfficientNetBN
from monai.visualize import default_upsampler
from torch import nn

from medmonai.engines import find_target_layer
from medmonai.engines.target_layer import layer_runs, map_geometry, upsampler_for
from medmonai.networks import densenet121, resnet10, resnet18, resnet50, to_channels_last


@pytest.mark.parametrize(
    ("network", "size", "expected"),
    [
        (resnet18(width=4), (28, 28), "layer4"),  # 28, 14, 7, 4
        (resnet18(width=4), (24, 24), "layer3"),  # 24, 12, 6, 3
        (resnet18(width=4), (28, 20), "layer3"),  # the shorter axis decides
        (resnet50(width=4), (28, 28), "layer4"),
        # 14, 7, 4, 2
        (resnet18(spatial_dims=3, width=4, stem="small_stride2"), (28, 28, 28), "layer3"),
        (resnet18(width=4, stem="standard"), (28, 28), "layer2"),  # 14, 7, 4, 2, 1
        # 7 before the last pool, then 3
        (densenet121(growth_rate=2), (28, 28), "features.transition3.conv"),
        (
            nn.Sequential(
                nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3), nn.Flatten(), nn.Linear(2 * 16, 1)
            ),
            (8, 8),
            "1",
        ),
        # 3, 1: none has 4
        (
            nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3), nn.Flatten(), nn.Linear(2, 1)),
            (5, 5),
            "0",
        ),
    ],
)
def test_the_layer_found(network, size, expected):
    assert find_target_layer(network, size) == expected


def test_a_larger_least_map_goes_further_back():
    assert find_target_layer(resnet18(width=4), (28, 28), least_map=5) == "layer3"


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        torch.optim.swa_utils.AveragedModel,
        to_channels_last,
        lambda network: torch.compile(network, backend="eager"),
    ],
)
def test_wrappers_do_not_matter(wrap):
    assert find_target_layer(wrap(resnet10(width=4)), (28, 28)) == "layer4"


def test_the_network_is_left_as_it_was():
    network = resnet10(width=4).train()
    network.layer1.eval()
    modes, state = [m.training for m in network.modules()], copy.deepcopy(network.state_dict())
    find_target_layer(network, (28, 28))
    assert [m.training for m in network.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert not any(m._forward_hooks for m in network.modules())


def test_errors():
    with pytest.raises(ValueError, match="no convolution; spatial_size="):
        find_target_layer(nn.Linear(2, 1), (8, 8))
    with pytest.raises(ValueError, match="2D convolutions; spatial_size="):
        find_target_layer(resnet10(width=4), (8, 8, 8))
    with pytest.raises(TypeError, match="TorchScript"):
        find_target_layer(torch.jit.script(nn.Sequential(nn.Conv2d(1, 1, 3))), (8, 8))


def averaging(network):
    """All kernels constant and positive, no normalization: gradients show what each voxel sees."""
    network = copy.deepcopy(network).eval()
    for parameter in network.parameters():
        nn.init.constant_(parameter, 1 / parameter[0].numel() if parameter.ndim > 1 else 0.0)
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.ones_(module.weight)
    return network


@pytest.mark.parametrize(
    ("network", "layer", "size"),
    [
        (resnet10(width=2), "layer4", (64, 64)),
        (resnet10(width=2, stem="standard"), "layer2", (96, 96)),
        (resnet10(spatial_dims=3, width=2, stem="small_stride2"), "layer2", (40, 40, 40)),
        (densenet121(growth_rate=2), "features.transition1", (60, 60)),
        (
            nn.Sequential(nn.Conv2d(1, 1, 4, 2), nn.Conv2d(1, 1, 3, 1, 2, 2), nn.AvgPool2d(3, 2)),
            "2",
            (40, 40),
        ),
    ],
)
def test_centres_are_those_of_what_a_voxel_sees(network, layer, size):
    network = averaging(network)
    found = []
    network.get_submodule(layer).register_forward_hook(lambda _m, _i, output: found.append(output))
    x = torch.rand(1, 1, *size).add(1).requires_grad_()
    runs = layer_runs(network, x.detach())
    found.clear()
    try:
        network(x)
    except RuntimeError:  # the last networks have no head
        assert found
    output = found[0]
    step, start = map_geometry(runs, tuple(output.shape[2:]))
    middle = [n // 2 for n in output.shape[2:]]
    output[(0, slice(None), *middle)].sum().backward()
    weight = x.grad[0, 0].abs()
    for axis, n in enumerate(size):
        profile = weight.sum([a for a in range(len(size)) if a != axis])
        centre = float((profile * torch.arange(n)).sum() / profile.sum())
        tolerance = 1.5 if n == 96 else 0.02  # a max-pool takes one voxel of the three that it sees
        assert centre == pytest.approx(start[axis] + step[axis] * middle[axis], abs=tolerance)


@pytest.mark.parametrize("dims", [2, 3])
def test_upsampling_is_exact_on_a_ramp_between_the_centres(dims):
    network = nn.Sequential(
        *[nn.Conv2d(1, 1, 3, 2, 1) if dims == 2 else nn.Conv3d(1, 1, 3, 2, 1) for _ in range(3)]
    )
    runs = layer_runs(network, torch.zeros(1, 1, *[28] * dims))
    assert map_geometry(runs, (4,) * dims) == ((8.0,) * dims, (0.0,) * dims)
    ramp = 8.0 * torch.arange(4.0).reshape(4, *[1] * (dims - 1)).expand(*[4] * dims)[None, None]
    up = upsampler_for(runs, "2")([28] * dims)(ramp)
    expected = torch.arange(28.0).clamp(max=24).reshape(28, *[1] * (dims - 1)).expand(*[28] * dims)
    torch.testing.assert_close(up[0, 0], expected, atol=1e-4, rtol=0)
    stretched = default_upsampler([28] * dims)(ramp)[0, 0]
    # what MONAI's is off on this map
    assert (expected - stretched).max() == pytest.approx(3, abs=0.05)


def test_unknown_geometry_falls_back_to_monai():
    network = nn.Sequential(
        nn.Conv2d(1, 1, 3, padding=1), nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3, padding=1)
    )
    runs = layer_runs(network, torch.zeros(1, 1, 8, 8))
    assert map_geometry(runs, (16, 16)) is None
    assert upsampler_for(runs, "2") is default_upsampler


def test_a_network_of_another_make():
    network = EfficientNetBN(
        "efficientnet-b0", pretrained=False, spatial_dims=2, in_channels=1, num_classes=2
    )
    layer = find_target_layer(network, (64, 64))
    assert layer in dict(network.named_modules())
