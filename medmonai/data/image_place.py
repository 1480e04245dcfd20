"""Where the grid that a network sees lies in the space of the image it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from .grids import resample_to_grid


@dataclass(frozen=True, eq=False)
class ImagePlace:
    """The grid that a network sees of a volume, and the grid of the image on disk; nothing else
    from the image's header.

    Both affines map voxel indices to millimeters in nibabel's world: x to the right, y to the
    front, z upward. Voxel `v` of the network's grid is therefore voxel
    `inv(original_affine) @ affine @ v` of the image. A MONAI MetaTensor carries the same together
    with the list of applied transforms; arrays of a Cohort carry only this.

    Args:
        affine: (4, 4) of the grid that the network sees.
        original_affine: (4, 4) of the image on disk.
        original_shape: voxels of the image on disk along its own axes.

    Raises:
        ValueError: an affine that is not a finite, invertible 4 x 4 matrix, or a shape without
            three axes.

    Example:
        >>> ImagePlace(
        ...     np.diag([2.0, 2, 2, 1]), original_affine=np.eye(4), original_shape=(8, 8, 8)
        ... ).original_voxel((1, 2, 3))
        array([2., 4., 6.])
    """

    affine: np.ndarray
    _: KW_ONLY
    original_affine: np.ndarray
    original_shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        keep = object.__setattr__  # the way a frozen dataclass sets its own fields
        for name in ("affine", "original_affine"):
            keep(self, name, check_affine(getattr(self, name), name))
        keep(self, "original_shape", tuple(int(n) for n in self.original_shape))
        if len(self.original_shape) != 3 or min(self.original_shape) < 1:
            raise ValueError(
                f"original_shape={self.original_shape}; three axes of at least one voxel are "
                "needed."
            )

    @property
    def to_original(self) -> np.ndarray:
        """(4, 4) from voxel indices of the network's grid to those of the image on disk."""
        return np.linalg.solve(self.original_affine, self.affine)

    @property
    def original_spacing(self) -> tuple[float, ...]:
        """Millimeters between voxels of the image on disk, along the axes of the network's grid."""
        axes = np.abs(self.to_original[:3, :3]).argmax(axis=0)
        return tuple(np.linalg.norm(self.original_affine[:3, :3], axis=0)[axes].tolist())

    def original_voxel(self, voxel: tuple[float, ...]) -> np.ndarray:
        """Return voxel indices of the network's grid as fractional voxel indices of the image on
        disk.
        """
        return (self.to_original @ [*voxel, 1.0])[:3]

    def in_image_space(self, values: np.ndarray) -> np.ndarray:
        """Return values (C, *spatial) on the network's grid as (C, *original_shape) on the image's
        own; 0 outside the grid.

        Linear interpolation, see `medmonai.data.grids.resample_to_grid`. MONAI inverts a MetaTensor
        transform by transform, which interpolates each time and requires keeping every transform of
        the case.
        """
        return resample_to_grid(
            np.asarray(values), np.linalg.inv(self.to_original), self.original_shape
        )

    def share_inside(self, spatial_size: Sequence[int]) -> float:
        """Return the fraction of the image on disk that lies inside a grid of that many voxels."""
        corners = np.array([[-0.5] * 3, np.array(spatial_size) - 0.5])
        ends = np.sort(corners @ self.to_original[:3, :3].T + self.to_original[:3, 3], axis=0)
        kept = np.clip(
            np.minimum(ends[1], np.array(self.original_shape) - 0.5) - np.maximum(ends[0], -0.5),
            0,
            None,
        )
        return float(np.prod(kept / self.original_shape))

    def inside(self, spatial_size: Sequence[int]) -> tuple[range, ...]:
        """Return the voxels of a grid, along each of its axes, that lie between the first and the
        last voxel of the image on disk; the others were padded.

        They are counted along the lines through the center of the grid. An axis on which no voxel
        lies inside is returned whole.

        Args:
            spatial_size: voxels of the grid.
        """
        matrix = self.to_original
        center = matrix @ [*((np.array(spatial_size) - 1) / 2), 1.0]
        last = np.array(self.original_shape) - 1
        held = []
        for axis, size in enumerate(spatial_size):
            along = int(np.abs(matrix[:3, axis]).argmax())
            steps = np.arange(size) - (size - 1) / 2
            position = center[along] + steps * matrix[along, axis]
            rows = np.flatnonzero((position >= -1e-6) & (position <= last[along] + 1e-6))
            held.append(range(rows[0], rows[-1] + 1) if rows.size else range(size))
        return tuple(held)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-compatible values; `ImagePlace(**fields)` restores the
        place.
        """
        return {
            "affine": self.affine.tolist(),
            "original_affine": self.original_affine.tolist(),
            "original_shape": list(self.original_shape),
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ImagePlace:
        """Return the place that `as_dict` wrote."""
        return cls(**fields)


def check_affine(affine: np.ndarray, name: str = "affine") -> np.ndarray:
    """Return a 4 x 4 affine as float64; raise ValueError if it is not one or is not invertible."""
    matrix = np.asarray(affine, dtype=np.float64)
    if (
        matrix.shape != (4, 4)
        or not np.isfinite(matrix).all()
        or abs(np.linalg.det(matrix)) < 1e-12
    ):
        raise ValueError(
            f"{name}={matrix.tolist()}; a 4 x 4 matrix that can be inverted is needed, such as "
            "numpy.diag([*spacing, 1])."
        )
    return matrix


def check_places(
    places: Sequence[ImagePlace] | None, expected: int
) -> tuple[ImagePlace, ...] | None:
    """Return the places as a tuple, or raise if there is not one for each of `expected` images."""
    if places is None:
        return None
    known = tuple(places)
    if len(known) != expected:
        raise ValueError(
            f"places hold {len(known)} rows and images {expected}; give one per image, or None."
        )
    wrong = next(
        (type(place).__name__ for place in known if not isinstance(place, ImagePlace)), None
    )
    if wrong:
        raise TypeError(f"places hold a {wrong}; ImagePlace is needed for each image.")
    return known
