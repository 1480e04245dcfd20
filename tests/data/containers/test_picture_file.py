from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image, ImageFile

from medmonai.data import UnreadableImageError
from medmonai.data.containers.image_limit import IMAGE_LIMIT
from medmonai.data.formats.pictures import picture_header, read_picture


def test_other_jpegs_are_no_damage(tmp_path):
    for process, bits in ((1, 12), (3, 8), (55, 8)):
        marker = 0xF7 if process == 55 else 0xC0 + process
        frame = struct.pack(">HBHHB3B", 11, bits, 8, 8, 1, 1, 0x11, 0)
        (tmp_path / "a.jpg").write_bytes(
            b"\xff\xd8\xff" + bytes([marker]) + frame + b"\xff\xda\x00\x08\1\1" + bytes(54)
        )
        with pytest.raises(
            ImportError,
            match=rf"a.jpg is a JPEG of {bits} bits \(process SOF{process}\).*imagecodecs",
        ):
            read_picture(tmp_path / "a.jpg")


def test_truncated_pictures_are_never_filled_up(tmp_path, monkeypatch):
    Image.fromarray(np.zeros((5, 7), np.uint8)).save(tmp_path / "a.png")
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(RuntimeError, match="LOAD_TRUNCATED_IMAGES is True"):
        read_picture(tmp_path / "a.png")


def test_the_limit_counts_what_pillow_holds(tmp_path, monkeypatch):
    Image.new("RGB", (10, 10)).save(tmp_path / "a.png")
    monkeypatch.setenv(IMAGE_LIMIT, "399")
    for read in (read_picture, picture_header):
        with pytest.raises(
            UnreadableImageError, match=f"which take 400 bytes, and at most 399 .*{IMAGE_LIMIT}"
        ):
            read(tmp_path / "a.png")
    monkeypatch.setenv(IMAGE_LIMIT, "400")
    assert read_picture(tmp_path / "a.png").shape == (3, 10, 10)


def test_a_short_file_holds_no_large_picture(tmp_path):
    Image.new("L", (2, 2)).save(tmp_path / "a.tif", compression="tiff_lzw")
    raw = (tmp_path / "a.tif").read_bytes()
    tags = {256: b"\x00\x01\x03\x00", 257: b"\x01\x01\x03\x00"}
    for tag in tags.values():  # 30000 x 30000 pixels in 130 bytes
        at = raw.index(tag)
        raw = raw[: at + 8] + struct.pack("<H", 30000) + raw[at + 10 :]
    (tmp_path / "a.tif").write_bytes(raw)
    with pytest.raises(
        UnreadableImageError, match="30000 x 30000 pixels, and its bytes cannot hold them"
    ):
        read_picture(tmp_path / "a.tif")
