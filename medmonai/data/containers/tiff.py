"""TIFF fields that say how values are stored: those that Pillow ignores are honored here, or the
file is refused.
"""

from __future__ import annotations

import math
import re
import sys
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from .image_limit import check_limit, image_limit

_SIZE = (256, 257)
_BITS = 258
_COMPRESSION = 259
_PHOTOMETRIC = 262
_DESCRIPTION = 270
_STRIPS = 273
_SAMPLES = 277
_ROWS = 278
_PLANAR = 284
_COLORMAP = 320
_EXTRA = 338
_FORMAT = 339
_DEPTH = 32997
_TILE = (322, 323)
_TILES = 324
_FILL_ORDER = 266
_DEFLATE = (8, 32946)
_PIECE = 1 << 20
_WHITE_IS_ZERO = 0
_SEPARATE = 2
_UNSIGNED = 1
_SIGNED = 2
_FORMATS = {_UNSIGNED: "unsigned", _SIGNED: "signed", 3: "float", 4: "undefined"}
_FORMATS |= dict.fromkeys((5, 6), "complex")
_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Registered compressions that no Pillow can decode.
_FOREIGN = {
    22610: "JPEG XR",
    32908: "PixarFilm",
    32909: "PixarLog",
    **dict.fromkeys((33003, 33004, 33005, 34712), "JPEG 2000"),
    34661: "JBIG",
    34887: "LERC",
    34926: "ZSTD",
    34927: "WebP",
    34934: "JPEG XR",
    50002: "JPEG XL",
    52546: "JPEG XL",
}


def tiff_refusal(image: TiffImagePlugin.TiffImageFile, path: Path) -> str:
    """Return why a TIFF is refused although Pillow opens it, or nothing.

    Raises:
        UnreadableImageError: tiles larger than the limit.
    """
    tags = image.tag_v2
    bits = max(tags.get(_BITS, (1,)))
    if all(tag in tags for tag in _TILE):
        check_limit(
            path,
            [tags[tag] for tag in _TILE],
            bits / 8 * len(tags.get(_BITS, (1,))),
            what="pixels in a tile",
        )
    if tags.get(_PLANAR, 1) == _SEPARATE and bits > 8 and tags.get(_SAMPLES, 1) > 1:
        return (
            f"its colors of {bits} bits lie in planes of their own (PlanarConfiguration 2), which "
            "Pillow reads as 8 bits"
        )
    if image.mode == "LAB":
        return "its colors are CIE L*a*b*; save it as RGB"
    pictures = int(tags.get(_DEPTH, 1)) if tags.get(_DEPTH, 1) > 1 else _pictures_behind(tags, path)
    if pictures > 1:
        return f"it holds {pictures} pictures, and files with one picture are read"
    held, needed = _parts(tags)
    if held != needed:
        return f"it holds {held} strips or tiles of pixels and its size asks for {needed}"
    if _white_is_zero(tags) and _format(tags) != _UNSIGNED:
        return (
            f"its {_FORMATS.get(_format(tags), 'other')} values say that 0 is white and no value "
            "that is black"
        )
    return ""


def _pictures_behind(tags: Mapping[int, Any], path: Path) -> int:
    """Return the number of consecutive pictures in a file with tags for the first one only, as in
    large ImageJ stacks.

    The number comes from the description. Some tools copy the description with a single picture, so
    the file must also be long enough.
    """
    text = str(tags.get(_DESCRIPTION, ""))
    stack = re.match(r"ImageJ=(?:.*\n)*?images=(\d+)", text)
    shape = re.match(r'\{"shape": \[([\d, ]+)\]', text)  # written by tifffile
    pixels = math.prod(int(tags[tag]) for tag in _SIZE)
    samples = int(tags.get(_SAMPLES, 1))
    values = math.prod(map(int, shape[1].split(","))) if shape else 0
    said = int(stack[1]) if stack else values // max(1, pixels * samples)
    plain = pixels * samples * max(tags.get(_BITS, (1,))) / 8
    held = path.stat().st_size - min(tags.get(_STRIPS) or tags.get(_TILES) or [0])
    return said if tags.get(_COMPRESSION, 1) == 1 and held >= said * plain else 1


def _parts(tags: Mapping[int, Any]) -> tuple[int, int]:
    """Return the strips or tiles of an uncompressed file, and how many it needs; Pillow leaves
    missing ones black.
    """
    offsets = tags.get(_STRIPS) or tags.get(_TILES)
    if tags.get(_COMPRESSION, 1) != 1 or not offsets:
        return 0, 0  # libtiff checks this itself
    size = [int(tags[tag]) for tag in _SIZE]
    part = (
        (size[0], tags.get(_ROWS, size[1]))
        if _STRIPS in tags
        else [tags.get(tag, 0) for tag in _TILE]
    )
    planes = tags.get(_SAMPLES, 1) if tags.get(_PLANAR, 1) == _SEPARATE else 1
    return len(offsets), planes * math.prod(
        -(-length // max(1, int(step))) for length, step in zip(size, part)
    )


def check_deflated(image: TiffImagePlugin.TiffImageFile) -> None:
    """Inflate each strip or tile of a deflated TIFF to its end, where zlib verifies the checksum;
    nothing is kept.

    libtiff stops once it has the pixels, before the checksum: 1 in 12 flipped bits changed the
    pixels without an error.

    Raises:
        ValueError, zlib.error: a wrong checksum, a truncated stream, or one that is too long for
            any picture.
    """
    tags = image.tag_v2
    file = image.fp
    if tags.get(_COMPRESSION) not in _DEFLATE or tags.get(_FILL_ORDER, 1) != 1:
        return
    assert file is not None  # kept until the pixels are loaded
    places = next((tags[at], tags[length]) for at, length in ((324, 325), (273, 279)) if at in tags)
    before = file.tell()
    most = image_limit()
    for at, length in zip(*places):
        file.seek(at)
        packed = file.read(length)
        unpacker = zlib.decompressobj()
        while not unpacker.eof:
            piece = unpacker.decompress(packed, _PIECE)
            packed = unpacker.unconsumed_tail
            most = most - len(piece)
            if most < 0 or not (piece or packed or unpacker.eof):
                raise ValueError(
                    "a strip of its deflated pixels is cut short, or longer than any picture"
                )
    file.seek(before)


def tiff_name(tags: Mapping[int, Any]) -> str | None:
    """Return the name of a kind of values that Pillow's mode hides, or None."""
    return "signed 8 bits" if _format(tags) == _SIGNED and max(tags.get(_BITS, (1,))) == 8 else None


def tiff_swapped(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Return whether Pillow (13.0) will swap the bytes of an opened TIFF's values once too often.

    libtiff returns the values of a compressed file in native byte order. Pillow handles this for
    unsigned values, but in big-endian files it swaps signed and float values again.
    """
    decoder, *_, arguments = image.tile[0] if image.tile else ("", "")
    raw = arguments[0] if isinstance(arguments, tuple) else arguments
    return (
        decoder == "libtiff"
        and sys.byteorder == "little"
        and str(raw).endswith((";16BS", ";32BS", ";32BF"))
    )


def tiff_values(image: Image.Image, tags: Mapping[int, Any], *, swapped: bool) -> Image.Image:
    """Return a decoded TIFF with the values as its tags define them.

    - Signed values of 8 bits, which Pillow shows as 0 to 255, keep their sign (mode "I").
    - Unsigned values of 32 bits, which wrap around in mode "I" from 2^31 on, become mode "F".
    - A 16-bit palette with 8-bit values, as some programs write, is treated as an 8-bit palette;
      otherwise everything would be black.
    - If 0 is white, 16-bit values are inverted, as Pillow inverts those of 1 to 8 bits.

    Args:
        image: the decoded, upright image.
        tags: tags of the file.
        swapped: see `tiff_swapped`.
    """
    bits = max(tags.get(_BITS, (1,)))
    if swapped:
        values = np.asarray(image)
        stored = values.astype(np.int16) if bits == 16 else values
        return Image.fromarray(stored.byteswap().astype(values.dtype))
    if image.mode in ("P", "PA") and 0 < max(tags[_COLORMAP]) < 256:
        image.putpalette(np.reshape(tags[_COLORMAP], (3, -1)).T.astype(np.uint8).tobytes())
    if tiff_name(tags):
        return Image.fromarray(np.asarray(image).view(np.int8).astype(np.int32))
    if (
        image.mode == "I"
        and _format(tags) == _UNSIGNED
        and bits == 32
        and np.asarray(image).min() < 0
    ):
        return Image.fromarray(np.asarray(image).view(np.uint32).astype(np.float32))
    if _white_is_zero(tags) and image.mode.startswith("I;16"):
        return Image.fromarray(np.uint16((1 << bits) - 1) - np.asarray(image).astype(np.uint16))
    return image


def tiff_fault(path: Path) -> str | ImportError | None:
    """Return why a TIFF cannot be opened or decoded: an unsupported form or a missing decoder, or
    None if it is damaged.
    """
    with path.open("rb") as file:
        start = file.read(16)
        if start[:4] not in _STARTS:
            return None
        try:
            tags = TiffImagePlugin.ImageFileDirectory_v2(start if 43 in start[2:4] else start[:8])
            file.seek(tags.next)
            tags.load(file)
            compression = int(tags.get(_COMPRESSION, 1))
            bits = tuple(tags.get(_BITS, (1,)))
        except Exception:  # damaged tags: any error of Pillow
            return None
    name = _lacking(compression)
    if name:
        return ImportError(
            f"{path.name} is a TIFF compressed by {name}, which the installed Pillow does not "
            "decode. Read it with 'pip install tifffile imagecodecs' and save it with deflate, or "
            "install another Pillow."
        )
    key = b"II" if start[:2] == b"II" else b"MM"
    forms = {
        (order, photometric, form[0], depth)
        for order, photometric, form, _, depth, _ in TiffImagePlugin.OPEN_INFO
    }
    if (key, tags.get(_PHOTOMETRIC, 0), _format(tags), bits) not in forms:
        depth = " + ".join(map(str, bits))
        return (
            f"it is a TIFF of {depth} bits, {_FORMATS.get(_format(tags), 'other')}, "
            f"PhotometricInterpretation {tags.get(_PHOTOMETRIC)}, which Pillow does not read; save "
            "it as gray of 8 or 16 bits or as RGB"
        )
    if tags.get(_PLANAR, 1) == _SEPARATE and tags.get(_EXTRA):
        return (
            "its alpha lies in a plane of its own (PlanarConfiguration 2), which Pillow does not "
            "read; save it as RGB"
        )
    return None


def _format(tags: Mapping[int, Any]) -> int:
    return max(tags.get(_FORMAT, (_UNSIGNED,)))


def _white_is_zero(tags: Mapping[int, Any]) -> bool:
    return tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO and max(tags.get(_BITS, (1,))) > 8


def _lacking(compression: int) -> str | None:
    """Return the name of a compression that this Pillow cannot decode."""
    known = TiffImagePlugin.COMPRESSION_INFO.get(compression)
    if known in (None, "raw"):
        return _FOREIGN.get(compression)
    try:  # Pillow does not say what its libtiff supports, but it can read what it can write
        mode = (
            "1"
            if known in ("tiff_ccitt", "group3", "group4")
            else "RGB"
            if known == "webp"
            else "L"
        )
        Image.new(mode, (16, 16)).save(BytesIO(), "TIFF", compression=known)
    except Exception:  # errors of several types
        return (
            None
            if known
            in ("tiff_jpeg", "tiff_raw_16", "tiff_thunderscan", "tiff_sgilog", "tiff_sgilog24")
            else known
        )
    return None
