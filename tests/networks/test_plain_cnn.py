"""The plain CNN, VGG-16 and EfficientNet-B0: layers by hand, 2D and 3D, export, impossible
arguments.
"""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import EfficientNetBN
from torch import nn
from torch.nn import functional

from medmonai.engines import find_target_layer
from medmonai.networks import bf16_is_safe, cnn, efficientnet_b0, head_of, to_channels_last, vgg16


def small_vgg(**arguments):
    return vgg16(**{"width": 4, "hidden": (8,), "pool_size": 2, **arguments})


BUILDERS = {
    "cnn": lambda **a: cnn((4, 6, 8), **a),
    "vgg16": small_vgg,
    "efficientnet_b0": efficientnet_b0,
}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", list(BUILDERS))
def test_eager_script_and_trace_agree(name, dims):
    network = BUILDERS[name](spatial_dims=dims, in_channels=2, num_classes=3).eval()
    x = torch.randn(2, 2, *[32] * dims)
    expected = network(x)
    assert type(expected) is torch.Tensor and expected.shape == (2, 3)
    torch.testing.assert_close(torch.jit.script(network)(x), expected)
    torch.testing.assert_close(torch.jit.trace(network, x)(x), expected)
    torch.testing.assert_close(to_channels_last(network)(x), expected, rtol=1e-4, atol=1e-5)
    assert head_of(network).out_features == 3
    assert find_target_layer(network, [64] * dims)
    assert isinstance(bf16_is_safe(network, [32] * dims)[0], bool)


@pytest.mark.parametrize("name", ["cnn", "vgg16"])
def test_onnx_agrees_with_eager(name, same_in_onnx):
    same_in_onnx(BUILDERS[name]().eval(), torch.randn(2, 1, 64, 64))


def test_the_cnn_by_hand():
    network = cnn((4, 8), in_channels=1, num_classes=2, hidden=(5,)).eval()
    x = given = torch.randn(3, 1, 12, 12)
    state = network.state_dict()
    for block in range(2):
        x = functional.conv2d(x, state[f"blocks.{block}.0.weight"], padding=1)
        x = functional.max_pool2d(functional.relu(x / (1 + 1e-5) ** 0.5), 2)
    x = functional.relu(
        functional.linear(x.mean((2, 3)), state["head.1.weight"], state["head.1.bias"])
    )
    expected = functional.linear(x, state["head.4.weight"], state["head.4.bias"])
    torch.testing.assert_close(network(given), expected)


def test_the_studies_cnns():
    network = cnn((32, 64, 128, 256), num_classes=1, hidden=(512, 256), block_dropout=0.25)
    assert [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d)] == [
        32,
        64,
        128,
        256,
    ]
    assert [m.out_features for m in network.modules() if isinstance(m, nn.Linear)] == [512, 256, 1]
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 1)
    assert sum(m.p for m in network.modules() if isinstance(m, nn.Dropout)) == 4 * 0.25 + 3 * 0.5


@pytest.mark.parametrize("dims", [2, 3])
def test_more_of_the_map_can_reach_the_head(dims):
    network = cnn((4, 6), spatial_dims=dims, pool_size=3)
    assert head_of(network).in_features == 6 * 3**dims
    assert small_vgg(spatial_dims=dims).classifier[0].in_features == 32 * 2**dims


@pytest.mark.parametrize("dims", [2, 3])
def test_the_smallest_input_runs_and_one_less_is_named(dims):
    for network, least in (
        (cnn((2, 2, 2), spatial_dims=dims).eval(), 8),
        (small_vgg(spatial_dims=dims).eval(), 32),
    ):
        assert torch.isfinite(network(torch.zeros(1, 1, *[least] * dims))).all()
        with pytest.raises(ValueError, match=rf"needs at least {least} a side"):
            network(torch.zeros(1, 1, *[least] * (dims - 1), least - 1))


def test_tracing_does_not_warn(recwarn):
    torch.jit.trace(cnn((2, 2)).eval(), torch.randn(1, 1, 12, 12))
    assert not [w for w in recwarn if issubclass(w.category, torch.jit.TracerWarning)]


def test_efficientnet_is_monais():
    torch.manual_seed(0)
    ours = efficientnet_b0(in_channels=3, num_classes=4).eval()
    stock = EfficientNetBN("efficientnet-b0", pretrained=False, in_channels=3, num_classes=4).eval()
    stock.load_state_dict(ours.state_dict())
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(ours(x), stock(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: cnn(()), r"channels=\(\)"),
        (lambda: cnn((4, 0)), "channels=0"),
        (lambda: cnn((4,), block_dropout=1.0), "block_dropout=1.0"),
        (lambda: cnn((4,), spatial_dims=1), "spatial_dims=1"),
        (lambda: cnn((4,), num_classes=0), "num_classes=0"),
        (lambda: cnn((4,), dropout=(0.1, 0.2)), r"dropout=\(0.1, 0.2\) is not possible"),
        (lambda: vgg16(pool_size=0), "pool_size=0"),
        (lambda: vgg16(width=2, hidden=(0,)), "hidden=0"),
        (lambda: efficientnet_b0(spatial_dims=4), "spatial_dims=4"),
        (lambda: efficientnet_b0(num_classes=0), "num_classes=0"),
    ],
)
def test_impossible_arguments(build, message):
    with pytest.raises(ValueError, match=message):
        build()
