"""EfficientNet-B0: MONAI's network, made to go into TorchScript."""

from __future__ import annotations

from monai.networks.nets import EfficientNetBN

from .stems import check_shape_arguments


def efficientnet_b0(
    *, spatial_dims: int = 2, in_channels: int = 1, num_classes: int = 1
) -> EfficientNetBN:
    """Build an EfficientNet-B0 that takes (B, in_channels, *spatial) and returns logits (B,
    num_classes).

    It is MONAI's `EfficientNetBN("efficientnet-b0")` with the plain swish in place of the
    memory-saving one, which TorchScript cannot compile; the values are the same. MONAI fixes the
    zero padding for 224 pixels: it is that of the paper for sizes that are multiples of 32. Batch
    norm has a momentum of .01 (in torch's sense), as in the paper.

    Args:
        spatial_dims: 2 for images, 3 for volumes.
        in_channels: channels of the input.
        num_classes: logits per case: `Task.num_outputs`, so 1 for a binary task.

    Raises:
        ValueError: spatial_dims other than 2 or 3, or a count below 1.

    References:
        Tan and Le, EfficientNet, arXiv:1905.11946, table 1.

    Example:
        >>> import torch
        >>> efficientnet_b0().eval()(torch.zeros(1, 1, 32, 32)).shape
        torch.Size([1, 1])
    """
    check_shape_arguments(spatial_dims, in_channels=in_channels, num_classes=num_classes)
    network = EfficientNetBN(
        "efficientnet-b0",
        pretrained=False,
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        num_classes=num_classes,
    )
    network.set_swish(memory_efficient=False)
    return network
