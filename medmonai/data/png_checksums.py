"""The checksums of a PNG file: each of its chunks has one, and Pillow compares none of those of the pixels."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIECE = 1 << 20


def check_png(file: BinaryIO) -> None:
    """Read a PNG file from its start to its IEND chunk and compare every CRC-32; other files are left alone.

    The file is at its start afterwards. What follows IEND is no part of the picture.

    Raises:
        ValueError: a checksum that is wrong, or a file that ends before its IEND chunk.

    Example:
        >>> from io import BytesIO
        >>> check_png(BytesIO(b"another format"))
    """
    file.seek(0)
    kind = _check_chunk(file) if file.read(len(_SIGNATURE)) == _SIGNATURE else b"IEND"
    while kind != b"IEND":
        kind = _check_chunk(file)
    file.seek(0)


def _check_chunk(file: BinaryIO) -> bytes:
    head = file.read(8)
    if len(head) < 8:
        raise ValueError("it ends before its IEND chunk: it is cut short")
    length, kind = struct.unpack(">I4s", head)
    found = zlib.crc32(kind)
    while length:
        piece = file.read(min(length, _PIECE))
        if not piece:
            raise ValueError(f"it ends in its {kind.decode('latin-1')} chunk: it is cut short")
        found, length = zlib.crc32(piece, found), length - len(piece)
    if file.read(4) != struct.pack(">I", found):
        raise ValueError(f"the checksum of its {kind.decode('latin-1')!a} chunk is wrong: it is damaged")
    return kind
