"""One DICOM file: its pixels read by stated rules, using only the tags that the pixels need."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medmonai.data.containers import PixelKind, readable, stored_pixels, unreadable

if TYPE_CHECKING:
    from pydicom import Dataset

# Modalities whose values are quantities (HU, activity). They keep their sign; MONOCHROME1 only says
# how to display them.
_QUANTITIES = ("CT", "PT")
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")


def pixels(dataset: Dataset, path: Path) -> np.ndarray:
    """Return the gray values of a file as (frames, rows, columns), or its colors as (frames, rows,
    columns, 3).

    - MONOCHROME1 (small is bright, as on film) is inverted within the stored bits: v -> low +
      high - v. Bright then means dense in every picture. Values that are quantities (Modality CT or
      PT, RescaleType HU) are not inverted.
    - The modality LUT, or RescaleSlope and RescaleIntercept of the file or of each frame, is
      applied. 8-bit values that these leave unchanged stay uint8; all others become float32
      (integers above 2^24 are rounded). 1-bit values become 0 and 255.
    - PixelPaddingValue (to PixelPaddingRangeLimit) is not image content (PS3.3, C.7.5.1.1.2): after
      the steps above it becomes the dark end of the bits, unless it is already darker than all
      content, like the -2000 of a CT.
    - The viewer's window (VOI) is not applied: `ImageForm.intensity_range` states one for all
      images.
    - PALETTE COLOR and YBR become RGB: the upper 8 stored bits, or the lower 8 of a palette that
      uses no others. YBR_PARTIAL, CMYK, HSV and ARGB are refused.
    - For the bits of a value that are read, see
      `medmonai.data.containers.dicom_pixels.stored_pixels`.

    Args:
        dataset: what `open_dicom` returned.
        path: the file, for the messages.

    Raises:
        ImportError: no decoder for the file's compression is installed.
        UnreadableImageError: damaged pixels, or an unsupported form of color.
    """
    with readable(path):
        photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
        samples = int(dataset.SamplesPerPixel)
        grey = samples == 1 and photometric in ("MONOCHROME1", "MONOCHROME2")
        if (
            not grey
            and not (samples == 1 and photometric == "PALETTE COLOR")
            and (samples != 3 or photometric not in _COLOURS)
        ):
            raise unreadable(
                path,
                f"it has {samples} samples a pixel, {photometric}; gray, palette, RGB and YBR are "
                "read",
            )
        stored, padding = stored_pixels(dataset, path)
        if str(dataset.get("BurnedInAnnotation", "")) == "YES":
            warnings.warn(
                "a DICOM picture says that text is burned into it, perhaps a name: look at such "
                "pictures before figures with them are shown to anybody.",
                stacklevel=2,
            )
        if not grey:
            return _colours(stored, dataset, path)
        values = _grey(stored, dataset)
        return values if padding is None else _darkened(values, padding, dataset)


def _grey(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return stored values after the inversion of MONOCHROME1 and the modality's transformation."""
    if dataset.PhotometricInterpretation == "MONOCHROME1" and not _is_quantity(dataset):
        stored = _turned_round(stored, dataset)
    if dataset.BitsAllocated == 1:
        stored = stored.astype(np.uint8) * np.uint8(255)
    return _rescaled(stored, dataset)


def _darkened(values: np.ndarray, padding: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return values with padding moved to the dark end, unless it is already darker than all
    content.
    """
    content = values[~padding]
    if not padding.any() or (len(content) and values[padding].max() <= content.min()):
        return values
    ends = content
    if values.dtype != np.uint8 and dataset.BitsAllocated > 1 and "PixelData" in dataset:
        bits = _bits(dataset)
        signed = int(dataset.PixelRepresentation)
        low = -signed << (bits - 1)
        dtype = np.dtype(f"{'ui'[signed]}{max(1, int(dataset.BitsAllocated) // 8)}")
        ends = _grey(np.array([[[low, low + (1 << bits) - 1]]] * len(values), dtype), dataset)
    dark = 0 if values.dtype == np.uint8 or not ends.size else ends.min()
    return np.where(padding, values.dtype.type(dark), values)


def _bits(dataset: Dataset) -> int:
    return int(dataset.get("BitsStored") or dataset.BitsAllocated)


def dicom_kind(dataset: Dataset) -> PixelKind:
    """Return the kind of pixels that a header states; see `pixels` for what becomes of them."""
    palette = str(dataset.get("PhotometricInterpretation", "")) == "PALETTE COLOR"
    colour = palette or int(dataset.get("SamplesPerPixel") or 1) > 1
    return PixelKind(
        "DICOM in color" if colour else "DICOM",
        colour=colour,
        bits=int(dataset.get("BitsAllocated") or 8),
    )


def of_frame(dataset: Dataset, frame: int, group: str, tag: str) -> Any:
    """Return a tag of one frame from its own functional group, the shared one, or the file itself;
    None if it is in none of them.
    """
    for sequence, item in (
        ("PerFrameFunctionalGroupsSequence", frame),
        ("SharedFunctionalGroupsSequence", 0),
    ):
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
    bits = _bits(dataset)
    signed = dataset.PixelRepresentation == 1
    ends = -1 if signed else (1 << bits) - 1  # low + high of the bit range
    return stored.dtype.type(ends) - stored  # neither leaves the bit range


def _rescaled(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    from pydicom.pixels import apply_modality_lut

    if dataset.get("ModalityLUTSequence"):
        return apply_modality_lut(stored, dataset).astype(np.float32)
    group = "PixelValueTransformationSequence"
    lines = np.array(
        [
            [
                _number(of_frame(dataset, i, group, "RescaleSlope"), 1.0),
                _number(of_frame(dataset, i, group, "RescaleIntercept"), 0.0),
            ]
            for i in range(len(stored))
        ]
    )
    if (lines == (1, 0)).all():
        return (
            stored
            if stored.dtype == np.uint8 and _bits(dataset) in (1, 8)
            else stored.astype(np.float32)
        )
    if not np.isfinite(lines).all() or (lines[:, 0] == 0).any():
        raise ValueError(f"RescaleSlope and RescaleIntercept are {lines[0].tolist()}")
    out = np.empty(stored.shape, np.float32)
    # float64 for only one frame at a time
    for frame, (slope, intercept), values in zip(out, lines, stored):
        frame[:] = values * slope + intercept
    return out


def _number(value: float | str | None, default: float) -> float:
    return default if value is None else float(value)


def _shallow_palette(dataset: Dataset) -> bool:
    """Return whether no palette entry needs more than 8 bits. Some such files state 16 bits and
    would come out black.
    """
    from pydicom.pixels import apply_color_lut

    entries, first, _ = dataset.RedPaletteColorLookupTableDescriptor
    return 0 < apply_color_lut(np.arange(entries or 1 << 16) + first, dataset)[..., :3].max() < 256


def _colours(stored: np.ndarray, dataset: Dataset, path: Path) -> np.ndarray:
    from pydicom.pixels import apply_color_lut

    if dataset.SamplesPerPixel == 1:
        stored = apply_color_lut(stored, dataset)[..., :3]
        bits = 8 if _shallow_palette(dataset) else 8 * stored.dtype.itemsize
    else:
        bits = _bits(dataset)
    if stored.dtype not in (np.uint8, np.uint16) or bits < 8:
        raise unreadable(
            path,
            f"its colors are {stored.dtype} of {bits} bits; 8 to 16 bits without a sign are read",
        )
    return (stored >> (bits - 8)).astype(np.uint8)
