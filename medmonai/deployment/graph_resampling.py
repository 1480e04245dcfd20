"""The resampling of `medmonai.data` as products with matrices whose sizes may vary, which can stand
in an exported file.

Each axis is resampled by a matrix (new, old) of weights that is computed from the size of the
image. Sums are float64. Of pictures they are sums of whole numbers, exact in any order.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from medmonai.data.grids import TINY
from medmonai.data.image_form import Aspect

PILLOW_UNIT = 2.0**22  # Pillow's weights of 8-bit pictures are multiples of 1 / 2^22
_TORCH_UNITS = 22  # torch's are multiples of at least 1 / 2^22, and below 2^15
_WHITE = 255.0


def positions(count: int) -> torch.Tensor:
    """Return 0, 1, ..., count - 1 as float64."""
    return torch.arange(count, dtype=torch.float64)


def picture_weights(
    height: int, width: int, spatial_size: tuple[int, int], aspect: Aspect
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights (new, old) of the rows and of the columns of a picture, as
    `medmonai.data.formats.picture_fit.fit_picture` resizes it.

    Args:
        height: of the picture; may vary in an exported file.
        width: likewise.
        spatial_size: (H, W) of the result.
        aspect: see `ImageForm`.
    """
    rows = positions(height)
    columns = positions(width)
    wanted = [torch.tensor(float(n), dtype=torch.float64) for n in spatial_size]
    held = [rows.max() + 1, columns.max() + 1]
    ratios = [size / new for size, new in zip(held, wanted)]
    part = held
    inner = wanted
    if aspect == "crop":
        scale = torch.minimum(*ratios)
        part = [
            torch.minimum(size, torch.round(scale * new)).clamp(min=1)
            for size, new in zip(held, wanted)
        ]
    if aspect == "pad":
        scale = torch.maximum(*ratios)
        inner = [
            torch.minimum(new, torch.round(size / scale)).clamp(min=1)
            for size, new in zip(held, wanted)
        ]
    made = [
        _pillow_weights(
            old - torch.floor((size - kept) / 2),
            positions(new)[:, None] - torch.floor((whole - some) / 2),
            kept,
            some,
        )
        for old, size, kept, new, whole, some in zip(
            (rows, columns), held, part, spatial_size, wanted, inner
        )
    ]
    return made[0], made[1]


def _pillow_weights(
    old: torch.Tensor, new: torch.Tensor, length: torch.Tensor, count: torch.Tensor
) -> torch.Tensor:
    """Return Pillow's bilinear weights (new, old) from `length` pixels to `count` ones.

    Args:
        old: (old,) numbers of the pixels; those outside 0 to length - 1 have no weight.
        new: (new, 1) numbers of the new ones; those outside 0 to count - 1 have no weights.
        length: a float64 number.
        count: likewise.
    """
    scale = length / count
    reach = scale.clamp(min=1)
    centers = (new + 0.5) * scale
    first = torch.trunc(centers - reach + 0.5).clamp(min=0)
    last = torch.minimum(torch.trunc(centers + reach + 0.5), length)
    weights = (1 - ((old - centers + 0.5) * (1 / reach)).abs()).clamp(min=0)
    there = (old >= first) & (old < last) & (new >= 0) & (new < count)
    weights = torch.where(there, weights, 0.0)
    sums = weights.sum(dim=1, keepdim=True)
    return weights / torch.where(sums > 0, sums, 1.0)


def torch_unit(weights: torch.Tensor) -> torch.Tensor:
    """Return 2^k, of whose inverse torch's weights of 8-bit images are multiples: they are stored
    in 16 bits.
    """
    units = 2.0 ** torch.arange(1, _TORCH_UNITS + 1, dtype=torch.float64)
    fits = torch.floor(0.5 + weights.max() * units) < 2**15
    return torch.where(fits, units, 1.0).max()


def resize_8_bits(
    x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, units: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Return whole numbers 0 to 255 (..., H, W) resized with whole numbers only.

    Args:
        x: float64.
        rows: weights (new H, H).
        columns: weights (new W, W).
        units: of the weights of rows and columns.
    """
    for weights, unit, by_columns in ((columns, units[1], True), (rows, units[0], False)):
        whole = torch.floor(0.5 + weights * unit)
        sums = x @ whole.T if by_columns else whole @ x
        x = torch.floor((sums + unit / 2) / unit).clamp(0, _WHITE)
    return x


def resize_float32(x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return gray levels (..., H, W) resized as Pillow's mode "F" does, and rounded to whole ones.

    Args:
        x: float32.
        rows: weights (new H, H).
        columns: weights (new W, W).
    """
    across = (x.double() @ columns.T).float()
    return torch.round((rows @ across.double()).float().double()).clamp(0, _WHITE)


def volume_weights(length: int, count: int, spacing: tuple[torch.Tensor, float] | None):
    """Return the weights (new, old) along an axis of a volume, as `medmonai.data.grids` computes
    them: (count, length), or (B, count, length) with a spacing.

    Args:
        length: voxels; may vary in an exported file.
        count: new voxels.
        spacing: (B,) millimeters between the voxels of each volume, and those between new ones;
            None stretches the volume.
    """
    old = positions(length)
    new = positions(count)[:, None]
    held = old.max() + 1
    if spacing is None:
        step = held / count
    else:
        step = (spacing[1] / spacing[0])[:, None, None]
    step = torch.where((step - 1).abs() < TINY, 1.0, step)
    if spacing is None:
        start = (step - 1) / 2
    else:
        half = torch.floor(held / 2) - count // 2
        more = -torch.floor((count - held) / 2)
        moved = torch.where(held > count, half, more)
        start = torch.where(step == 1, moved, ((held - 1) - step * (count - 1)) / 2)
    whole = torch.round(start)
    exact = (step == 1) & ((start - whole).abs() < TINY * held.clamp(min=count))
    centers = torch.where(exact, whole + new, start + step * new)
    weights = (1 - (old - centers).abs() / step.clamp(min=1)).clamp(min=0)
    inside = (centers >= -0.5 - TINY) & (centers <= held - 0.5 + TINY)
    weights = torch.where(inside, weights, 0.0)
    sums = weights.sum(dim=-1, keepdim=True)
    return weights / torch.where(sums > 0, sums, 1.0)


def resample_volume(x: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
    """Return gray levels (B, C, *spatial) resampled and rounded to whole ones.

    Args:
        x: float64.
        weights: (new, old) of each axis, or (B, new, old).
    """
    for axis, matrix in reversed(list(enumerate(weights, start=2))):
        turned = matrix.mT if matrix.ndim == 2 else matrix.mT[:, None, None]
        x = (x.transpose(axis, -1) @ turned).transpose(axis, -1)
    return torch.round(x.float().double()).clamp(0, _WHITE)
