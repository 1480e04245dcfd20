"""Colour of RGB images: brightness, contrast, saturation and hue, one factor per sample."""

from __future__ import annotations

import torch

from medmonai.transforms.functional.members import per_sample

# Luma weights of ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)


def _grey(x: torch.Tensor) -> torch.Tensor:
    red, green, blue = x.unbind(1)
    return (_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue)[:, None]


def adjust_brightness(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Multiply ``x`` (B, 3, *spatial) in [0, 1] by ``factor`` (B,) and clip to [0, 1]."""
    return (x * per_sample(factor, x)).clamp_(0, 1)


def adjust_contrast(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Blend with the mean gray of the image: factor * x + (1 - factor) * mean(gray), clipped to [0,
    1].
    """
    mean = _grey(x).mean(dim=tuple(range(1, x.ndim)), keepdim=True)
    return torch.lerp(mean, x, per_sample(factor, x)).clamp_(0, 1)


def adjust_saturation(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Blend with the gray image: factor * x + (1 - factor) * gray, clipped to [0, 1]."""
    return torch.lerp(_grey(x), x, per_sample(factor, x)).clamp_(0, 1)


def adjust_hue(x: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Turn the hue by ``shift`` (B,) in turns (0.5: the complement), value and saturation of HSV
    kept.

    With the hue h in sixths of a turn, a channel is v - chroma * clip(min(k, 4 - k), 0, 1), k =
    (n + h) mod 6 and n = 5, 3, 1 for red, green, blue: HSV to RGB without its six cases.
    """
    red, green, blue = x.unbind(1)
    value = x.amax(1)
    low = x.amin(1)
    chroma = value - low
    safe = torch.where(chroma == 0, 1.0, chroma)
    hue = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = hue + 6 * per_sample(shift, red)
    channels = []
    for n in (5, 3, 1):
        k = (hue + n).remainder_(6)
        channels.append(value - chroma * torch.minimum(k, 4 - k).clamp_(0, 1))
    return torch.stack(channels, dim=1)


def color_jitter(
    x: torch.Tensor,
    *,
    brightness: torch.Tensor | None = None,
    contrast: torch.Tensor | None = None,
    saturation: torch.Tensor | None = None,
    hue: torch.Tensor | None = None,
) -> torch.Tensor:
    """Apply those of the four that are given, in this order, to ``x`` (B, 3, *spatial) float32 in
    [0, 1].
    """
    steps = (
        (adjust_brightness, brightness),
        (adjust_contrast, contrast),
        (adjust_saturation, saturation),
        (adjust_hue, hue),
    )
    for step, factor in steps:
        if factor is not None:
            x = step(x, factor)
    return x
