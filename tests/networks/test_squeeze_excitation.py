"""Residual networks with channel attention."""

from __future__ import annotations

import pytest
import torch

from medmonai.networks import head_of, resnet18, resnet50
from medmonai.networks.squeeze_excitation import SEResNetBlock


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("build", [resnet18, resnet50])
def test_logits(dims, channels, build):
    network = build(
        spatial_dims=dims, in_channels=channels, num_classes=3, width=8, squeeze_excitation=True
    )
    assert network.eval()(torch.zeros(2, channels, *[16] * dims)).shape == (2, 3)
    assert head_of(network) is network.fc


def test_a_block_by_hand():
    block = SEResNetBlock(4, 4, spatial_dims=2).eval()
    x = torch.randn(2, 4, 5, 6)
    norm, attention = block.bn2
    with torch.no_grad():
        u = norm(block.conv2(block.act(block.bn1(block.conv1(x)))))
        first, _, second, _ = attention.fc
        s = torch.sigmoid(second(torch.relu(first(u.mean(dim=(2, 3))))))
        expected = torch.relu(x + s[:, :, None, None] * u)
        assert torch.allclose(block(x), expected, atol=1e-6)


def test_without_it_the_network_is_as_before():
    plain = resnet18(width=8)
    assert not any(".fc." in name for name in plain.state_dict())
    attending = resnet18(width=8, squeeze_excitation=True)
    assert sum(".fc." in name for name in attending.state_dict()) == 8 * 4
