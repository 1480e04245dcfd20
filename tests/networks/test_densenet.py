"""DenseNet: parameter counts, 28 pixels, its smallest input, TorchScript, tracing, ONNX."""

from __future__ import annotations

import monai.networks.nets
import pytest
import torch

from medmonai.networks import DenseNet, densenet121, densenet169, densenet201
from medmonai.networks.densenet import BLOCKS

BUILDERS = [densenet121, densenet169, densenet201]
LEAST = {"small": 8, "small_stride2": 15, "standard": 29}


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def dense(blocks, *, kernel, in_channels, num_classes, growth=32):
    """Count the parameters of a 2D DenseNet-BC from the table of the paper."""
    width = 2 * growth
    total = kernel**2 * in_channels * width + 2 * width
    for number, layers in enumerate(blocks):
        for _ in range(layers):
            total += 2 * width + width * 4 * growth + 8 * growth + 9 * 4 * growth * growth
            width += growth
        total += 2 * width
        if number < len(blocks) - 1:
            total += width * (width // 2)
            width //= 2
    return total + width * num_classes + num_classes


# 7,978,856 / 14,149,480 / 20,013,928: torchvision's, for ImageNet.
@pytest.mark.parametrize(
    ("builder", "published"),
    [(densenet121, 7_978_856), (densenet169, 14_149_480), (densenet201, 20_013_928)],
)
def test_the_standard_stem_has_the_published_count(builder, published):
    with torch.device("meta"):
        network = builder(in_channels=3, num_classes=1000, stem="standard")
    assert count(network) == published
    assert dense(BLOCKS[builder.__name__], kernel=7, in_channels=3, num_classes=1000) == published


@pytest.mark.parametrize("stem", ["small", "small_stride2"])
def test_the_small_stems_differ_by_the_first_convolution_only(stem):
    with torch.device("meta"):
        network = densenet121(stem=stem)
    assert count(network) == dense(BLOCKS["densenet121"], kernel=3, in_channels=1, num_classes=1)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("stem", ["small", "small_stride2"])
def test_28_pixels_are_enough(builder, dims, stem):
    network = builder(
        spatial_dims=dims, in_channels=2, num_classes=3, stem=stem, growth_rate=2
    ).eval()
    logits = network(torch.zeros(2, 2, *[28] * dims))
    assert type(logits) is torch.Tensor
    assert logits.shape == (2, 3)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("stem", list(LEAST))
def test_the_smallest_input_runs_and_one_less_is_named(dims, stem):
    network = densenet121(spatial_dims=dims, stem=stem, growth_rate=2).eval()
    least = LEAST[stem]
    assert network.least_size == least
    assert network(torch.zeros(1, 1, *[least] * dims)).shape == (1, 1)
    with pytest.raises(ValueError, match=rf"needs at least {least} a side"):
        network(torch.zeros(1, 1, *[least] * (dims - 1), least - 1))
    # MONAI's own forward: the limit is real
    with pytest.raises(RuntimeError, match=r"too small|smaller than kernel"):
        monai.networks.nets.DenseNet.forward(network, torch.zeros(1, 1, *[least - 1] * dims))


def test_the_standard_stem_is_monais_network():
    torch.manual_seed(0)
    ours = densenet121(stem="standard", growth_rate=4).eval()
    stock = monai.networks.nets.DenseNet121(
        spatial_dims=2, in_channels=1, out_channels=1, init_features=8, growth_rate=4
    ).eval()
    stock.load_state_dict(ours.state_dict())
    x = torch.randn(1, 1, 40, 40)
    torch.testing.assert_close(ours(x), stock(x), rtol=0, atol=0)


@pytest.mark.parametrize("dims", [2, 3])
def test_script_and_trace_agree_with_eager(dims):
    network = densenet121(spatial_dims=dims, growth_rate=2).eval()
    x = torch.randn(2, 1, *[12] * dims)
    expected = network(x)
    torch.testing.assert_close(torch.jit.script(network)(x), expected)
    torch.testing.assert_close(torch.jit.trace(network, x)(x), expected)


def test_tracing_does_not_warn(recwarn):
    torch.jit.trace(densenet121(growth_rate=2).eval(), torch.randn(1, 1, 12, 12))
    assert not [w for w in recwarn if issubclass(w.category, torch.jit.TracerWarning)]


def test_onnx_agrees_with_eager(same_in_onnx):
    same_in_onnx(
        DenseNet((1, 1, 1, 1), num_classes=2, growth_rate=2).eval(), torch.randn(2, 1, 12, 12)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stem": "tiny"}, "stem='tiny' does not exist"),
        ({"spatial_dims": 4}, "spatial_dims=4"),
        ({"growth_rate": 0}, "growth_rate=0"),
        ({"num_classes": -1}, "num_classes=-1"),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        densenet121(**arguments)
