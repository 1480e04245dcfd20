"""NIfTI volumes: one stated rule for everything that such a file may contain."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medmonai.data.containers import (
    PixelKind,
    check_end,
    of_channels,
    opened_nifti,
    unreadable,
    voxels_end,
)
from medmonai.data.image_place import check_affine

from .image_format import ImageFormat
from .volumes import NEGATIVE_SPACING, NO_SPACING, Volume

if TYPE_CHECKING:
    from nibabel import Nifti1Image

# What a header leaves open and nibabel fills in; used in `DecodedCase.remarks`.
NO_ORIENTATION = (
    "state no orientation (qform_code and sform_code are 0): nibabel's LAS is assumed, so left and "
    "right may be exchanged"
)
TWO_ORIENTATIONS = (
    "state two orientations (qform and sform disagree): the sform's is taken, as nibabel does"
)

_MILLIMETRES = {"meter": 1000.0, "micron": 0.001}
_RGB_INTENTS = (2003, 2004)  # NIFTI_INTENT_RGB_VECTOR, NIFTI_INTENT_RGBA_VECTOR


def read_nifti(path: Path) -> Volume:
    """Return a NIfTI file as a Volume: uint8 if the file holds unscaled uint8, else int16 or
    float32.

    ====================================== =========================================================
    what a file holds                      what becomes of it
    ====================================== =========================================================
    further axes of length 1               dropped
    RGB24, RGBA32                          colors; alpha is dropped
    3 or 4 values per voxel in last axis   colors, if they are uint8 or the intent is RGB or RGBA
                                           vector
    several volumes (modalities, time)     channels, in their order
    complex, float128, one bit per voxel   refused
    scl_slope, scl_inter                   applied; a slope of 0 or NaN means no scaling
    cal_min, cal_max                       not applied: they are for display
    wrong checksum or length, extra bytes  refused, gzip or not; up to 64 KiB of zeros may follow
                                           the voxels
    no qform and no sform                  nibabel's LAS, NO_ORIENTATION among the remarks
    qform and sform that disagree          the sform, TWO_ORIENTATIONS among the remarks
    voxels of 0 mm                         1 mm, NO_SPACING among the remarks; an sform that states
                                           the grid takes precedence
    voxels of less than 0 mm               the absolute value, NEGATIVE_SPACING among the remarks;
                                           an sform takes precedence
    units of meters or micrometers         converted to millimeters
    ====================================== =========================================================

    Raises:
        OSError: the disk or the permissions, not the file's content.
        UnreadableImageError: a damaged file (including a wrong gzip checksum or length),
            unsupported axes, more bytes than `medmonai.data.containers.image_limit` allows, or a
            singular affine.
    """
    from nibabel.arrayproxy import ArrayProxy

    with opened_nifti(path) as (stored, stream):
        _check_kind(path, stored)
        dtype = np.dtype(stored.get_data_dtype())
        assert isinstance(stored.dataobj, ArrayProxy)  # its voxels are on the disk
        unscaled = (stored.dataobj.slope, stored.dataobj.inter) == (1, 0)
        native = dtype.newbyteorder("=")
        kept = (
            native if dtype.names or (unscaled and dtype.name in ("uint8", "int16")) else np.float32
        )
        remarks = _assumed(stored, stream)
        with np.errstate(over="ignore"):  # infinite values are refused by name
            values: np.ndarray = np.asarray(stored.dataobj, dtype=kept)
        check_end(path, stream, voxels_end(path, stored))
        if dtype.names:
            values = np.stack([values[colour] for colour in "RGB"], axis=-1)
        affine = _placed(path, stored)
        return Volume(
            _channels_first(values), affine=affine, remarks=remarks, colour=_in_colour(stored)
        )


def nifti_header(path: Path) -> tuple[tuple[int, ...], PixelKind]:
    """Return the voxels along the first three axes of a NIfTI file and its pixel kind, without
    reading a voxel.

    The checksum of a .nii.gz comes after its voxels, so only `read_nifti` verifies it.

    Raises:
        OSError, UnreadableImageError: see `read_nifti`.
    """
    with opened_nifti(path) as (stored, _):
        _check_kind(path, stored)
        dtype = np.dtype(stored.get_data_dtype())
        kind = PixelKind(
            f"NIfTI {''.join(dtype.names or [dtype.name])}",
            colour=_in_colour(stored),
            bits=8 * dtype.itemsize // len(dtype.names or "1"),
        )
        shape = _without_ones(stored.shape)
        if len(shape) == 4 and not kind.colour:
            kind = of_channels(kind, shape[3])
        return tuple(int(n) for n in stored.shape[:3]), kind


def _check_kind(path: Path, stored: Nifti1Image) -> None:
    """Raise if the header describes a kind of file that is not supported."""
    dtype = np.dtype(stored.get_data_dtype())
    shape = _without_ones(stored.shape)
    if dtype.kind not in "iuf" and not dtype.names:
        raise unreadable(path, f"its voxels are {dtype}; whole numbers, floats and RGB are read")
    if len(shape) == 3 or (len(shape) == 4 and not dtype.names):
        return
    raise unreadable(
        path,
        f"it has shape {stored.shape}; three axes are read, and a fourth one of channels where the "
        "voxels are single numbers",
    )


def _in_colour(stored: Nifti1Image) -> bool:
    """Return whether the values of a voxel, if there are several, are colors."""
    dtype = np.dtype(stored.get_data_dtype())
    shape = _without_ones(stored.shape)
    stated = dtype == np.uint8 or int(stored.header["intent_code"]) in _RGB_INTENTS
    return bool(dtype.names) or (len(shape) == 4 and shape[3] in (3, 4) and stated)


def _without_ones(shape: tuple[int, ...], *, fifth: bool = True) -> tuple[int, ...]:
    """Return the first three axes and any further nonempty ones; the fifth replaces an empty
    fourth.

    NIfTI's fourth axis is for time, its fifth for vectors.
    """
    shape = (*shape, *[1] * (3 - len(shape)))
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return (*shape[:3], shape[4]) if fifth and len(shape) == 5 and shape[3] == 1 else shape


def _assumed(stored: Nifti1Image, stream: io.BufferedIOBase) -> tuple[str, ...]:
    """Return what the header on disk does not state; nibabel repairs the header that it returns."""
    kind = type(stored.header)
    stream.seek(0)
    # nibabel annotates each field as a structured array
    header: Any = kind(stream.read(kind.sizeof_hdr), check=False)
    if header["sform_code"] > 0:
        # else the qform states no grid
        both = header["qform_code"] > 0 and (header["pixdim"][1:4] > 0).all()
        return (
            (TWO_ORIENTATIONS,)
            if both and _axes(header.get_qform()) != _axes(header.get_sform())
            else ()
        )
    sizes = header["pixdim"][1:4][np.array(_without_ones(stored.shape)[:3]) > 1]
    assumed = {
        NO_ORIENTATION: header["qform_code"] <= 0,
        NO_SPACING: bool((sizes == 0).any()),
        NEGATIVE_SPACING: bool((sizes < 0).any()),
    }
    return tuple(remark for remark, holds in assumed.items() if holds)


def _placed(path: Path, stored: Nifti1Image) -> np.ndarray:
    """Return the affine in millimeters."""
    assert stored.affine is not None  # of a file
    affine = np.diag([*[_unit(stored)] * 3, 1.0]) @ stored.affine
    try:
        affine = check_affine(affine)
    except ValueError:
        affine = np.zeros((4, 4))
    if None in _axes(affine):
        rows = [[float(f"{n:.4g}") for n in row] for row in stored.affine[:3].tolist()]
        raise unreadable(
            path, f"its header gives the voxels no size or direction in space (affine {rows})"
        )
    return affine


def _axes(affine: np.ndarray) -> tuple[str | None, ...]:
    from nibabel.orientations import aff2axcodes

    try:
        return aff2axcodes(affine)
    except (ValueError, np.linalg.LinAlgError):
        # numbers too large or too small for a decomposition
        return (None,) * 3


def _unit(stored: Nifti1Image) -> float:
    """Return the header's unit of space in millimeters; NIfTI's default is the millimeter."""
    return _MILLIMETRES.get(str(stored.header.get_xyzt_units()[0]), 1.0)


def _channels_first(values: np.ndarray) -> np.ndarray:
    """Return values, whose axes `_check_kind` has accepted, as (C, A, B, D)."""
    values = values.reshape(_without_ones(values.shape))
    return values[None] if values.ndim == 3 else np.moveaxis(values, -1, 0)


class Nifti(ImageFormat):
    """NIfTI-1 and NIfTI-2 in one file, gzipped or not."""

    name = title = "NIfTI"
    suffixes = (".nii", ".nii.gz")

    def header(self, path: Path) -> tuple[tuple[int, ...], PixelKind]:
        """Return size and pixel kind, see `ImageFormat.header`."""
        return nifti_header(path)

    def volume(self, path: Path) -> Volume:
        """Return the file as a volume, see `ImageFormat.volume`."""
        return read_nifti(path)
