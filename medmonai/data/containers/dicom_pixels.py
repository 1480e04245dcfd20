"""The stored pixels of a DICOM file: decoded within bounds, reduced to the stored bits, with a mask
of padding.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .codestreams import check_rle, codestream_header, starts_codestream
from .dicom_file import frame_bytes, frames

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

_BASELINE_PROCESSES = (0, 1, 2)  # JPEG syntaxes that Pillow decodes with 8 bits
# Bytes of zeros that may follow the pixels.
_PADDING = 1 << 16
_LACKING = ("does not support", "not supported", "cannot decode", "only supported")


def stored_pixels(dataset: Dataset, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the values of a file as (frames, rows, columns[, 3]), and a mask of the padding, or
    None if the file states no padding.

    - Before decoding, the size in the header of each compressed frame is compared with Rows,
      Columns and SamplesPerPixel, because a decoder allocates what the frame claims.
    - Of the BitsAllocated, only the BitsStored up to HighBit are kept, with their sign; the others
      may hold overlays.
    - PixelPaddingValue, up to PixelPaddingRangeLimit, is compared with the values before and after
      these bits are extracted, because some scanners write padding that does not fit into them.

    Raises:
        ImportError: the compression needs a decoder that is not installed; the message says what to
            install.
        UnreadableImageError, ValueError: damaged pixels, or fields that contradict each other.
    """
    from pydicom.pixels import pixel_array

    syntax = dataset.file_meta.TransferSyntaxUID
    _check_bits(dataset)
    plain = not syntax.is_encapsulated
    if plain:
        _check_behind(dataset)
    else:
        _check_frames(dataset, path)
    options: dict[str, Any] = (
        {"correct_unused_bits": False} if plain or syntax.name == "RLE Lossless" else {}
    )
    try:
        stored = pixel_array(dataset, **options)
    except RuntimeError as error:
        said = str(error)
        if "missing dependencies" in said or any(word in said for word in _LACKING):
            raise lacking_decoder(path, syntax) from error
        raise
    stored = stored[None] if frames(dataset) == 1 else stored
    if stored.dtype.kind == "f":
        return stored, _padding(stored, stored, dataset)
    kept = _kept_bits(stored, dataset) if options else stored
    return kept, _padding(stored, kept, dataset)


def lacking_decoder(path: Path, syntax: UID) -> ImportError:
    """Return the error for a compression that the installed packages cannot decode."""
    with_extra = "pip install 'medmonai[dicom]'"
    needed = (
        with_extra
        if "2000" in syntax.name
        else f"python-gdcm or pylibjpeg-libjpeg: {with_extra} python-gdcm"
    )
    return ImportError(
        f"{path.name} is compressed and no decoder is installed for it: {syntax.name} needs "
        f"{needed}."
    )


def _check_bits(dataset: Dataset) -> None:
    allocated = int(dataset.BitsAllocated)
    stored = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    high = int(dataset.get("HighBit", stored - 1))
    if not 1 <= stored <= high + 1 <= allocated:
        raise ValueError(
            f"its BitsAllocated {allocated}, BitsStored {stored} and HighBit {high} contradict "
            "each other"
        )
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated and high != stored - 1:
        raise ValueError(
            f"it is compressed, with BitsStored {stored} and HighBit {high}; {stored - 1} is read"
        )


def _check_behind(dataset: Dataset) -> None:
    """Raise if there are more pixel data than the header states: the header or the number of frames
    must then be wrong.
    """
    data = next(
        dataset[tag].value
        for tag in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
        if tag in dataset
    )
    needed = -(-int(frame_bytes(dataset) * 8) * frames(dataset) // 8)
    behind = memoryview(data)[needed:]
    if len(behind) > _PADDING or bytes(behind).strip(b"\0"):
        if len(behind) > 1:  # one byte pads to an even length
            raise ValueError(
                f"it holds {len(data)} bytes of pixels and its header asks for {needed}"
            )


def _check_frames(dataset: Dataset, path: Path) -> None:
    from pydicom.encaps import generate_fragments, generate_frames
    from pydicom.pixels import get_decoder

    syntax = dataset.file_meta.TransferSyntaxUID
    samples = int(dataset.SamplesPerPixel)
    extended = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    offsets = list(
        generate_frames(
            dataset.PixelData,
            number_of_frames=frames(dataset),
            extended_offsets=extended if None not in extended else None,
        )
    )
    others = set(get_decoder(syntax).available_plugins) - {"pillow"}
    # pydicom joins all fragments if the header says one frame, and returns frames that the header
    # does not count.
    _, *parts = generate_fragments(dataset.PixelData)  # the first is the offset table
    starts = len(parts) if syntax.name == "RLE Lossless" else sum(map(starts_codestream, parts))
    for data in offsets:
        if syntax.name == "RLE Lossless":
            check_rle(
                data,
                segments=samples * int(dataset.BitsAllocated) // 8,
                pixels=dataset.Rows * dataset.Columns,
            )
            continue
        said = codestream_header(data)
        if (dataset.Rows, dataset.Columns, samples) != (said.rows, said.columns, said.samples):
            raise ValueError(
                f"its compressed data hold {said.rows} x {said.columns} pixels of "
                f"{said.samples} samples and its header says {dataset.Rows} x {dataset.Columns} of "
                f"{samples}"
            )
        if said.bits > int(dataset.BitsAllocated):
            raise ValueError(
                f"its compressed data have {said.bits} bits and its header allocates "
                f"{dataset.BitsAllocated}"
            )
        if (
            not others
            and said.process >= 0
            and (said.bits > 8 or said.process not in _BASELINE_PROCESSES)
        ):
            raise lacking_decoder(path, syntax)
    held = max(starts, len(offsets))
    if held != frames(dataset):
        raise ValueError(
            f"its compressed data hold {held} frames and its header says {frames(dataset)}"
        )


def _kept_bits(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    allocated = int(dataset.BitsAllocated)
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    above = allocated - 1 - int(dataset.get("HighBit", bits - 1))
    if allocated == bits or allocated != 8 * stored.dtype.itemsize:
        return stored
    # The left shift drops the bits above; the right shift drops those below and fills in the sign.
    return (stored << above) >> (allocated - bits)


def _padding(stored: np.ndarray, kept: np.ndarray, dataset: Dataset) -> np.ndarray | None:
    prefix = {"f4": "Float", "f8": "DoubleFloat"}.get(stored.dtype.str[1:], "")
    value = dataset.get(f"{prefix}PixelPaddingValue")
    if value is None or stored.ndim != 3:
        return None
    limit = dataset.get(f"{prefix}PixelPaddingRangeLimit")
    ends = [_as_stored(end, stored.dtype) for end in (value, value if limit is None else limit)]
    low = min(ends)
    high = max(ends)
    mask = (stored >= low) & (stored <= high)
    return mask if kept is stored else mask | ((kept >= low) & (kept <= high))


def _as_stored(value: float | bytes, dtype: np.dtype) -> Any:
    """Return a padding value in the pixels' own sign: some files write -2000 as 63536, or vice
    versa.
    """
    if dtype.kind == "f":
        return dtype.type(value)
    number = int.from_bytes(value, "little") if isinstance(value, bytes) else int(value)
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return np.array(number % (1 << 8 * dtype.itemsize), unsigned).view(dtype)[()]
