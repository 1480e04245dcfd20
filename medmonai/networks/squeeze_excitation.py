"""Residual blocks with channel attention."""

from __future__ import annotations

from typing import Any

from monai.networks.blocks import ChannelSELayer
from monai.networks.nets.resnet import ResNetBlock, ResNetBottleneck
from torch import nn

_REDUCTION = 16


def _attending(norm: nn.Module, spatial_dims: int, channels: int) -> nn.Sequential:
    """Return the last normalization of a block, followed by squeeze and excitation."""
    reduction = min(_REDUCTION, channels)
    return nn.Sequential(norm, ChannelSELayer(spatial_dims, channels, r=reduction))


class SEResNetBlock(ResNetBlock):
    """A basic residual block whose channels are weighted before they are added.

    out = ReLU(x + s * u), u = block(x), s = sigmoid(W2 ReLU(W1 mean(u))), where W1 maps C channels
    to C / 16. MONAI's `SEResNet50` and its relatives have this in bottleneck blocks with the
    paper's stem only; here it is an option of `medmonai.networks.resnet18` and the others.

    References:
        Hu et al., Squeeze-and-excitation networks, arXiv:1709.01507, figure 3.
    """

    def __init__(
        self, in_planes: int, planes: int, spatial_dims: int = 3, **arguments: Any
    ) -> None:
        super().__init__(in_planes, planes, spatial_dims, **arguments)
        self.bn2 = _attending(self.bn2, spatial_dims, planes * self.expansion)


class SEResNetBottleneck(ResNetBottleneck):
    """A bottleneck block whose channels are weighted before they are added; see `SEResNetBlock`."""

    def __init__(
        self, in_planes: int, planes: int, spatial_dims: int = 3, **arguments: Any
    ) -> None:
        super().__init__(in_planes, planes, spatial_dims, **arguments)
        self.bn3 = _attending(self.bn3, spatial_dims, planes * self.expansion)
