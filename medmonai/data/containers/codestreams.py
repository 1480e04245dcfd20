"""What the headers of compressed pictures state before decoding: JPEG, JPEG-LS, JPEG 2000 and
DICOM's RLE.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

_SOC = b"\xff\x4f"
_SIZ = b"\xff\x51"
_JPEG_START = b"\xff\xd8"
_JP2_START = b"\x00\x00\x00\x0cjP"
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
# SOF0 to SOF15 without DHT, JPG, DAC; SOF55 of JPEG-LS
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_END = 0xD9
_MOST_TILES = 65535  # a tile's index has 16 bits
_RLE_HEADER = 64


@dataclass(frozen=True)
class Codestream:
    """The size that a codestream states.

    Args:
        rows: rows of the picture.
        columns: columns of the picture.
        samples: values per pixel.
        bits: bits per value.
        process: number of JPEG's SOF marker: 0 baseline, 1 extended, 2 progressive, 3 lossless, 55
            JPEG-LS; -1 for JPEG 2000.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    process: int


def starts_codestream(data: bytes) -> bool:
    """Return whether data start like a JPEG, JPEG-LS or JPEG 2000 codestream (or .jp2 file)."""
    return data.startswith((_JPEG_START + b"\xff", _SOC + _SIZ, _JP2_START))


def codestream_header(data: bytes) -> Codestream:
    r"""Return what the header of a JPEG, JPEG-LS or JPEG 2000 codestream (or .jp2 file) says.

    Raises:
        ValueError: not such a codestream, or one that ends within its header.

    Example:
        >>> start = b"\xff\xd8\xff\xc0\x00\x0b\x08" + struct.pack(">HHB", 480, 640, 1)
        >>> codestream_header(start).rows
        480
    """
    try:
        if data[:2] == _JPEG_START:
            return _jpeg(data)
        if data[:6] == _JP2_START:
            data = data[max(0, data.find(_SOC + _SIZ)) :]
        if data[:4] == _SOC + _SIZ:
            return _jpeg_2000(data)
    except (struct.error, IndexError) as error:
        raise ValueError("its compressed data end in their header") from error
    raise ValueError("its compressed data do not start as JPEG, JPEG-LS or JPEG 2000")


def _jpeg(data: bytes) -> Codestream:
    at = 2
    while True:
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker in _FRAMES:
            length, bits, rows, columns, samples = struct.unpack_from(">HBHHB", data, at)
            if length != 8 + 3 * samples:
                raise ValueError("the size in its JPEG data is damaged")
            return Codestream(rows, columns, samples, bits, 55 if marker == 0xF7 else marker - 0xC0)
        if marker in (_SCAN, _END):
            raise ValueError("its JPEG data state no size")
        if marker not in _ALONE:
            at += struct.unpack_from(">H", data, at)[0]
        if data[at] != 0xFF:
            raise ValueError("the markers of its JPEG data are damaged")


def _jpeg_2000(data: bytes) -> Codestream:
    # Lsiz, Rsiz, the grid and the picture's place on it, the tiles and theirs, components (ISO
    # 15444-1, A.5.1).
    _, _, right, bottom, left, top, width, height, _, _, samples = struct.unpack_from(
        ">HH8IH", data, 4
    )
    if not width or not height or -(-right // width) * -(-bottom // height) > _MOST_TILES:
        raise ValueError(
            f"its JPEG 2000 header states tiles of {width} x {height} for {right} x {bottom} pixels"
        )
    bits = (data[4 + 38] & 0x7F) + 1
    return Codestream(bottom - top, right - left, samples, bits, -1)


def check_rle(data: bytes, *, segments: int, pixels: int) -> None:
    """Raise if the header of a frame in DICOM's RLE (PS3.5, annex G) does not match the picture.

    Args:
        data: data of the frame.
        segments: bytes per pixel.
        pixels: rows x columns. A segment stores each byte in at most two.

    Raises:
        ValueError: a different number of segments, or segments that lie outside the frame or are
            too long.
    """
    if len(data) < _RLE_HEADER:
        raise ValueError("its RLE data end in their header")
    count, *offsets = struct.unpack("<16I", data[:_RLE_HEADER])
    if count != segments:
        raise ValueError(f"its RLE data have {count} segments and its header asks for {segments}")
    ends = [*offsets[:count], len(data)]
    if ends[0] != _RLE_HEADER or any(
        not 0 <= high - low <= 2 * pixels + 1024 for low, high in pairwise(ends)
    ):
        raise ValueError(
            f"the segments of its RLE data start at {ends[:-1]}, which do not fit the picture"
        )
