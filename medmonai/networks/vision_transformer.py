"""A vision transformer that gives logits and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets import ViT

from .stems import check_shape_arguments

_PATCHES = 14  # along the longest axis: 16 pixels a patch at 224, as in the paper


class VisionTransformer(ViT):
    """MONAI's `ViT` for classification, with logits as its only output.

    MONAI's returns a pair of logits and hidden states, which neither its trainer nor an exported
    file takes, and ends in a Tanh unless told otherwise.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (B, num_classes) for images (B, C, *spatial)."""
        logits, _ = super().forward(x)
        return logits


def vit(
    *,
    spatial_size: Sequence[int],
    spatial_dims: int = 2,
    in_channels: int = 1,
    num_classes: int = 1,
    patch_size: Sequence[int] | None = None,
    width: int = 192,
    depth: int = 12,
) -> VisionTransformer:
    """Build a vision transformer for images or volumes of one size.

    Patches become tokens by a strided convolution, learned positions are added, and the class token
    is classified. A head has 64 numbers, the hidden layer of a block 4 * width. The default is
    ViT-Ti of DeiT (width 192, 12 blocks, 3 heads).

    Args:
        spatial_size: voxels along each axis of the input; multiples of the patch.
        spatial_dims: 2 for images, 3 for volumes.
        in_channels: channels of the input.
        num_classes: logits per case: `Task.num_outputs`, so 1 for a binary task.
        patch_size: voxels of a patch along each axis; by default about 1/14 of the longest axis,
            the nearest number that divides every axis.
        width: numbers of a token, a multiple of 64.
        depth: blocks.

    Raises:
        ValueError: a count below 1, a width that is not a multiple of 64, or a size that patches do
            not divide.

    References:
        Dosovitskiy et al., An image is worth 16x16 words, arXiv:2010.11929. Touvron et al., DeiT,
        arXiv:2012.12877, table 1.

    Example:
        >>> vit(spatial_size=(28, 28), depth=2).eval()(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1])
    """
    check_shape_arguments(
        spatial_dims, in_channels=in_channels, num_classes=num_classes, width=width, depth=depth
    )
    size = tuple(spatial_size)
    patch = tuple(patch_size) if patch_size is not None else (_patch(size),) * len(size)
    if len(size) != spatial_dims or len(patch) != spatial_dims:
        raise ValueError(
            f"spatial_size={list(size)} and patch_size={list(patch)}; {spatial_dims} numbers each "
            "are needed."
        )
    if any(n < 1 or voxels % n for voxels, n in zip(size, patch)):
        raise ValueError(
            f"patch_size={list(patch)} does not divide spatial_size={list(size)}; choose another."
        )
    if width % 64:
        raise ValueError(f"width={width}; a multiple of 64 is needed.")
    return VisionTransformer(
        in_channels=in_channels,
        img_size=size,
        patch_size=patch,
        hidden_size=width,
        mlp_dim=4 * width,
        num_layers=depth,
        num_heads=width // 64,
        classification=True,
        num_classes=num_classes,
        spatial_dims=spatial_dims,
        post_activation="none",
        qkv_bias=True,
    )


def _patch(size: tuple[int, ...]) -> int:
    """Return a side that divides every axis, nearest to 1/14 of the longest."""
    wanted = max(size) / _PATCHES
    sides = [n for n in range(1, min(size) + 1) if all(voxels % n == 0 for voxels in size)]
    return min(sides, key=lambda n: abs(n - wanted))
