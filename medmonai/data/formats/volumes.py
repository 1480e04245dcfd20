"""Volumes as a network takes them: reoriented, resampled and cropped to a stated grid, with the
place of that grid in space.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np

from medmonai.data.grids import (
    are_parallel,
    resample_to_grid,
    resample_turned,
    to_form_grid,
)
from medmonai.data.image_form import ImageForm
from medmonai.data.image_place import ImagePlace

# From the world of DICOM and ITK, which runs to the left and to the back, to nibabel's.
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
# What a header leaves open and the reader fills in; used in `DecodedCase.remarks`.
NO_SPACING = "state no voxel size, or 0 mm: 1 mm is assumed"
NEGATIVE_SPACING = "state a negative voxel size: its absolute value is taken"


@dataclass(frozen=True, eq=False)
class Volume:
    """Gray values of a volume on the grid of its file, and where that grid lies.

    Args:
        values: (C, A, B, D) on the file's own axes.
        affine: (4, 4) from voxel indices to millimeters, x to the right, y to the front, z upward
            (nibabel's world).
        remarks: what was assumed because the header does not state it, or states it twice:
            NO_ORIENTATION, NO_DIRECTIONS, NO_SPACING,
            NEGATIVE_SPACING, TWO_ORIENTATIONS.
        colour: whether the channels are red, green, blue and perhaps alpha.
    """

    values: np.ndarray
    _: KW_ONLY
    affine: np.ndarray
    remarks: tuple[str, ...] = ()
    colour: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along the file's axes."""
        return self.values.shape[1:]

    def turned(self, orientation: str = "RAS") -> np.ndarray:
        """Return the values (C, *spatial) with axes in the requested directions, without
        interpolation.
        """
        size = self.turned_shape(orientation)
        return resample_to_grid(
            self.values,
            to_form_grid(self.affine, self.shape, size=size, orientation=orientation),
            size,
        )

    def turned_shape(self, orientation: str = "RAS") -> tuple[int, ...]:
        """Return the voxels along each axis after `turned`."""
        matrix = to_form_grid(self.affine, self.shape, size=(1, 1, 1), orientation=orientation)
        return tuple(self.shape[axis] for axis in np.abs(matrix[:3, :3]).argmax(axis=0))

    def turned_spacing(self, orientation: str = "RAS") -> tuple[float, ...]:
        """Return the millimeters between voxels along each axis after `turned`."""
        grid = to_form_grid(
            self.affine, self.shape, size=self.turned_shape(orientation), orientation=orientation
        )
        return tuple(np.linalg.norm((self.affine @ grid)[:3, :3], axis=0).tolist())


def fit_volume(
    volume: Volume, form: ImageForm, *, grid: ImagePlace | None = None
) -> tuple[np.ndarray, ImagePlace]:
    """Return a volume with values of 0 to 255 as uint8 (C, *spatial_size), and its place.

    The volume is reoriented to the nearest `form.orientation`. With a `spacing`, it is then
    resampled to it and cropped or padded (with 0, the low end of the gray values) around the
    center; without one, each axis is stretched. There is a single interpolation, see
    `medmonai.data.grids.resample_to_grid`, or none if the voxels already fit.

    Args:
        volume: the volume, with gray values and channels already converted to the form.
        form: provides the size, orientation and spacing.
        grid: the place of another volume, onto whose grid this one is resampled instead; it may be
            rotated against it, see `medmonai.data.grids.resample_turned`.
    """
    if grid is not None:
        matrix = np.linalg.solve(volume.affine, grid.affine)
    else:
        matrix = to_form_grid(
            volume.affine,
            volume.shape,
            size=form.spatial_size,
            orientation=form.orientation,
            spacing=form.spacing,
        )
    resample = resample_to_grid if are_parallel(matrix, form.spatial_size) else resample_turned
    values = resample(volume.values, matrix, form.spatial_size)
    if values.dtype != np.uint8:
        values = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return values, ImagePlace(
        volume.affine @ matrix, original_affine=volume.affine, original_shape=volume.shape
    )
