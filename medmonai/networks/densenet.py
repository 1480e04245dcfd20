"""Densely connected networks that also run on 28-pixel images and volumes, built from MONAI's
blocks.
"""

from __future__ import annotations

import monai.networks.nets
import torch
from torch import nn

from .stems import check_shape_arguments, stem_of

BLOCKS = {
    "densenet121": (6, 12, 24, 16),
    "densenet169": (6, 12, 32, 32),
    "densenet201": (6, 12, 48, 32),
}


class DenseNet(monai.networks.nets.DenseNet):
    """MONAI's DenseNet with a choice of stem.

    MONAI's stem divides the input by 4 and the three transitions halve it again, so 28 pixels leave
    nothing for the last one. With the "small" stem the maps are 28, 14, 7 and 3. Everything behind
    the stem is MONAI's, under MONAI's names, so weights of the same stem are interchangeable.

    Args:
        block_config: layers of the four dense blocks.
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        num_classes: logits per case: `Task.num_outputs`.
        stem: "small", "small_stride2" or "standard"; see `stem_of`.
        growth_rate: channels that a layer adds (32 in the paper); the stem has twice as many.

    Raises:
        ValueError: unknown stem, spatial_dims other than 2 or 3, or a count below 1. In `forward`:
            an input too small for the transitions (8 pixels per side for "small", 15 for
            "small_stride2", 29 for "standard").
    """

    def __init__(
        self,
        block_config: tuple[int, ...],
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        num_classes: int = 1,
        stem: str = "small",
        growth_rate: int = 32,
    ) -> None:
        check_shape_arguments(
            spatial_dims, in_channels=in_channels, num_classes=num_classes, growth_rate=growth_rate
        )
        first = stem_of(stem)
        super().__init__(
            spatial_dims=spatial_dims,
            in_channels=in_channels,
            out_channels=num_classes,
            init_features=2 * growth_rate,
            growth_rate=growth_rate,
            block_config=block_config,
        )
        if not first.max_pool:
            stock = self.features.get_submodule("conv0")
            assert isinstance(stock, nn.Conv2d | nn.Conv3d)
            conv0 = type(stock)(
                in_channels,
                stock.out_channels,
                kernel_size=first.kernel_size,
                stride=first.stride,
                padding=first.kernel_size // 2,
                bias=False,
            )
            nn.init.kaiming_normal_(conv0.weight)
            self.features.set_submodule("conv0", conv0)
            self.features.set_submodule("pool0", nn.Identity())
        # Each of the transitions needs 2 voxels; a halving that rounds up (a strided convolution,
        # the max-pool) reaches n from 2n - 1.
        self.least_size = 2 ** (len(block_config) - 1)
        for _ in range((first.stride == 2) + first.max_pool):
            self.least_size = 2 * self.least_size - 1
        self.stem = stem

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (B, num_classes) for images (B, in_channels, *spatial)."""
        if not torch.jit.is_scripting():
            self._check_size(x)
        return self.class_layers(self.features(x))

    @torch.jit.unused
    def _check_size(self, x: torch.Tensor) -> None:
        # A traced, exported or compiled network has its sizes fixed or symbolic: a check there
        # would become a graph node.
        if torch.jit.is_tracing() or torch.compiler.is_compiling():
            return
        if min(x.shape[2:], default=0) < self.least_size:
            raise ValueError(
                f"the input has spatial_size={tuple(x.shape[2:])}; this DenseNet with "
                f"stem={self.stem!r} needs at least {self.least_size} a side. Use stem='small' "
                "(from 8) or larger images."
            )


def densenet121(
    *,
    spatial_dims: int = 2,
    in_channels: int = 1,
    num_classes: int = 1,
    stem: str = "small",
    growth_rate: int = 32,
) -> DenseNet:
    """Build a DenseNet-121 that takes (B, in_channels, *spatial) and returns logits (B,
    num_classes).

    Args:
        spatial_dims: 2 for images, 3 for volumes.
        in_channels: channels of the input.
        num_classes: logits per case (MONAI calls them out_channels here): `Task.num_outputs`, so 1
            for a binary task.
        stem: "small" (3x3, stride 1, no max-pool), "small_stride2" or "standard" (7x7, stride 2,
            max-pool).
        growth_rate: channels that a layer adds: 32 in the paper, less for a light network.

    Raises:
        ValueError: see `DenseNet`.

    References:
        Huang et al., Densely connected convolutional networks, arXiv:1608.06993, table 1.

    Example:
        >>> import torch
        >>> densenet121(growth_rate=4)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1])
    """
    return DenseNet(
        BLOCKS["densenet121"],
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        num_classes=num_classes,
        stem=stem,
        growth_rate=growth_rate,
    )


def densenet169(
    *,
    spatial_dims: int = 2,
    in_channels: int = 1,
    num_classes: int = 1,
    stem: str = "small",
    growth_rate: int = 32,
) -> DenseNet:
    """Build a DenseNet-169. See `densenet121` for the arguments."""
    return DenseNet(
        BLOCKS["densenet169"],
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        num_classes=num_classes,
        stem=stem,
        growth_rate=growth_rate,
    )


def densenet201(
    *,
    spatial_dims: int = 2,
    in_channels: int = 1,
    num_classes: int = 1,
    stem: str = "small",
    growth_rate: int = 32,
) -> DenseNet:
    """Build a DenseNet-201. See `densenet121` for the arguments."""
    return DenseNet(
        BLOCKS["densenet201"],
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        num_classes=num_classes,
        stem=stem,
        growth_rate=growth_rate,
    )
