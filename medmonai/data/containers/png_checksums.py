"""The checksums of a PNG file, which Pillow does not verify for the pixels, and whether any pixels
are missing.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

from .image_limit import image_limit

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIECE = 1 << 20
_HEADER = struct.Struct(">IIBBBBB")
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # samples per pixel, for each color type
_WHOLE = ((0, 0, 1, 1),)
# First column and row of each Adam7 pass, and the steps between its columns and rows.
_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def check_png(file: BinaryIO) -> None:
    """Read a PNG file from its start to its IEND chunk, verify every CRC-32 and count the pixels;
    ignore other files.

    Afterward the file is rewound to its start. What follows IEND is not part of the picture. Pillow
    (13.0) fills missing rows with zeros, and does not complain if the deflated data end after a
    whole row.

    Raises:
        ValueError: a wrong checksum, a file that ends before its IEND chunk, or fewer rows than the
            header states.
        zlib.error: damaged deflated data.

    Example:
        >>> from io import BytesIO
        >>> check_png(BytesIO(b"another format"))
    """
    file.seek(0)
    if file.read(len(_SIGNATURE)) == _SIGNATURE:
        count = _PixelBytes()
        kind = b""
        while kind != b"IEND":
            kind = _check_chunk(file, count)
        count.check()
    file.seek(0)


class _PixelBytes:
    """Counter of the bytes in the deflated data, up to the number that the header implies."""

    def __init__(self) -> None:
        self.missing, self.unpacker = 0, zlib.decompressobj()

    def take_header(self, data: bytes) -> None:
        width, height, depth, colour, _, _, interlaced = _HEADER.unpack(data)
        bits = depth * _SAMPLES.get(colour, 1)
        for left, top, across, down in _PASSES if interlaced else _WHOLE:
            columns = -(-(width - left) // across)
            rows = -(-(height - top) // down)
            if columns > 0 and rows > 0:
                self.missing += rows * (1 + -(-columns * bits // 8))
        pillow_bytes = (1 if depth <= 8 else 2) if bits == depth else 4  # bytes per pixel in memory
        if width * height * pillow_bytes > image_limit():
            # the picture will be refused for its size, so nothing needs inflating
            self.missing = 0

    def take_data(self, data: bytes) -> None:
        while data and self.missing > 0 and not self.unpacker.eof:
            self.missing -= len(self.unpacker.decompress(data, _PIECE))
            data = self.unpacker.unconsumed_tail

    def check(self) -> None:
        if self.missing > 0:
            raise ValueError(
                f"{self.missing} bytes of its pixels are missing: it holds fewer rows than its "
                "header says"
            )


def _check_chunk(file: BinaryIO, count: _PixelBytes) -> bytes:
    head = file.read(8)
    if len(head) < 8:
        raise ValueError("it ends before its IEND chunk: it is cut short")
    length, kind = struct.unpack(">I4s", head)
    take: Callable[[bytes], None] | None = {
        b"IHDR": count.take_header,
        b"IDAT": count.take_data,
    }.get(kind)
    checksum = zlib.crc32(kind)
    while length:
        piece = file.read(min(length, _PIECE))
        if not piece:
            raise ValueError(f"it ends in its {kind.decode('latin-1')} chunk: it is cut short")
        checksum = zlib.crc32(piece, checksum)
        length = length - len(piece)
        if take is not None:
            take(piece)
    if file.read(4) != struct.pack(">I", checksum):
        raise ValueError(
            f"the checksum of its {kind.decode('latin-1')!a} chunk is wrong: it is damaged"
        )
    return kind
