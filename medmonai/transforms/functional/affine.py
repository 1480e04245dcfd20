"""Per-sample affine maps: the matrices, and the whole batch resampled through them."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from medmonai.transforms.functional.members import upload
from medmonai.transforms.functional.trilinear import trilinear

MODES = ("bilinear", "nearest")
PADDING_MODES = ("zeros", "border", "reflection")
# Voxels resampled at a time on a CPU: grid and result then stay in the cache.
_CHUNK_VOXELS = 100_000
# Above this many rows of slices, float32 coordinates of the slice-wise way would be off by more than 5e-4 voxel.
_MAX_ROWS = 4096


def rotation(angles: torch.Tensor, spatial_dims: int) -> torch.Tensor:
    """Rotation matrices (B, d, d) from radians (B, 1 to 3); in 3D about x, then the turned y, then z: Rx Ry Rz.

    In 2D only the first angle counts, from the first spatial axis to the second. Missing angles are 0 (as in MONAI).
    """
    cos, sin = angles.cos(), angles.sin()
    if spatial_dims == 2:
        c, s = cos[:, 0], sin[:, 0]
        return torch.stack([c, -s, s, c], dim=1).view(-1, 2, 2)
    result = None
    for axis, (i, j) in zip(range(angles.shape[1]), ((1, 2), (2, 0), (0, 1))):
        turn = torch.eye(3, dtype=angles.dtype).repeat(len(angles), 1, 1)
        turn[:, i, i] = turn[:, j, j] = cos[:, axis]
        turn[:, i, j], turn[:, j, i] = -sin[:, axis], sin[:, axis]
        result = turn if result is None else result @ turn
    return result


def shearing(coefficients: torch.Tensor, spatial_dims: int) -> torch.Tensor:
    """Shear matrices (B, d, d) of determinant 1: one elementary shear per off-diagonal place, row by row, first first.

    Missing coefficients are 0; MONAI's ``create_shear`` has the same order.
    """
    places = [(i, j) for i in range(spatial_dims) for j in range(spatial_dims) if i != j]
    result = torch.eye(spatial_dims, dtype=coefficients.dtype).repeat(len(coefficients), 1, 1)
    for column, (i, j) in zip(range(coefficients.shape[1]), places):
        result[:, i] += coefficients[:, column, None] * result[:, j]
    return result


def affine_matrix(
    spatial_dims: int,
    *,
    rotate: torch.Tensor,
    shear: torch.Tensor,
    translate: torch.Tensor,
    scale: torch.Tensor,
) -> torch.Tensor:
    """Maps of output to input voxels, relative to the centre of the image: R H (S p + t), per sample.

    Args:
        spatial_dims: d, 2 or 3.
        rotate: (B, 0..3) radians.
        shear: (B, 0..d(d-1)) shear coefficients.
        translate: (B, 0..d) voxels.
        scale: (B, 0..d) factors; 1 keeps the size, 2 halves it (output to input, as in MONAI).

    Returns:
        (B, d, d + 1): the linear part and the shift. Surplus parameters are ignored, missing ones are neutral.
    """
    size, dtype = len(rotate), rotate.dtype
    linear = None
    if rotate.shape[1]:
        linear = rotation(rotate, spatial_dims)
    if shear.shape[1]:
        sheared = shearing(shear, spatial_dims)
        linear = sheared if linear is None else linear @ sheared
    if linear is None:
        linear = torch.eye(spatial_dims, dtype=dtype).repeat(size, 1, 1)
    offset = torch.zeros(size, spatial_dims, 1, dtype=dtype)
    if translate.shape[1]:
        given = min(translate.shape[1], spatial_dims)
        offset = linear[:, :, :given] @ translate[:, :given, None]
    if scale.shape[1]:
        scale = F.pad(scale[:, :spatial_dims], (0, spatial_dims - min(scale.shape[1], spatial_dims)), value=1.0)
        linear = linear * scale[:, None, :]
    return torch.cat([linear, offset], dim=2)


def axis_terms(matrix: torch.Tensor, spatial_size: torch.Size) -> list[torch.Tensor]:
    """Split A p into one term per spatial axis: (B, d, size_j) tensors whose broadcast sum is the sampled coordinate.

    Coordinates are in voxels from the centre. The shift is in the first term.
    """
    terms = []
    for j, size in enumerate(spatial_size):
        place = torch.arange(size, dtype=matrix.dtype, device=matrix.device) - (size - 1) / 2
        terms.append(matrix[:, :, j, None] * place)
    terms[0] = terms[0] + matrix[:, :, -1:]
    return terms


def sampling_grid(terms: list[torch.Tensor]) -> torch.Tensor:
    """Add the terms up to a grid (B, *spatial, d), last spatial axis first, as ``grid_sample`` wants it.

    In 2D the pair (x, y) is one complex number, so that one vectorised addition fills the interleaved grid.
    """
    if len(terms) == 2:
        rows, columns = (torch.complex(term[:, 1], term[:, 0]) for term in terms)
        return torch.view_as_real(rows[:, :, None] + columns[:, None, :])
    slices, rows, columns = terms
    planes = rows[:, :, :, None] + columns[:, :, None, :]
    full = slices[:, :, :, None, None] + planes[:, :, None]
    return full.flip(1).movedim(1, -1)


def resample(
    x: torch.Tensor,
    matrix: torch.Tensor,
    *,
    mode: str = "bilinear",
    padding_mode: str = "border",
) -> torch.Tensor:
    """Sample every image at the places its matrix names; float32 arithmetic, the size stays.

    MONAI's ``Affine`` and ``Rotate`` do this for one image, with a dense homogeneous grid. Here A p is the broadcast
    sum of one short term per axis, which is much less work than the multiplication at every voxel.

    Args:
        x: (B, C, *spatial), any real dtype.
        matrix: (B, d, d + 1) from output to input voxels, relative to the centre (see ``affine_matrix``).
        mode: "bilinear" (trilinear in 3D) or "nearest".
        padding_mode: "zeros", "border" or "reflection": what lies outside.

    Returns:
        (B, C, *spatial) float32.

    Example:
        >>> shift = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]])
        >>> resample(torch.arange(3.0).expand(1, 1, 3, 3), shift)[0, 0, 0]
        tensor([1., 2., 2.])
    """
    x, size = x.to(torch.float32), x.shape[2:]
    cpu = x.device.type == "cpu"
    by_slices = cpu and len(size) == 3 and mode == "bilinear" and min(size) > 1 and size[0] * size[1] <= _MAX_ROWS
    if not by_slices:
        matrix = matrix * matrix.new_tensor([2 / max(2, length) for length in size])[:, None]
    terms = axis_terms(upload(matrix.to(torch.float32), x.device), size)

    def sample(part: slice) -> torch.Tensor:
        some = [term[part] for term in terms]
        if by_slices:
            return trilinear(x[part], some, padding_mode=padding_mode)
        return F.grid_sample(x[part], sampling_grid(some), mode=mode, padding_mode=padding_mode, align_corners=False)

    chunk = max(1, _CHUNK_VOXELS // size.numel()) if cpu else len(x)
    if chunk >= len(x):
        return sample(slice(None))
    out = torch.empty_like(x)
    for start in range(0, len(x), chunk):
        part = slice(start, start + chunk)
        out[part] = sample(part)
    return out
