"""A DICOM series as a volume: slices in spatial order, refused if they do not fill it evenly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from medmonai.data.containers import (
    PixelKind,
    UnreadableImageError,
    check_limit,
    frames,
    is_beside,
    is_dicom,
    open_dicom,
    unreadable,
)

from .dicom import dicom_kind, pixels
from .dicom_slices import (
    Slice,
    along_normal,
    check_even,
    check_same,
    series_affine,
    slices_of,
)
from .image_format import ImageFormat
from .volumes import Volume

# What else a folder holds, and is left out; used in `DecodedCase.remarks`.
BESIDE = (
    "have other DICOM files beside the slices (a localizer, a report, a secondary capture), which "
    "were left out"
)


def dicom_files(path: Path) -> list[Path]:
    """Return the DICOM files directly inside a folder, sorted by name, or the given file."""
    return (
        sorted(p for p in path.iterdir() if p.is_file() and is_dicom(p))
        if path.is_dir()
        else [path]
    )


def image_files_of(path: Path) -> list[Path]:
    """Return the same without the files that say that they are not slices, where others are left;
    see `medmonai.data.containers.is_beside`.
    """
    files = dicom_files(path)
    kept = [file for file in files if not is_beside(file)] if len(files) > 1 else files
    return kept or files


def first_image(path: Path) -> Path:
    """Return the first of them, in the order of the names; the path itself for an empty folder."""
    files = dicom_files(path)
    if len(files) == 1:
        return files[0]
    return next((file for file in files if not is_beside(file)), min(files, default=path))


def read_dicom_volume(path: Path) -> Volume:
    """Return a DICOM series as a Volume with axes (column, row, slice); see
    `medmonai.data.formats.dicom.pixels` for its values.

    The slices are sorted by ImagePositionPatient along their normal; file names and instance
    numbers do not matter. A series is refused if no regular grid would be correct. This is the case
    if files differ in size, spacing, orientation or series; if two slices are at the same place; if
    a slice is missing or displaced by more than a fifth of the slice distance; or if the gantry is
    tilted. Localizers, reports and other files that say that they are not slices are left out
    where the rest is a volume, with BESIDE among the remarks.

    MONAI's `PydicomReader` stacks by InstanceNumber, measures only along z and does not check for
    gaps; if two slices differ, it warns and continues.

    Args:
        path: a folder of single-slice files, or one multi-frame file (enhanced CT or MR).

    Raises:
        ImportError: pydicom or a decoder is not installed.
        UnreadableImageError: a refused series, see above; the message names the files.
    """
    files = dicom_files(path)
    try:
        return _volume(path, files)
    except UnreadableImageError:
        kept = image_files_of(path)  # every header again, so only where the files do not fit
        if len(kept) == len(files):
            raise
        return replace(_volume(path, kept), remarks=(BESIDE,))


def _volume(path: Path, files: Sequence[Path]) -> Volume:
    slices = [part for file in files for part in slices_of(file)]
    if len(slices) < 2:
        raise unreadable(path, f"it holds {len(slices)} slices and a volume needs two or more")
    for part in slices[1:]:
        check_same(path, slices[0], part)
    rows, columns = slices[0].shape
    check_limit(path, (len(slices), rows, columns), slices[0].item_bytes)
    order = along_normal(slices)
    check_even(path, [slices[i] for i in order])
    values = _stacked([slices[i] for i in order])
    return Volume(values, affine=series_affine([slices[i] for i in order]))


def read_dicom_picture(path: Path) -> np.ndarray:
    """Return a DICOM file with one picture (an X-ray) as (C, rows, columns), C = 1 or 3.

    Args:
        path: the file, or a folder with one file.

    Raises:
        ImportError, UnreadableImageError: see `read_dicom_volume`; also several files or frames.
    """
    files = image_files_of(path)
    if len(files) != 1:
        raise unreadable(
            path,
            f"it holds {len(files)} DICOM files and a 2D image is one; where each is an image, "
            "list them with dicom_folders='files'; for a series give a spatial_size of three axes",
        )
    dataset = open_dicom(files[0])
    if frames(dataset) > 1:
        raise unreadable(
            files[0],
            f"it holds {frames(dataset)} frames and a 2D image is one; give a spatial_size of "
            "three axes for a series",
        )
    picture = pixels(dataset, files[0])[0]
    return np.moveaxis(picture, -1, 0) if picture.ndim == 3 else picture[None]


def _stacked(slices: Sequence[Slice]) -> np.ndarray:
    """Return (1, columns, rows, slices), each file decoded once."""
    rows, columns = slices[0].shape
    out = None
    held = {}
    dtype = None
    for k, part in enumerate(slices):
        if part.file not in held:
            plane = pixels(open_dicom(part.file), part.file)
            if (
                plane.ndim != 3
                or plane.shape[1:] != (rows, columns)
                or dtype not in (None, plane.dtype)
            ):
                raise unreadable(
                    part.file,
                    f"its pixels are {plane.dtype} {plane.shape}; a series has one kind of gray "
                    "pixels",
                )
            held = {part.file: plane}
            dtype = plane.dtype
        out = np.empty((1, len(slices), rows, columns), dtype) if out is None else out
        out[0, k] = held[part.file][part.frame]
    assert out is not None  # a series consists of slices
    return np.transpose(out, (0, 3, 2, 1))


class Dicom(ImageFormat):
    """DICOM: a file, or the folder of a series; files of any name are recognized by their magic
    bytes.
    """

    name = title = "DICOM"
    suffixes = (".dcm",)

    def marks(self, path: Path) -> bool:
        """Return whether a file, or any file in a folder, contains DICOM's magic bytes."""
        return any(
            file.is_file() and is_dicom(file)
            for file in (path.iterdir() if path.is_dir() else [path])
        )

    def header(self, path: Path) -> tuple[tuple[int, ...], PixelKind]:
        """Return size and pixel kind, see `ImageFormat.header`."""
        slices = dicom_files(path)
        first = open_dicom(first_image(path), pixels=False)
        depth = frames(first) if len(slices) == 1 else len(slices)
        return (int(first.Rows), int(first.Columns), *([depth] if depth > 1 else [])), dicom_kind(
            first
        )

    def volume(self, path: Path) -> Volume:
        """Return the file as a volume, see `ImageFormat.volume`."""
        return read_dicom_volume(path)

    def picture(self, path: Path) -> np.ndarray:
        """Return the file as a 2D image, see `ImageFormat.picture`."""
        return read_dicom_picture(path)
