"""Trilinear sampling on a CPU as two bilinear ones.

PyTorch's 3D ``grid_sample`` is scalar code on a CPU, its 2D one is vectorized. A volume (D, H, W)
read as an image of D * H rows lets the 2D one interpolate within slice z; a second channel, moved
up by one slice, gives slice z + 1 for the same coordinates. A blend of the two is the trilinear
value, about three times sooner.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F


def trilinear(x: torch.Tensor, terms: torch.Tensor, *, padding_mode: str) -> torch.Tensor:
    """Sample volumes at coordinates given as one term per axis; equals
    ``grid_sample(align_corners=False)``.

    Args:
        x: (B, C, D, H, W) float32, each axis at least 2.
        terms: (B, 3, D + H + W) float32, a part for each axis; their broadcast sum is the place in
            voxels from the center.
        padding_mode: "zeros", "border" or "reflection".

    Returns:
        (B, C, D, H, W) float32, within 1e-4 of the intensity range of ``grid_sample`` for 28 voxels
        per side; the float32 coordinate among D * H rows is what limits it.
    """
    shape = x.shape
    slices, rows, columns = terms.split(tuple(shape[2:]), dim=2)
    if padding_mode == "zeros":
        # Beyond a ring of zeros, border padding is zero padding.
        x = F.pad(x, (1, 1, 1, 1, 1, 1))
    batch, channels, depth, height, width = x.shape
    planes = rows[:, :, :, None] + columns[:, :, None, :]
    place = [slices[:, k, :, None, None] + planes[:, k, None] for k in range(3)]
    for coordinate, length in zip(place, (depth, height, width)):
        _into_image(coordinate, length, padding_mode)
    z, y, column = place
    below = z.floor()
    weight = z.sub_(below)
    row = below.mul_(height).add_(y)
    # Voxel centers to grid_sample's [-1, 1].
    row.mul_(2 / (depth * height)).add_(1 / (depth * height) - 1)
    column.mul_(2 / width).add_(1 / width - 1)
    grid = torch.view_as_real(torch.complex(column, row)).flatten(1, 2)
    above = torch.cat([x[:, :, 1:], x[:, :, -1:]], dim=2)
    both = torch.cat([x, above], dim=1).view(batch, 2 * channels, depth * height, width)
    sampled = F.grid_sample(both, grid, padding_mode="border", align_corners=False)
    low, high = sampled.view(batch, 2, channels, *shape[2:]).unbind(1)
    return torch.lerp(low, high, weight[:, None])


def _into_image(coordinate: torch.Tensor, length: int, padding_mode: str) -> None:
    """Turn places from the center into voxel numbers within [0, length - 1], in place."""
    if padding_mode == "reflection":
        # A triangle wave about the outer faces, -0.5 and length - 0.5.
        coordinate.add_(length / 2).remainder_(2 * length).sub_(length).abs_().neg_().add_(
            length - 0.5
        )
    else:
        coordinate.add_((length - 1) / 2)
    coordinate.clamp_(0, length - 1)
