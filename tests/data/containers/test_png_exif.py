"""EXIF data of a PNG before and behind its pixels, and headers that are read without decoding."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from medmonai.data.containers.pixel_kind import PixelKind
from medmonai.data.containers.png_exif import exif_after_pixels
from medmonai.data.files.headers import read_header
from medmonai.data.formats.pictures import read_picture

LYING = 6


def chunks(content):
    position = 8
    while position < len(content):
        length = struct.unpack_from(">I", content, position)[0]
        yield content[position : position + length + 12]
        position += length + 12


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*, behind, exif=None, extra=b""):
    """A PNG of 4 x 6 pixels with its eXIf chunk before or behind the pixels, and `extra` chunks
    behind them.
    """
    file, tags = io.BytesIO(), Image.Exif()
    tags[0x0112] = LYING
    Image.new("L", (6, 4), 9).save(file, "PNG", **({"exif": tags} if exif is None else {}))
    parts = list(chunks(file.getvalue()))
    moved = [part for part in parts if part[4:8] == b"eXIf"] if behind else []
    kept = [part for part in parts if part not in moved]
    return file.getvalue()[:8] + b"".join([*kept[:-1], *moved, extra, kept[-1]])


@pytest.mark.parametrize("behind", [False, True])
def test_orientation_on_either_side_of_the_pixels(tmp_path, behind):
    (file := tmp_path / "a.png").write_bytes(png(behind=behind))
    with open(file, "rb") as opened:
        opened.seek(3)
        assert exif_after_pixels(opened) is behind and opened.tell() == 3
    assert read_header(file) == ((6, 4), PixelKind("L"))
    assert read_picture(file).shape == (1, 6, 4)


def test_a_profile_in_a_text_chunk_as_imagemagick_writes_it(tmp_path):
    text = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n"))
    (file := tmp_path / "a.png").write_bytes(png(behind=False, exif=b"", extra=text))
    with open(file, "rb") as opened:
        assert exif_after_pixels(opened)


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(
    ("tag", "size"),
    [
        (b'tiff:Orientation="6"', (6, 4)),
        (b"<tiff:Orientation>6</tiff:Orientation>", (6, 4)),
        (b'tiff:Orientation="3"', (4, 6)),
        (b"xmp:Rating", (4, 6)),
    ],
)
def test_orientation_in_xmp_as_adobe_writes_it(tmp_path, tag, size, behind):
    text = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta " + tag + b"/>")
    first, *rest = chunks(png(behind=False, exif=b""))
    parts = [first, *rest[:-1], text, rest[-1]] if behind else [first, text, *rest]
    (file := tmp_path / "a.png").write_bytes(png(behind=False)[:8] + b"".join(parts))
    assert read_header(file) == (size, PixelKind("L"))
    assert read_picture(file).shape == (1, *size)


@pytest.mark.parametrize(
    "extra", [b"", chunk(b"tEXt", b"date:create\x002026-11-27"), chunk(b"tIME", b"\0" * 7)]
)
def test_the_pixels_of_other_files_are_not_decoded(tmp_path, extra):
    content = bytearray(png(behind=False, exif=b"", extra=extra))
    at = content.find(b"IDAT")
    content[at + 6] ^= 255  # decoding would fail
    (file := tmp_path / "a.png").write_bytes(content)
    assert read_header(file) == ((4, 6), PixelKind("L"))


@pytest.mark.parametrize("cut", [0, 4, 12, 40])
def test_a_file_that_ends_early(cut):
    assert exif_after_pixels(io.BytesIO(png(behind=False, exif=b"")[:cut])) is False
