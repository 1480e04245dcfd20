"""Residual networks for small and large images and volumes, built from MONAI's blocks."""

from __future__ import annotations

from monai.networks.nets import ResNet

from .squeeze_excitation import SEResNetBlock, SEResNetBottleneck
from .stems import check_shape_arguments, stem_of

BLOCKS = {
    "resnet10": ("basic", (1, 1, 1, 1)),
    "resnet18": ("basic", (2, 2, 2, 2)),
    "resnet34": ("basic", (3, 4, 6, 3)),
    "resnet50": ("bottleneck", (3, 4, 6, 3)),
}

_ATTENDING = {"basic": SEResNetBlock, "bottleneck": SEResNetBottleneck}


def _build(
    name: str,
    *,
    spatial_dims: int,
    in_channels: int,
    num_classes: int,
    stem: str,
    width: int,
    squeeze_excitation: bool,
) -> ResNet:
    check_shape_arguments(
        spatial_dims, in_channels=in_channels, num_classes=num_classes, width=width
    )
    first = stem_of(stem)
    block, layers = BLOCKS[name]
    return ResNet(
        block=_ATTENDING[block] if squeeze_excitation else block,
        layers=list(layers),
        block_inplanes=[width * 2**stage for stage in range(4)],
        spatial_dims=spatial_dims,
        n_input_channels=in_channels,
        conv1_t_size=first.kernel_size,
        conv1_t_stride=first.stride,
        no_max_pool=not first.max_pool,
        # A bias before batch normalization has no effect; without it the parameters are those of
        # the paper.
        bias_downsample=False,
        num_classes=num_classes,
    )


def resnet10(
    *,
    spatial_dims: int = 2,
    in_channels: int = 1,
    num_classes: int = 1,
    stem: str = "small",
    width: int = 64,
    squeeze_excitation: bool = False,
) -> ResNet:
    """Build a ResNet with one basic block a stage. See `resnet18` for the arguments.

    Example:
        >>> import torch
        >>> resnet10(spatial_dims=3, width=8, stem="small_stride2")(
        ...     torch.zeros(2, 1, 16, 16, 16)
        ... ).shape
        torch.Size([2, 1])
    """
    return _build(
        "resnet10",
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        num_classes=num_classes,
        stem=stem,
        width=width,
        squeeze_excitation=squeeze_excitation,
    )


def resnet18(
    *,
    spatial_dims: int = 2,
    in_channels: int = 1,
    num_classes: int = 1,
    stem: str = "small",
    width: int = 64,
    squeeze_excitation: bool = False,
) -> ResNet:
    """Build a ResNet-18 that takes (B, in_channels, *spatial) and returns logits (B, num_classes).

    `monai.networks.nets.resnet18` starts with a 7x7 convolution and a max-pool, and leaves size,
    stride and pool of its stem as three arguments; here they are one name, and the width of all
    stages is one number.

    Args:
        spatial_dims: 2 for images, 3 for volumes.
        in_channels: channels of the input.
        num_classes: logits per case (MONAI's word): `Task.num_outputs`, so 1 for a binary task.
        stem: "small" (3x3, stride 1, no max-pool), "small_stride2" (3x3, stride 2, no max-pool) or
            "standard" (7x7, stride 2, max-pool, as in the paper).
        width: channels of the first stage; the others have 2, 4 and 8 times as many. 64 in the
            paper. Half the width costs a quarter of the operations.
        squeeze_excitation: weigh the channels of each block before they are added; see
            `medmonai.networks.squeeze_excitation`.

    Returns:
        A `monai.networks.nets.ResNet`. Any input size works; with "standard" a 28-pixel image ends
        as a 1x1 map.

    Raises:
        ValueError: unknown stem, spatial_dims other than 2 or 3, or a count below 1.

    References:
        He et al., Deep residual learning for image recognition, arXiv:1512.03385, table 1.
        Shortcuts are option B.

    Example:
        >>> import torch
        >>> resnet18(in_channels=3, num_classes=9, width=16)(torch.zeros(2, 3, 28, 28)).shape
        torch.Size([2, 9])
    """
    return _build(
        "resnet18",
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        num_classes=num_classes,
        stem=stem,
        width=width,
        squeeze_excitation=squeeze_excitation,
    )


def resnet34(
    *,
    spatial_dims: int = 2,
    in_channels: int = 1,
    num_classes: int = 1,
    stem: str = "small",
    width: int = 64,
    squeeze_excitation: bool = False,
) -> ResNet:
    """Build a ResNet-34. See `resnet18` for the arguments."""
    return _build(
        "resnet34",
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        num_classes=num_classes,
        stem=stem,
        width=width,
        squeeze_excitation=squeeze_excitation,
    )


def resnet50(
    *,
    spatial_dims: int = 2,
    in_channels: int = 1,
    num_classes: int = 1,
    stem: str = "small",
    width: int = 64,
    squeeze_excitation: bool = False,
) -> ResNet:
    """Build a ResNet-50 (bottleneck blocks: the last stage has 32 times `width` channels). See
    `resnet18`.
    """
    return _build(
        "resnet50",
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        num_classes=num_classes,
        stem=stem,
        width=width,
        squeeze_excitation=squeeze_excitation,
    )
