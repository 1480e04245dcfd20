"""A plain convolutional network: blocks of convolution, batch norm, ReLU, max-pool and dropout,
then a small head.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from monai.networks.layers.factories import Conv, Norm, Pool
from torch import nn

from .heads import mlp_head
from .least_size import require_size
from .stems import check_shape_arguments


class CNN(nn.Module):
    """Convolution blocks that each halve the map, a mean over it, and a head. See `cnn`."""

    def __init__(
        self,
        channels: Sequence[int],
        *,
        spatial_dims: int,
        in_channels: int,
        num_classes: int,
        hidden: Sequence[int],
        dropout: float | Sequence[float],
        block_dropout: float,
        pool_size: int,
    ) -> None:
        super().__init__()
        for width in channels:
            check_shape_arguments(spatial_dims, channels=width)
        check_shape_arguments(
            spatial_dims, in_channels=in_channels, num_classes=num_classes, pool_size=pool_size
        )
        if not channels or not 0 <= block_dropout < 1:
            raise ValueError(
                f"channels={tuple(channels)}, block_dropout={block_dropout!r}; use at least one "
                "block and a number in [0, 1)."
            )
        widths = [in_channels, *channels]
        self.blocks = nn.Sequential(
            *[
                _block(before, after, spatial_dims=spatial_dims, dropout=block_dropout)
                for before, after in itertools.pairwise(widths)
            ]
        )
        self.pool = Pool[Pool.ADAPTIVEAVG, spatial_dims](pool_size)
        self.flatten = nn.Flatten()
        self.head = mlp_head(
            widths[-1] * pool_size**spatial_dims, num_classes, hidden=hidden, dropout=dropout
        )
        self.least_size = 2 ** len(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (B, num_classes) for images (B, in_channels, *spatial)."""
        if not torch.jit.is_scripting():
            require_size(
                x,
                self.least_size,
                network=f"a CNN of {len(self.blocks)} blocks",
                advice="Use fewer channels=[...] or larger images.",
            )
        return self.head(self.flatten(self.pool(self.blocks(x))))


def _block(
    in_channels: int, out_channels: int, *, spatial_dims: int, dropout: float
) -> nn.Sequential:
    # A bias before batch normalization has no effect.
    convolution = Conv[Conv.CONV, spatial_dims](
        in_channels, out_channels, kernel_size=3, padding=1, bias=False
    )
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(
        convolution,
        Norm[Norm.BATCH, spatial_dims](out_channels),
        nn.ReLU(inplace=True),
        Pool[Pool.MAX, spatial_dims](2),
        nn.Dropout(dropout),
    )


def cnn(
    channels: Sequence[int] = (32, 64, 128, 256),
    *,
    spatial_dims: int = 2,
    in_channels: int = 1,
    num_classes: int = 1,
    hidden: Sequence[int] = (),
    dropout: float | Sequence[float] = 0.5,
    block_dropout: float = 0.0,
    pool_size: int = 1,
) -> CNN:
    """Build a plain CNN that takes (B, in_channels, *spatial) and returns logits (B, num_classes).

    Each block is a 3x3 convolution, batch norm, ReLU, a 2x2 max-pool and dropout. The last map is
    averaged to `pool_size` voxels per side, flattened, and goes through `mlp_head`. MONAI's
    `Classifier` strides instead of pooling and needs the size of the image.

    Args:
        channels: channels of each block.
        spatial_dims: 2 for images, 3 for volumes.
        in_channels: channels of the input.
        num_classes: logits per case: `Task.num_outputs`, so 1 for a binary task.
        hidden: hidden layers of the head, for example (512, 256).
        dropout: of the head; see `mlp_head`.
        block_dropout: probability that a value is set to 0 behind each block, in [0, 1).
        pool_size: voxels per side that the head sees: 1 is the mean over the map.

    Raises:
        ValueError: spatial_dims other than 2 or 3, no channels, a count below 1, a dropout outside
            [0, 1). In `forward`: an input smaller than 2 ** len(channels) a side.

    Example:
        >>> network = cnn((32, 64, 128), in_channels=3, num_classes=9)
        >>> network(torch.zeros(2, 3, 28, 28)).shape
        torch.Size([2, 9])
    """
    return CNN(
        channels,
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        num_classes=num_classes,
        hidden=hidden,
        dropout=dropout,
        block_dropout=block_dropout,
        pool_size=pool_size,
    )
