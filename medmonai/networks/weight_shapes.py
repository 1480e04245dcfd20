"""Adapting the shapes of weights: to other input channels, and from two dimensions to three."""

from __future__ import annotations

import torch


def adapt_channels(weight: torch.Tensor, in_channels: int) -> torch.Tensor:
    """Return the first convolution's weight for another number of input channels.

    w'[:, j] = (1 / n) sum over c of w[:, c], j = 1..n: for one channel this is the plain sum. A
    gray image, alone or repeated n times, then gives the same output as the old weight for the
    repeated image. With an unchanged number of channels, nothing changes. The equality holds for
    the input of the convolution: if each RGB channel is normalized differently, a gray channel
    normalized once gives a similar but not identical result (load such pictures with three channels
    if that matters).

    Args:
        weight: (out_channels, channels, *kernel).
        in_channels: channels of the new input, n.

    Raises:
        ValueError: in_channels below 1.

    Example:
        >>> adapt_channels(torch.ones(4, 3, 7, 7), 2)[0, :, 0, 0]
        tensor([1.5000, 1.5000])
    """
    if in_channels < 1:
        raise ValueError(f"in_channels={in_channels}; at least 1 is needed.")
    if weight.shape[1] == in_channels:
        return weight
    return (weight.sum(dim=1, keepdim=True) / in_channels).repeat(
        1, in_channels, *[1] * (weight.ndim - 2)
    )


def inflate(weight: torch.Tensor) -> torch.Tensor:
    """Return the weight of a 2D convolution for volumes: repeated k times along the last axis,
    divided by k.

    k is the kernel's last side. A volume that is constant along its last axis then gives the same
    output as the 2D convolution for one slice, except near the two ends of the axis, because of
    zero padding.

    Args:
        weight: (out_channels, channels, k, k).

    Raises:
        ValueError: a weight that is not 2D.

    References:
        Carreira and Zisserman, Quo vadis, action recognition?, arXiv:1705.07750, section 2.4.

    Example:
        >>> inflate(torch.ones(8, 4, 3, 3)).shape
        torch.Size([8, 4, 3, 3, 3])
    """
    if weight.ndim != 4:
        raise ValueError(
            f"weight has shape {tuple(weight.shape)}; (out_channels, channels, k, k) is needed."
        )
    side = weight.shape[-1]
    return weight.unsqueeze(-1).repeat(1, 1, 1, 1, side) / side
