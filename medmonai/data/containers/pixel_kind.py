"""The pixels of a file as its reader found them: gray or color, and their bit depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace

import numpy as np


@dataclass(frozen=True, order=True)
class PixelKind:
    """The kind of pixels in a file, before conversion for a network.

    The reader of a format states it once. Notes, descriptions and the number of channels follow
    from these fields, never from a word in the name.

    Args:
        name: name to show: "L", "RGB", "16 bits", "palette", "RGB of 16 bits", "NIfTI
            int16", "DICOM in color", ...
        colour: whether the pixels have colors; gray ones have one value, possibly plus alpha.
        bits: bits per value.
        upper_half: whether only the upper 8 bits are kept, as Pillow does for 16-bit pixels in
            color or with alpha.
        channels: values per pixel that are not colors, such as modalities or points in time.

    Example:
        >>> str(PixelKind("RGB", colour=True)), PixelKind("RGB", colour=True).bits
        ('RGB', 8)
    """

    name: str
    _: KW_ONLY
    colour: bool = False
    bits: int = 8
    upper_half: bool = False
    channels: int = 1

    def __str__(self) -> str:
        return self.name


def by_name(kinds: Mapping[PixelKind, int]) -> dict[str, int]:
    """Return the number of files of each kind by name, the most common first, then by name."""
    counts: Counter[str] = Counter()
    for kind, n in kinds.items():
        counts[kind.name] += n
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def array_kind(name: str, image: np.ndarray, *, colour: bool | None = None) -> PixelKind:
    """Return the kind of pixels in an array (C, *spatial) from a file of that format.

    Args:
        name: of the format.
        image: the array.
        colour: whether the channels are colors; None if the file does not say it: three channels
            of uint8 are, in 2D.

    Example:
        >>> array_kind("NIfTI", np.zeros((1, 4, 4), np.int16)).bits
        16
        >>> array_kind("DICOM", np.zeros((3, 4, 4), np.uint8)).name
        'DICOM in color'
        >>> array_kind("npz", np.zeros((5, 4, 4), np.uint8)).name
        'npz of 5 channels'
    """
    bits = 8 * image.dtype.itemsize
    if colour is None:
        colour = is_colour(image)
    if colour:
        return PixelKind(f"{name} in color", colour=True, bits=bits)
    return of_channels(PixelKind(name, bits=bits), len(image))


def is_colour(image: np.ndarray) -> bool:
    """Return whether the channels of an array (C, *spatial) without a header are taken as red,
    green and blue: three of uint8, of a picture; those of a volume are channels.
    """
    return len(image) == 3 and image.ndim == 3 and image.dtype == np.uint8


def of_channels(kind: PixelKind, channels: int) -> PixelKind:
    """Return the kind of a file that holds so many values of a kind per pixel."""
    if channels == 1:
        return kind
    return replace(kind, name=f"{kind.name} of {channels} channels", channels=channels)


def joint_kind(kinds: Sequence[PixelKind], channels: int) -> PixelKind:
    """Return the kind of a case whose channels are files of their own, from those that it has.

    Example:
        >>> joint_kind([PixelKind("L"), PixelKind("16 bits", bits=16)], 2).name
        'L + 16 bits'
    """
    return PixelKind(
        " + ".join(dict.fromkeys(kind.name for kind in kinds)),
        colour=any(kind.colour for kind in kinds),
        bits=max(kind.bits for kind in kinds),
        upper_half=any(kind.upper_half for kind in kinds),
        channels=channels,
    )
