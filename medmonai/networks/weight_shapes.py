"""Weights of one shape made to serve another: channels of the input, and two dimensions to
three.
"""

from __future__ import annotations

import torch


def adapt_channels(weight: torch.Tensor, in_channels: int) -> torch.Tensor:
    """Return the first convolution's weight for another number of input channels.

    w'[:, j] = (1 / n) sum over c of w[:, c], j = 1..n: for one channel the plain sum. So a gray
    image, alone or repeated n times, gives what the old weight gives for it repeated. With as many
    channels as before nothing changes. The sum holds for what the convolution gets: with another
    normalization for each channel of RGB, a gray channel normalized once comes close to it but is
    not the same (load such pictures with three channels where that matters).

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

    k is the kernel's last side. A volume that does not change along its last axis then gives what
    the 2D convolution gives for one slice, except near the two ends of the axis, where zero padding
    is seen.

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
