"""Intensities: noise, scale, shift, gamma, normalization, all with one parameter per sample;
float32 out.
"""

from __future__ import annotations

import torch

from medmonai.transforms.functional.members import as_float32, on_members, per_sample, upload


def add_noise(
    x: torch.Tensor, index: torch.Tensor, noise: torch.Tensor, *, overwrite: bool = False
) -> torch.Tensor:
    """Add ``noise`` (n, C, *spatial) to the n samples that ``index`` (n,) names."""
    if index.numel() == 0:
        return x.to(torch.float32)
    return as_float32(x, overwrite=overwrite).index_add_(0, upload(index, x.device), noise)


def scale_intensity(
    x: torch.Tensor, factor: torch.Tensor, *, overwrite: bool = False
) -> torch.Tensor:
    """Multiply by 1 + factor; ``factor`` is (B,) or, for each channel, (B, C). 0 is the
    identity.
    """
    return as_float32(x, overwrite=overwrite).mul_(per_sample(1 + factor, x))


def shift_intensity(
    x: torch.Tensor, offset: torch.Tensor, *, overwrite: bool = False
) -> torch.Tensor:
    """Add ``offset``, (B,) or (B, C). 0 is the identity."""
    return as_float32(x, overwrite=overwrite).add_(per_sample(offset, x))


def _moments(
    x: torch.Tensor, dims: tuple[int, ...], correction: int
) -> tuple[torch.Tensor, torch.Tensor]:
    variance, mean = torch.var_mean(x, dim=dims, keepdim=True, correction=correction)
    return mean, variance.sqrt()


def adjust_gamma(
    x: torch.Tensor,
    chosen: torch.Tensor,
    gamma: torch.Tensor,
    *,
    invert_image: bool = False,
    retain_stats: bool = False,
    overwrite: bool = False,
) -> torch.Tensor:
    """Change the contrast: ((x - min) / (range + 1e-7)) ** gamma * range + min, min and range over
    each sample.

    Args:
        x: (B, C, *spatial).
        chosen: (B,) bool, which samples change.
        gamma: (B,) exponents above 0.
        invert_image: work on -x and turn it back.
        retain_stats: give the result the mean and standard deviation that the sample had.
        overwrite: whether ``x`` itself may be written to.
    """
    dims = tuple(range(1, x.ndim))
    index = chosen.nonzero().flatten()

    def change(part: torch.Tensor) -> torch.Tensor:
        part = -part if invert_image else part
        low = part.amin(dims, keepdim=True)
        width = part.amax(dims, keepdim=True) - low
        out = (
            ((part - low) / (width + 1e-7))
            .pow_(per_sample(gamma[index], part))
            .mul_(width)
            .add_(low)
        )
        if retain_stats:
            mean, deviation = _moments(part, dims, correction=1)
            new_mean, new_deviation = _moments(out, dims, correction=1)
            out = (out - new_mean) / (new_deviation + 1e-8) * deviation + mean
        return -out if invert_image else out

    return on_members(
        x.to(torch.float32), index, change, overwrite=overwrite or x.dtype != torch.float32
    )


def rescale(
    x: torch.Tensor,
    *,
    minv: float | None = 0.0,
    maxv: float | None = 1.0,
    factor: float | None = None,
    channel_wise: bool = False,
    overwrite: bool = False,
) -> torch.Tensor:
    """Map each sample's (or channel's) own range to [minv, maxv]; both None: multiply by 1 + factor
    instead.

    A constant image becomes ``minv`` times itself, as in MONAI (itself where ``minv`` is None).
    """
    if minv is None and maxv is None:
        out = as_float32(x, overwrite=overwrite)
        return out.mul_(1 + factor) if factor is not None else out
    x = as_float32(x, overwrite=overwrite)
    dims = tuple(range(2 if channel_wise else 1, x.ndim))
    low = x.amin(dims, keepdim=True)
    high = x.amax(dims, keepdim=True)
    constant = low == high
    value = low * minv if minv is not None else low
    out = x.sub_(low).div_(torch.where(constant, 1.0, high - low))
    if minv is not None and maxv is not None:
        out.mul_(maxv - minv).add_(minv)
    return torch.where(constant, value, out)


def rescale_range(
    x: torch.Tensor,
    *,
    a_min: float,
    a_max: float,
    b_min: float | None = None,
    b_max: float | None = None,
    clip: bool = False,
    overwrite: bool = False,
) -> torch.Tensor:
    """Map [a_min, a_max] to [b_min, b_max] (to [0, 1] where one of them is None), optionally
    clipped to it.
    """
    out = as_float32(x, overwrite=overwrite)
    # Neutral steps are left out: they cost a pass over the batch each.
    if a_min != 0:
        out.sub_(a_min)
    if a_max - a_min != 1:
        out.div_(a_max - a_min)
    if b_min is not None and b_max is not None:
        if b_max - b_min != 1:
            out.mul_(b_max - b_min)
        if b_min != 0:
            out.add_(b_min)
    return out.clamp_(b_min, b_max) if clip else out


def normalize(
    x: torch.Tensor,
    *,
    subtrahend: torch.Tensor | float | None = None,
    divisor: torch.Tensor | float | None = None,
    nonzero: bool = False,
    channel_wise: bool = False,
    overwrite: bool = False,
) -> torch.Tensor:
    """Compute (x - subtrahend) / divisor; where one is None, the sample's (or channel's) mean or
    standard deviation.

    A divisor of 0 counts as 1, so a constant image becomes 0. A standard deviation within rounding
    of 0 (below 1e-6 of the mean's size) counts as 0; dividing by it would blow the rounding up to a
    signal.

    Args:
        x: (B, C, *spatial).
        subtrahend: a number, or anything that broadcasts against (B, C, *spatial).
        divisor: likewise.
        nonzero: leave zeros as they are, and compute mean and standard deviation without them.
        channel_wise: each channel by itself.
        overwrite: whether ``x`` itself may be written to.
    """
    out = as_float32(x, overwrite=overwrite)
    mask = out != 0 if nonzero else None
    if subtrahend is None or divisor is None:
        dims = tuple(range(2 if channel_wise else 1, x.ndim))
        mean, deviation = (
            _moments(out, dims, correction=0) if mask is None else _masked_moments(out, mask, dims)
        )
        subtrahend = mean if subtrahend is None else subtrahend
        if divisor is None:
            divisor = torch.where(deviation <= 1e-6 * mean.abs(), 0.0, deviation)
    divisor = (
        torch.where(divisor == 0, 1.0, divisor)
        if isinstance(divisor, torch.Tensor)
        else divisor or 1.0
    )
    if mask is not None:
        return torch.where(mask, (out - subtrahend) / divisor, out)
    return out.sub_(subtrahend).div_(divisor)


def _masked_moments(
    x: torch.Tensor, mask: torch.Tensor, dims: tuple[int, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    count = mask.sum(dims, keepdim=True).clamp_(min=1)
    mean = x.sum(dims, keepdim=True) / count
    variance = torch.where(mask, x - mean, 0.0).square_().sum(dims, keepdim=True) / count
    return mean, variance.sqrt()
