"""Volumes as a network takes them: turned, resampled and cut to a stated grid, with the place of that grid in space."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import numpy as np

from .grids import resample, to_form_grid
from .image_form import ImageForm
from .image_place import ImagePlace, check_affine
from .unreadable import UnreadableImageError, unreadable

# Voxels of the largest volume that is read, as for DICOM.
MAX_VOXELS = 1 << 30

_MILLIMETRES = {"meter": 1000.0, "micron": 0.001}


@dataclass(frozen=True, eq=False)
class Volume:
    """Grey values of a volume on the grid of its file, and where that grid lies.

    Args:
        values: (C, A, B, D) on the file's own axes.
        affine: (4, 4) from voxel numbers to millimetres, x to the right, y to the front, z upwards (nibabel's world).
    """

    values: np.ndarray
    _: KW_ONLY
    affine: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along the file's axes."""
        return self.values.shape[1:]

    def turned(self, orientation: str = "RAS") -> np.ndarray:
        """Return the values (C, *spatial) with axes that run in the directions asked for; nothing is interpolated."""
        size = self.turned_shape(orientation)
        return resample(self.values, to_form_grid(self.affine, self.shape, size=size, orientation=orientation), size)

    def turned_shape(self, orientation: str = "RAS") -> tuple[int, ...]:
        """Return the voxels along each axis after `turned`."""
        matrix = to_form_grid(self.affine, self.shape, size=(1, 1, 1), orientation=orientation)
        return tuple(self.shape[axis] for axis in np.abs(matrix[:3, :3]).argmax(axis=0))


def fit_volume(volume: Volume, form: ImageForm) -> tuple[np.ndarray, ImagePlace]:
    """Return a volume with values of 0 to 255 as uint8 (C, *spatial_size), and its place.

    Turned to the nearest `form.orientation`; then, with a `spacing`, resampled to it and cropped or padded (with 0, the low
    end of the grey values) around the centre; without one, each axis stretched. One interpolation in all, see
    `medmonai.data.grids.resample`; none where the voxels already fit.

    Args:
        volume: after its grey values and channels were made what the form says.
        form: the size, orientation and spacing.
    """
    matrix = to_form_grid(volume.affine, volume.shape, size=form.spatial_size, orientation=form.orientation,
                          spacing=form.spacing)
    values = resample(volume.values, matrix, form.spatial_size)
    if values.dtype != np.uint8:
        values = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return values, ImagePlace(volume.affine @ matrix, original_affine=volume.affine, original_shape=volume.shape)


def read_nifti(path: Path) -> Volume:
    """Return a NIfTI file as a Volume; uint8 where the file holds unscaled uint8, else int16 or float32.

    Further axes of length 1 are dropped; three or four values a voxel in the last axis are colours (alpha is dropped).

    Raises:
        OSError: the disk or the permissions, not the file's content.
        UnreadableImageError: a damaged file, other axes, more than 2^30 voxels, an affine without an inverse.
    """
    import nibabel  # slow to import, and only volumes need it

    try:
        stored = nibabel.load(path)
        if np.prod(stored.shape, dtype=float) > MAX_VOXELS:
            raise unreadable(path, f"it says that it has {' x '.join(map(str, stored.shape))} voxels and at most {MAX_VOXELS} "
                             "are read")
        dtype = stored.get_data_dtype()
        if dtype.kind not in "iuf":
            raise unreadable(path, f"its voxels are {dtype}; whole numbers and floats are read")
        unscaled = (stored.dataobj.slope, stored.dataobj.inter) == (1, 0)
        values = np.asarray(stored.dataobj, dtype=dtype if unscaled and dtype.name in ("uint8", "int16") else np.float32)
        affine = check_affine(np.diag([*[_unit(stored)] * 3, 1.0]) @ stored.affine)
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:  # nibabel, gzip and zlib raise a dozen types for damaged files
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise unreadable(path, "the file is empty" if path.stat().st_size == 0 else error) from error
    return Volume(_channels_first(values, path), affine=affine)


def _unit(stored: object) -> float:
    """Return how many millimetres the header's unit of space has; NIfTI's default is the millimetre."""
    units = getattr(stored.header, "get_xyzt_units", lambda: ("mm",))()
    return _MILLIMETRES.get(units[0], 1.0)


def _channels_first(values: np.ndarray, path: Path) -> np.ndarray:
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    values = values[(...,) + (None,) * max(0, 3 - values.ndim)]
    if values.ndim == 3:
        return values[None]
    if values.ndim == 5 and values.shape[3] == 1:  # NIfTI's fifth axis is for vectors, its fourth for time
        values = values[:, :, :, 0]
    if values.ndim == 4 and values.shape[-1] in (3, 4):
        return np.moveaxis(values, -1, 0)[:3]
    raise unreadable(path, f"it has shape {values.shape}; three axes, and 3 channels last, are read")
