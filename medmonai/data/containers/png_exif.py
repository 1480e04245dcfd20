"""Where a PNG file keeps its EXIF data, without decoding a pixel."""

from __future__ import annotations

import struct
from typing import IO

_SIGNATURE = 8  # bytes before the first chunk
_HEAD = struct.Struct(">I4s")  # length and type of a chunk; its data and four bytes of CRC follow
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_LONGEST = 21
_PROFILES = (b"Raw profile type exif", b"XML:com.adobe.xmp")


def exif_after_pixels(file: IO[bytes]) -> bool:
    """Return whether a PNG file has EXIF data after its pixels, where only a full decoding finds
    them.

    Pillow's `getexif` decodes every PNG that has no EXIF data before its pixels. PNG 1.6 allows an
    eXIf chunk on either side; ImageMagick and Adobe write text chunks instead. This function walks
    over the chunks and skips their data.

    Args:
        file: the file, open for reading; its position is restored.

    Returns:
        False also for a truncated file, which decoding will detect.
    """
    position = file.tell()
    file.seek(_SIGNATURE)
    behind = False
    try:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, kind = _HEAD.unpack(head)
            behind = behind or kind == b"IDAT"
            start = file.tell()
            if behind and (
                kind == b"eXIf" or (kind in _TEXTS and file.read(_LONGEST).startswith(_PROFILES))
            ):
                return True
            file.seek(start + length + 4)
        return False
    finally:
        file.seek(position)
