"""VGG-16 in 2D and 3D, under the names of torchvision's weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.layers.factories import Conv, Pool
from torch import nn

from .least_size import require_size
from .stems import check_shape_arguments

# Channels of each convolution as multiples of the width; None is a max-pool.
PLAN = (1, 1, None, 2, 2, None, 4, 4, 4, None, 8, 8, 8, None, 8, 8, 8, None)
LEAST_SIZE = 32


class VGG(nn.Module):
    """Thirteen convolutions with five max-pools, a mean over the map, a classifier. See `vgg16`."""

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        num_classes: int,
        hidden: Sequence[int],
        dropout: float,
        pool_size: int,
        width: int,
    ) -> None:
        super().__init__()
        check_shape_arguments(
            spatial_dims,
            in_channels=in_channels,
            num_classes=num_classes,
            pool_size=pool_size,
            width=width,
        )
        layers: list[nn.Module] = []
        before = in_channels
        for factor in PLAN:
            if factor is None:
                layers.append(Pool[Pool.MAX, spatial_dims](kernel_size=2, stride=2))
                continue
            layers += [
                Conv[Conv.CONV, spatial_dims](before, factor * width, kernel_size=3, padding=1),
                nn.ReLU(inplace=True),
            ]
            before = factor * width
        self.features = nn.Sequential(*layers)
        self.avgpool = Pool[Pool.ADAPTIVEAVG, spatial_dims](pool_size)
        self.classifier = _classifier(
            before * pool_size**spatial_dims, num_classes, hidden=hidden, dropout=dropout
        )
        self.num_features = before * pool_size**spatial_dims
        self.apply(_initialise)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (B, num_classes) for images (B, in_channels, *spatial)."""
        if not torch.jit.is_scripting():
            require_size(
                x, LEAST_SIZE, network="VGG-16", advice="Use larger images, or another network."
            )
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def _classifier(
    in_features: int, num_classes: int, *, hidden: Sequence[int], dropout: float
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in hidden:
        check_shape_arguments(2, hidden=width)
        layers += [nn.Linear(in_features, width), nn.ReLU(inplace=True), nn.Dropout(dropout)]
        in_features = width
    return nn.Sequential(*layers, nn.Linear(in_features, num_classes))


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, (nn.Conv2d, nn.Conv3d)):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0, 0.01)
        nn.init.zeros_(layer.bias)


def vgg16(
    *,
    spatial_dims: int = 2,
    in_channels: int = 1,
    num_classes: int = 1,
    hidden: Sequence[int] = (4096, 4096),
    dropout: float = 0.5,
    pool_size: int = 7,
    width: int = 64,
) -> VGG:
    """Build a VGG-16 that takes (B, in_channels, *spatial) and returns logits (B, num_classes).

    Layers and names are those of torchvision's VGG-16 without batch norm: `features.0` to
    `features.28`, `classifier.0`, `.3` and `.6`. MONAI has no VGG.

    Args:
        spatial_dims: 2 for images, 3 for volumes.
        in_channels: channels of the input.
        num_classes: logits per case: `Task.num_outputs`, so 1 for a binary task.
        hidden: hidden layers of the classifier: linear - ReLU - dropout each.
        dropout: behind each hidden layer.
        pool_size: voxels per side that the classifier sees: 7 as torchvision; 1 is the mean over
            the map, which volumes want (7 x 7 x 7 x 512 features make 719 million weights of the
            first hidden layer).
        width: channels of the first convolution; 64 in the paper.

    Raises:
        ValueError: spatial_dims other than 2 or 3, or a count below 1. In `forward`: an input below
            32 a side.

    References:
        Simonyan and Zisserman, arXiv:1409.1556, table 1, configuration D.

    Example:
        >>> vgg16(width=4, pool_size=1, hidden=(16,), num_classes=3)(
        ...     torch.zeros(2, 1, 32, 32)
        ... ).shape
        torch.Size([2, 3])
    """
    return VGG(
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        num_classes=num_classes,
        hidden=hidden,
        dropout=dropout,
        pool_size=pool_size,
        width=width,
    )
