"""Per-sample affine maps: the matrices, and the whole batch resampled through them."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F

from medmonai.transforms.functional.members import upload
from medmonai.transforms.functional.trilinear import trilinear

MODES = ("bilinear", "nearest")
PADDING_MODES = ("zeros", "border", "reflection")
# Voxels resampled at a time on a CPU: grid and result then stay in the cache.
_CHUNK_VOXELS = 100_000
# Above this many rows of slices, float32 coordinates of the slice-wise way would be off by more
# than 5e-4 voxel.
_MAX_ROWS = 4096


def rotation(angles: np.ndarray, spatial_dims: int) -> np.ndarray:
    """Rotation matrices (B, d, d) from radians (B, 1 to 3); in 3D about x, then the turned y, then
    z: Rx Ry Rz.

    In 2D only the first angle counts, from the first spatial axis to the second. Missing angles are
    0 (as in MONAI).
    """
    planes = ((0, 1),) if spatial_dims == 2 else ((1, 2), (2, 0), (0, 1))
    result = None
    cosines = np.cos(angles)
    sines = np.sin(angles)
    for cos, sin, (i, j) in zip(cosines.T, sines.T, planes):
        turn = np.zeros((len(angles), spatial_dims, spatial_dims))
        turn[:, i, i] = turn[:, j, j] = cos
        turn[:, j, i] = sin
        np.negative(sin, out=turn[:, i, j])
        if spatial_dims == 3:
            turn[:, 3 - i - j, 3 - i - j] = 1
        result = turn if result is None else result @ turn
    assert result is not None  # there is at least one angle
    return result


def shearing(coefficients: np.ndarray, spatial_dims: int) -> np.ndarray:
    """Shear matrices (B, d, d) of determinant 1: one elementary shear per off-diagonal place, row
    by row, first first.

    Missing coefficients are 0; MONAI's ``create_shear`` has the same order.
    """
    places = [(i, j) for i in range(spatial_dims) for j in range(spatial_dims) if i != j]
    result = np.tile(np.eye(spatial_dims), (len(coefficients), 1, 1))
    for column, (i, j) in zip(range(coefficients.shape[1]), places):
        result[:, i] += coefficients[:, column, None] * result[:, j]
    return result


def affine_matrix(
    spatial_dims: int,
    *,
    rotate: np.ndarray | torch.Tensor,
    shear: np.ndarray | torch.Tensor,
    translate: np.ndarray | torch.Tensor,
    scale: np.ndarray | torch.Tensor,
) -> torch.Tensor:
    """Maps of output to input voxels, relative to the center of the image: R H (S p + t), per
    sample.

    Computed with NumPy on the CPU: for so few numbers a call of torch's costs three times as much.

    Args:
        spatial_dims: d, 2 or 3.
        rotate: (B, 0..3) radians.
        shear: (B, 0..d(d-1)) shear coefficients.
        translate: (B, 0..d) voxels.
        scale: (B, 0..d) factors; 1 keeps the size, 2 halves it (output to input, as in MONAI).

    Returns:
        (B, d, d + 1) float64: the linear part and the shift. Surplus parameters are ignored,
        missing ones are neutral.
    """
    angles, coefficients, shifts, factors = (
        np.asarray(part) for part in (rotate, shear, translate, scale)
    )
    matrix = np.zeros((len(angles), spatial_dims, spatial_dims + 1))
    linear = matrix[:, :, :-1]
    offset = matrix[:, :, -1]
    linear[:] = rotation(angles, spatial_dims) if angles.shape[1] else np.eye(spatial_dims)
    if coefficients.shape[1]:
        linear[:] = linear @ shearing(coefficients, spatial_dims)
    given = min(shifts.shape[1], spatial_dims)
    if given:
        np.sum(linear[:, :, :given] * shifts[:, None, :given], axis=2, out=offset)
    given = min(factors.shape[1], spatial_dims)
    if given:
        linear[:, :, :given] *= factors[:, None, :given]
    return torch.from_numpy(matrix)


@lru_cache(maxsize=64)
def _places(spatial_size: tuple[int, ...]) -> np.ndarray:
    """Homogeneous voxel places, axis after axis: (d + 1, sum of sizes); the shift goes with the
    first axis.
    """
    basis = np.zeros((len(spatial_size) + 1, sum(spatial_size)))
    start = 0
    for j, size in enumerate(spatial_size):
        basis[j, start : start + size] = np.arange(size) - (size - 1) / 2
        start += size
    basis[-1, : spatial_size[0]] = 1
    return basis


def axis_terms(matrix: np.ndarray, spatial_size: tuple[int, ...]) -> torch.Tensor:
    """Split A p into one term per spatial axis: (B, d, sum of sizes) float32, to be split by
    ``spatial_size``.

    The broadcast sum of the d parts is the sampled coordinate, in voxels from the center.
    """
    terms = matrix.reshape(-1, matrix.shape[2]) @ _places(spatial_size)
    return torch.from_numpy(terms.astype(np.float32)).view(*matrix.shape[:2], -1)


@lru_cache(maxsize=64)
def _to_grid(spatial_size: tuple[int, ...]) -> np.ndarray:
    """Factors (d, 1) from voxels to grid_sample's [-1, 1]; 1 for a single voxel, as in MONAI."""
    return np.array([[2 / max(2, length)] for length in spatial_size])


def sampling_grid(terms: torch.Tensor, spatial_size: tuple[int, ...]) -> torch.Tensor:
    """Add the terms up to a grid (B, *spatial, d), last spatial axis first, as ``grid_sample``
    wants it.

    In 2D the pair (x, y) is one complex number, so that one vectorized addition fills the
    interleaved grid.
    """
    if len(spatial_size) == 2:
        pair = torch.complex(terms[:, 1], terms[:, 0])
        height = spatial_size[0]
        return torch.view_as_real(pair[:, :height, None] + pair[:, None, height:])
    slices, rows, columns = terms.flip(1).split(spatial_size, dim=2)
    planes = rows[:, :, :, None] + columns[:, :, None]
    return (slices[:, :, :, None, None] + planes[:, :, None]).movedim(1, -1)


def resample(
    x: torch.Tensor,
    matrix: torch.Tensor,
    *,
    mode: str = "bilinear",
    padding_mode: str = "border",
) -> torch.Tensor:
    """Sample every image at the places its matrix names; float32 arithmetic, the size stays.

    MONAI's ``Affine`` and ``Rotate`` do this for one image, with a dense homogeneous grid. Here A p
    is the broadcast sum of one short term per axis, which is much less work than the multiplication
    at every voxel.

    Args:
        x: (B, C, *spatial), any real dtype.
        matrix: (B, d, d + 1), on the CPU, from output to input voxels, relative to the center (see
            ``affine_matrix``).
        mode: "bilinear" (trilinear in 3D) or "nearest".
        padding_mode: "zeros", "border" or "reflection": what lies outside.

    Returns:
        (B, C, *spatial) float32.

    Example:
        >>> shift = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]])
        >>> resample(torch.arange(3.0).expand(1, 1, 3, 3), shift)[0, 0, 0]
        tensor([1., 2., 2.])
    """
    x, size = x.to(torch.float32), tuple(x.shape[2:])
    cpu = x.device.type == "cpu"
    by_slices = (
        cpu
        and len(size) == 3
        and mode == "bilinear"
        and min(size) > 1
        and size[0] * size[1] <= _MAX_ROWS
    )
    maps = matrix.double().numpy()
    terms = upload(axis_terms(maps if by_slices else maps * _to_grid(size), size), x.device)

    def sample(x: torch.Tensor, terms: torch.Tensor) -> torch.Tensor:
        if by_slices:
            return trilinear(x, terms, padding_mode=padding_mode)
        grid = sampling_grid(terms, size)
        return F.grid_sample(x, grid, mode=mode, padding_mode=padding_mode, align_corners=False)

    chunk = max(1, _CHUNK_VOXELS // math.prod(size)) if cpu else x.shape[0]
    if chunk >= x.shape[0]:
        return sample(x, terms)
    return torch.cat([sample(*parts) for parts in zip(x.split(chunk), terms.split(chunk))])
