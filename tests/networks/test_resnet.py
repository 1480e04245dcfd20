"""Residual networks: parameter counts by hand, shapes in 2D and 3D, TorchScript, tracing, ONNX."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import ResNet

from medmonai.networks import resnet10, resnet18, resnet34, resnet50

BUILDERS = [resnet10, resnet18, resnet34, resnet50]


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def basic_resnet(blocks, *, kernel, in_channels, num_classes, dims=2):
    """Count the parameters of a basic-block ResNet from the table of the paper."""
    total, before = kernel**dims * in_channels * 64 + 2 * 64, 64
    for stage, number in enumerate(blocks):
        planes = 64 * 2**stage
        for block in range(number):
            total += 3**dims * before * planes + 3**dims * planes * planes + 4 * planes
            if block == 0 and before != planes:
                total += before * planes + 2 * planes
            before = planes
    return total + 512 * num_classes + num_classes


def test_resnet18_with_the_standard_stem_has_the_published_count():
    # 11,689,512: torchvision's ResNet-18 for ImageNet.
    assert count(resnet18(in_channels=3, num_classes=1000, stem="standard")) == 11_689_512


def test_resnet18_with_the_small_stem_has_the_published_count():
    # 11,173,962: the CIFAR-10 ResNet-18 with a 3x3 stem.
    assert count(resnet18(in_channels=3, num_classes=10)) == 11_173_962


@pytest.mark.parametrize(
    ("builder", "blocks"),
    [(resnet10, (1, 1, 1, 1)), (resnet18, (2, 2, 2, 2)), (resnet34, (3, 4, 6, 3))],
)
@pytest.mark.parametrize(("stem", "kernel"), [("small", 3), ("small_stride2", 3), ("standard", 7)])
@pytest.mark.parametrize("dims", [2, 3])
def test_counts_follow_the_table_of_the_paper(builder, blocks, stem, kernel, dims):
    with torch.device("meta"):
        network = builder(spatial_dims=dims, stem=stem)
    assert count(network) == basic_resnet(
        blocks, kernel=kernel, in_channels=1, num_classes=1, dims=dims
    )


def test_resnet50_has_the_published_count():
    with torch.device("meta"):
        network = resnet50(in_channels=3, num_classes=1000, stem="standard")
    assert count(network) == 25_557_032


def test_it_is_monais_resnet():
    assert isinstance(resnet10(width=4), ResNet)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("stem", ["small", "small_stride2", "standard"])
def test_one_tensor_of_logits(builder, dims, stem):
    network = builder(spatial_dims=dims, in_channels=2, num_classes=3, stem=stem, width=4).eval()
    logits = network(torch.zeros(2, 2, *[28] * dims))
    assert type(logits) is torch.Tensor
    assert logits.shape == (2, 3)


@pytest.mark.parametrize(("stem", "size"), [("small", 28), ("small_stride2", 14), ("standard", 7)])
def test_the_stem_decides_what_the_first_block_sees(stem, size):
    network = resnet10(stem=stem, width=4)
    seen = []
    network.layer1.register_forward_pre_hook(
        lambda module, inputs: seen.append(tuple(inputs[0].shape[2:]))
    )
    network(torch.zeros(2, 1, 28, 28))
    assert seen == [(size, size)]


@pytest.mark.parametrize("dims", [2, 3])
def test_a_single_voxel_works_in_evaluation(dims):
    assert torch.isfinite(
        resnet10(spatial_dims=dims, width=4).eval()(torch.ones(1, 1, *[1] * dims))
    ).all()


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("builder", [resnet18, resnet50])
def test_script_and_trace_agree_with_eager(builder, dims):
    network = builder(spatial_dims=dims, width=4).eval()
    x = torch.randn(2, 1, *[16] * dims)
    expected = network(x)
    torch.testing.assert_close(torch.jit.script(network)(x), expected)
    torch.testing.assert_close(torch.jit.trace(network, x)(x), expected)


@pytest.mark.parametrize("dims", [2, 3])
def test_onnx_agrees_with_eager(dims, same_in_onnx):
    same_in_onnx(
        resnet10(spatial_dims=dims, num_classes=2, width=4).eval(), torch.randn(2, 1, *[12] * dims)
    )


def test_the_same_seed_gives_the_same_weights():
    torch.manual_seed(3)
    first = resnet10(width=4)
    torch.manual_seed(3)
    second = resnet10(width=4)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters()))


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stem": "tiny"}, "stem='tiny' does not exist; use one of small, small_stride2, standard"),
        ({"spatial_dims": 1}, "spatial_dims=1 is not supported"),
        ({"width": 0}, "width=0 is not possible"),
        ({"num_classes": 0}, "num_classes=0"),
        ({"in_channels": 1.5}, "in_channels=1.5"),
        ({"num_classes": True}, "num_classes=True"),
    ],
)
def test_impossible_arguments(builder, arguments, message):
    with pytest.raises(ValueError, match=message):
        builder(**arguments)
