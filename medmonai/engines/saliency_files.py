"""Saliency maps of volumes as NIfTI files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from medmonai.atomic_files import replacing
from medmonai.data import ImagePlace
from medmonai.data.image_place import check_affine


def write_saliency_nifti(
    saliency: np.ndarray,
    path: str | Path,
    *,
    affine: np.ndarray | None = None,
    place: ImagePlace | None = None,
    overwrite: bool = False,
) -> Path:
    """Write one map of a volume as NIfTI-1, whole or not at all; the same map is the same file.

    With a place the map is brought back into the image's own space: a voxel for each voxel of the
    image on disk (of a DICOM series: column, row, slice), its affine, 0 where the network did not
    look; kept in steps of 1/255, because such a grid is large. Without one it stays on the
    network's grid, as float32.

    Args:
        saliency: (A, B, D) or (1, A, B, D).
        path: ends with .nii or .nii.gz.
        affine: 4 x 4, from voxel to millimeter, of the grid that the network saw (after
            resampling); for a mere spacing `numpy.diag([*spacing, 1])`. Default: identity, units
            unknown.
        place: where the network's grid lies in the space of the image, such as `cohort.places[i]`;
            not with an affine.
        overwrite: replace an existing file.

    Returns:
        The path.

    Raises:
        FileExistsError, FileNotFoundError: see `medmonai.atomic_files.replacing`.
        ValueError: not one volume, values that are not finite, a path or an affine of another form;
            with a place, values outside 0 to 1, or an affine as well.
    """
    import nibabel  # slow to import, and only volumes need it

    path = Path(path)
    volume = _one_volume(saliency)
    with_affine = "alone" if affine is None else "with an affine"
    if place is not None and (affine is not None or volume.min() < 0 or volume.max() > 1):
        raise ValueError(
            f"saliency from {volume.min():g} to {volume.max():g} and a place {with_affine}; values "
            "of 0 to 1 and no affine are needed, the place has its own."
        )
    if not path.name.endswith((".nii", ".nii.gz")):
        raise ValueError(f"path {path.name!r} names no NIfTI file; end it with .nii or .nii.gz.")
    # Identity by default: the map has the image's voxel grid and nothing else is known. MedMNIST's
    # volumes carry neither spacing nor orientation, and an invented spacing would look like a
    # measured one. Viewers overlay by the affine, so a map with the image's own affine lies on it.
    known = affine is not None
    affine = np.eye(4) if affine is None else check_affine(affine)
    if place is not None:
        volume = _in_steps(place.in_image_space(volume[None])[0])
        affine = place.original_affine
        known = True
    image = nibabel.Nifti1Image(volume, affine)
    if place is not None:
        image.header.set_slope_inter(1 / 255, 0)
    image.header["descrip"] = b"saliency in [0, 1]; research use only, not for clinical use"
    image.header.set_xyzt_units("mm" if known else "unknown")
    data = image.to_bytes()
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(gzip.compress(data, mtime=0) if path.name.endswith(".gz") else data)
    return path


def _one_volume(saliency: np.ndarray) -> np.ndarray:
    volume = np.asarray(saliency, dtype=np.float32)
    volume = volume[0] if volume.ndim == 4 and len(volume) == 1 else volume
    if volume.ndim != 3 or not np.isfinite(volume).all():
        raise ValueError(
            f"saliency has shape {np.shape(saliency)}; one finite volume (A, B, D) or (1, A, B, D) "
            "is needed."
        )
    return volume


def _in_steps(volume: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(volume, 0, 1) * 255).astype(np.uint8)
