"""One DICOM file: its pixels by stated rules, and only those of its tags that the pixels need."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .pixel_kind import PixelKind
from .unreadable import UnreadableImageError, unreadable

if TYPE_CHECKING:
    from pydicom import Dataset

# Pixels of the largest series or picture that is read: 2000 slices of 512 x 512 are half of it.
MAX_VOXELS = 1 << 30

# All that is ever read of a file: no name, date, place or number of a patient or a study is among them. The series' UID is
# compared and forgotten.
_TAGS = [
    "Modality", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns", "NumberOfFrames",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept", "RescaleType",
    "ModalityLUTSequence", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SeriesInstanceUID",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "BurnedInAnnotation",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData", "SegmentedBluePaletteColorLookupTableData",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths", "PixelData", "FloatPixelData", "DoubleFloatPixelData",
]
# Their values are quantities (HU, activity): MONOCHROME1 says how to show them, and they keep their sign.
_QUANTITIES = ("CT", "PT")
_PREFIX_AT, _PREFIX = 128, b"DICM"


def is_dicom(path: Path) -> bool:
    """Return whether a file is named .dcm or holds DICOM's mark; a DICOMDIR is an index and none.

    Scanners and archives name files as they like, often by a number without a suffix.
    """
    if path.name.upper() == "DICOMDIR" or path.name.startswith("."):
        return False
    if path.name.lower().endswith(".dcm"):
        return True
    try:
        with path.open("rb") as file:
            return file.read(_PREFIX_AT + len(_PREFIX))[_PREFIX_AT:] == _PREFIX
    except OSError:
        return False


def open_dicom(path: Path, *, pixels: bool = True) -> Dataset:
    """Return the tags of a DICOM file that are needed to make an image of it.

    Args:
        path: the file.
        pixels: whether the pixels are read too.

    Raises:
        ImportError: pydicom is not installed.
        UnreadableImageError: no DICOM file, or one without an image.
    """
    try:
        import pydicom
    except ImportError as error:
        raise ImportError(f"{path.name} is a DICOM file and needs pydicom: pip install 'medmonai[dicom]'.") from error
    with _readable(path):
        dataset = pydicom.dcmread(path, stop_before_pixels=not pixels, specific_tags=_TAGS)
        missing = [tag for tag in ("Rows", "Columns") if not dataset.get(tag)]
        if missing or (pixels and not any(tag in dataset for tag in _TAGS[-3:])):
            raise unreadable(path, "it holds no image")
        if frames(dataset) * dataset.Rows * dataset.Columns > MAX_VOXELS:
            raise unreadable(path, f"it says that it has {frames(dataset)} x {dataset.Rows} x {dataset.Columns} pixels and at "
                             f"most {MAX_VOXELS} are read")
    return dataset


def frames(dataset: Dataset) -> int:
    """Return how many pictures a file holds."""
    return int(dataset.get("NumberOfFrames") or 1)


def pixels(dataset: Dataset, path: Path) -> np.ndarray:
    """Return the grey values of a file as (frames, rows, columns), or its colours as (frames, rows, columns, 3).

    - MONOCHROME1 (small is bright, as on film) is turned round within the bits stored, v -> low + high - v, so that bright
      means dense in every picture; not where the values are quantities (Modality CT or PT, RescaleType HU).
    - Modality LUT, or RescaleSlope and RescaleIntercept of the file or of each frame: applied. Values of 8 bits that these
      leave alone stay uint8, all others are float32.
    - The viewer's window (VOI) is not applied: `ImageForm.intensity_range` states one for all images.
    - PALETTE COLOR and YBR become RGB, 8 bits a colour.

    Args:
        dataset: what `open_dicom` returned.
        path: the file, for the messages.

    Raises:
        ImportError: no decoder for the file's compression is installed.
        UnreadableImageError: damaged pixels, or a form of colour that is not read.
    """
    with _readable(path):
        stored = dataset.pixel_array
        photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
        if str(dataset.get("BurnedInAnnotation", "")) == "YES":
            warnings.warn("a DICOM picture says that text is burned into it, perhaps a name: look at such pictures before "
                          "figures with them are shown to anybody.", stacklevel=2)
        if frames(dataset) == 1:
            stored = stored[None]
        if photometric == "PALETTE COLOR" or dataset.SamplesPerPixel == 3:
            return _colours(stored, dataset, path)
        if dataset.SamplesPerPixel != 1 or not photometric.startswith("MONOCHROME"):
            raise unreadable(path, f"it has {dataset.SamplesPerPixel} samples a pixel, {photometric}; grey, palette, RGB and "
                             "YBR are read")
        if photometric == "MONOCHROME1" and not _is_quantity(dataset):
            stored = _turned_round(stored, dataset)
        return _rescaled(stored, dataset)


def dicom_kind(dataset: Dataset) -> PixelKind:
    """Return the kind of pixels that a header states; see `pixels` for what becomes of them."""
    palette = str(dataset.get("PhotometricInterpretation", "")) == "PALETTE COLOR"
    colour = palette or int(dataset.get("SamplesPerPixel") or 1) > 1
    return PixelKind("DICOM in colour" if colour else "DICOM", colour=colour, bits=int(dataset.get("BitsAllocated") or 8))


def of_frame(dataset: Dataset, frame: int, group: str, tag: str) -> object:
    """Return a tag of one frame: from its own functional group, the shared one, or the file itself; None if nowhere."""
    for sequence, item in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        groups = dataset.get(sequence)
        inner = groups[item].get(group) if groups is not None and item < len(groups) else None
        if inner and inner[0].get(tag) is not None:
            return inner[0].get(tag)
    return dataset.get(tag)


def _is_quantity(dataset: Dataset) -> bool:
    return dataset.get("Modality") in _QUANTITIES or dataset.get("RescaleType") == "HU"


def _turned_round(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    if stored.dtype.kind == "f":
        return -stored
    bits, signed = int(dataset.BitsStored), dataset.PixelRepresentation == 1
    ends = -1 if signed else (1 << bits) - 1  # low + high of the range of the bits
    return (ends - stored.astype(np.int64)).astype(stored.dtype)


def _rescaled(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    from pydicom.pixels import apply_modality_lut

    if dataset.get("ModalityLUTSequence"):
        return apply_modality_lut(stored, dataset).astype(np.float32)
    group = "PixelValueTransformationSequence"
    lines = np.array([[_number(of_frame(dataset, i, group, "RescaleSlope"), 1.0),
                       _number(of_frame(dataset, i, group, "RescaleIntercept"), 0.0)] for i in range(len(stored))])
    if (lines == (1, 0)).all():
        return stored if stored.dtype == np.uint8 else stored.astype(np.float32)
    if not np.isfinite(lines).all() or (lines[:, 0] == 0).any():
        raise ValueError(f"RescaleSlope and RescaleIntercept are {lines[0].tolist()}")
    return (stored * lines[:, 0, None, None] + lines[:, 1, None, None]).astype(np.float32)


def _number(value: object, default: float) -> float:
    return default if value is None else float(value)


def _colours(stored: np.ndarray, dataset: Dataset, path: Path) -> np.ndarray:
    from pydicom.pixels import apply_color_lut

    if dataset.SamplesPerPixel == 1:
        stored = apply_color_lut(stored, dataset)[..., :3]
    if stored.dtype == np.uint8:
        return stored
    if stored.dtype != np.uint16:
        raise unreadable(path, f"its colours are {stored.dtype}; 8 or 16 bits are read")
    return (stored >> 8).astype(np.uint8)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn whatever pydicom and its decoders raise for a damaged file into one line that names it."""
    try:
        yield
    except (UnreadableImageError, MemoryError, ImportError):
        raise
    except Exception as error:  # a dozen types; an OSError with a number is the disk's or the permissions'
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if "missing dependencies" in str(error):
            raise ImportError(f"{path.name} is compressed and no decoder is installed for it: {_decoders(error)}.") from error
        raise unreadable(path, "the file is empty" if path.stat().st_size == 0 else error) from error


def _decoders(error: Exception) -> str:
    name = str(error).partition("'")[2].partition("'")[0]
    with_extra = "pip install 'medmonai[dicom]'"
    return f"{name} needs {with_extra if '2000' in name else with_extra + ' python-gdcm'}"
