from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from medmonai.data import UnreadableImageError
from medmonai.data.containers.png_checksums import check_png
from medmonai.data.formats.pictures import read_picture

RNG = np.random.default_rng(0)


def test_every_flipped_bit_of_a_png_is_noticed(tmp_path):
    values, path = RNG.integers(0, 40, (12, 12), dtype=np.uint8), tmp_path / "a.png"
    Image.fromarray(values).save(path)
    raw = path.read_bytes()
    for at in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[at // 8] ^= 1 << at % 8
        path.write_bytes(changed)
        with pytest.raises(UnreadableImageError):
            read_picture(path)
    path.write_bytes(raw[:-12])
    with pytest.raises(UnreadableImageError, match="ends before its IEND chunk"):
        read_picture(path)
    path.write_bytes(raw)
    with path.open("rb") as file:
        check_png(file)
        assert file.tell() == 0
    assert np.array_equal(read_picture(path)[0], values)


def png(values, rows, *, depth=8, colour=0, interlaced=0):
    """Return a PNG file of values' size whose deflated data are the given rows, with checksums that
    are right.
    """
    head = struct.pack(
        ">IIBBBBB", values.shape[1], values.shape[0], depth, colour, 0, 0, interlaced
    )
    parts = (
        (b"IHDR", head),
        (b"IDAT", zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def adam7(values):
    """Return the rows of the seven passes of an interlaced picture (PNG, 8.2)."""
    pattern = [
        [1, 6, 4, 6, 2, 6, 4, 6],
        [7] * 8,
        [5, 6, 5, 6, 5, 6, 5, 6],
        [7] * 8,
        [3, 6, 4, 6, 3, 6, 4, 6],
        [7] * 8,
        [5, 6, 5, 6, 5, 6, 5, 6],
        [7] * 8,
    ]
    number = np.tile(pattern, (3, 3))[: values.shape[0], : values.shape[1]]
    return [row[of == p] for p in range(1, 8) for row, of in zip(values, number) if (of == p).any()]


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 4), (8, 8), (9, 17), (17, 9)])
@pytest.mark.parametrize("interlaced", [0, 1])
def test_missing_rows_are_noticed(tmp_path, shape, interlaced):
    values, path = RNG.integers(1, 256, shape, dtype=np.uint8), tmp_path / "a.png"
    rows = adam7(values) if interlaced else list(values)
    path.write_bytes(png(values, rows, interlaced=interlaced))
    assert np.array_equal(read_picture(path)[0], values)
    for held in range(len(rows)):
        path.write_bytes(png(values, rows[:held], interlaced=interlaced))
        with pytest.raises(UnreadableImageError, match="fewer rows than its header says"):
            read_picture(path)


@pytest.mark.parametrize(
    ("depth", "colour", "width"),
    [
        (1, 0, 1),
        (2, 0, 2),
        (4, 0, 3),
        (16, 0, 12),
        (8, 2, 18),
        (16, 2, 36),
        (8, 4, 12),
        (8, 6, 24),
        (16, 6, 48),
    ],
)
def test_missing_rows_of_every_depth(tmp_path, depth, colour, width):
    size, path = np.zeros((3, 6)), tmp_path / "a.png"  # `width` bytes hold a row of six pixels
    path.write_bytes(png(size, [bytes(width)] * 3, depth=depth, colour=colour))
    read_picture(path)
    path.write_bytes(png(size, [bytes(width)] * 2, depth=depth, colour=colour))
    with pytest.raises(UnreadableImageError, match=f"{width + 1} bytes of its pixels are missing"):
        read_picture(path)
