"""Published weights in another number of channels, and in volumes."""

from __future__ import annotations

import pytest
import torch
from published_states import NAMES, published_state
from torch import nn
from torch.nn import functional

from medmonai.networks import adapt_channels, backbone_of, inflate
from medmonai.networks.weight_names import load_published


@pytest.mark.parametrize("in_channels", [1, 2, 3, 5])
def test_a_grey_image_repeated_gives_what_it_gave_in_three_channels(in_channels):
    weight, x = torch.randn(8, 3, 7, 7), torch.randn(2, 1, 20, 20)
    old = functional.conv2d(x.repeat(1, 3, 1, 1), weight)
    new = functional.conv2d(x.repeat(1, in_channels, 1, 1), adapt_channels(weight, in_channels))
    torch.testing.assert_close(new, old, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("in_channels", [1, 4])
def test_backbones_of_other_channels_agree_on_grey_images(name, in_channels):
    state, x = published_state(name), torch.randn(1, 1, 64, 64)
    outputs = []
    for channels in (3, in_channels):
        backbone = backbone_of(name, in_channels=channels).network.eval()
        load_published(backbone, name, state)
        outputs.append(backbone(x.repeat(1, channels, 1, 1)))
    torch.testing.assert_close(
        outputs[1], outputs[0], rtol=1e-3, atol=1e-4 * float(outputs[0].detach().abs().max())
    )


def test_three_channels_stay_as_they_are():
    weight = torch.randn(4, 3, 3, 3)
    assert adapt_channels(weight, 3) is weight
    with pytest.raises(ValueError, match="in_channels=0; at least 1"):
        adapt_channels(weight, 0)


@pytest.mark.parametrize("side", [1, 3, 7])
def test_inflated_weights_give_the_2d_output_where_nothing_changes_along_the_depth(side):
    weight, x = torch.randn(4, 2, side, side), torch.randn(1, 2, 15, 15)
    flat = functional.conv2d(x, weight, padding=side // 2)
    deep = functional.conv3d(
        x[..., None].repeat(1, 1, 1, 1, 15), inflate(weight), padding=side // 2
    )
    for slice_ in range(side // 2, 15 - side // 2):
        torch.testing.assert_close(deep[..., slice_], flat, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"weight has shape \(4, 2\)"):
        inflate(torch.zeros(4, 2))


@pytest.mark.parametrize("name", ["resnet18", "vgg16", "densenet121"])
def test_an_inflated_backbone_gives_the_2d_features(name):
    # Padded with copies instead of zeros, a volume that does not change along its depth has no
    # ends.
    state = published_state(name)
    x = torch.rand(1, 3, 32, 32)
    outputs = []
    for dims, image in ((2, x), (3, x[..., None].repeat(1, 1, 1, 1, 32))):
        backbone = backbone_of(name, spatial_dims=dims).network.eval()
        load_published(backbone, name, state)
        for module in backbone.modules():
            if isinstance(module, (nn.Conv2d, nn.Conv3d)) and max(module.padding) > 0:
                module.padding_mode = "replicate"
                module._reversed_padding_repeated_twice = [
                    p for p in reversed(module.padding) for _ in range(2)
                ]
        outputs.append(backbone(image))
    torch.testing.assert_close(
        outputs[1], outputs[0], rtol=1e-3, atol=1e-4 * float(outputs[0].detach().abs().max())
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_backbone_takes_the_weights_in_3d(name):
    state = published_state(name)
    with torch.device("meta"):  # for the shapes
        empty = backbone_of(name, spatial_dims=3, in_channels=1).network
    shapes = {key: value.shape for key, value in empty.state_dict().items()}
    backbone = backbone_of(name, spatial_dims=3, in_channels=1).network
    load_published(backbone, name, state)
    assert {key: value.shape for key, value in backbone.state_dict().items()} == shapes
