"""The pixels of a file as its reader found them: gray or color, and their bit depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

import numpy as np


@dataclass(frozen=True, order=True)
class PixelKind:
    """The kind of pixels in a file, before conversion for a network.

    The reader of a format states it once. Notes, descriptions and the number of channels follow
    from these fields, never from a word in the name.

    Args:
        name: name to show: "L", "RGB", "16 bits", "palette", "RGB of 16 bits", "NIfTI
            int16", "DICOM in colour", ...
        colour: whether the pixels have colors; gray ones have one value, possibly plus alpha.
        bits: bits per value.
        upper_half: whether only the upper 8 bits are kept, as Pillow does for 16-bit pixels in
            color or with alpha.

    Example:
        >>> str(PixelKind("RGB", colour=True)), PixelKind("RGB", colour=True).bits
        ('RGB', 8)
    """

    name: str
    _: KW_ONLY
    colour: bool = False
    bits: int = 8
    upper_half: bool = False

    def __str__(self) -> str:
        return self.name


def by_name(kinds: Mapping[PixelKind, int]) -> dict[str, int]:
    """Return the number of files of each kind by name, the most common first, then by name."""
    counts: Counter[str] = Counter()
    for kind, n in kinds.items():
        counts[kind.name] += n
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def array_kind(name: str, image: np.ndarray) -> PixelKind:
    """Return the kind of pixels in an array (C, *spatial) from a file of that format.

    Example:
        >>> array_kind("NIfTI", np.zeros((1, 4, 4), np.int16))
        PixelKind(name='NIfTI', colour=False, bits=16, upper_half=False)
        >>> array_kind("DICOM", np.zeros((3, 4, 4), np.uint8)).name
        'DICOM in colour'
    """
    colour = len(image) > 1
    return PixelKind(
        f"{name} in colour" if colour else name, colour=colour, bits=8 * image.dtype.itemsize
    )
