"""DICOM's compressed frames: their number and sizes are compared with the header before any is
decoded, and a missing decoder is named.
"""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from dicom_files import dataset
from PIL import Image

pydicom = pytest.importorskip("pydicom")

from dicom_pixels import NO_SIGN, bits, read  # noqa: E402  (after the skip)

from medmonai.data import UnreadableImageError  # noqa: E402  (after the skip)

RNG = np.random.default_rng(0)
TWELVE = RNG.integers(0, 4096, (6, 5), dtype=np.uint16)
COLOURS = RNG.integers(0, 256, (6, 5, 3), dtype=np.uint8)


def encapsulated(frame, syntax, **tags):
    from pydicom.encaps import encapsulate

    found = dataset(TWELVE, **tags)
    found.file_meta.TransferSyntaxUID = syntax
    found.PixelData = encapsulate([frame])
    found["PixelData"].VR, found["PixelData"].is_undefined_length = "OB", True
    return found


def jpeg_start(process, precision=12, rows=6, columns=5, samples=1):
    frame = struct.pack(">HBHHB", 8 + 3 * samples, precision, rows, columns, samples) + bytes(
        3 * samples
    )
    return (
        b"\xff\xd8\xff"
        + bytes([0xC0 + process if process < 16 else 0xF7])
        + frame
        + b"\xff\xda\x00\x02"
        + b"\xff\xd9"
    )


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        ("1.2.840.10008.1.2.4.51", jpeg_start(1)),
        ("1.2.840.10008.1.2.4.57", jpeg_start(3, 16)),
        ("1.2.840.10008.1.2.4.70", jpeg_start(3, 8)),
        ("1.2.840.10008.1.2.4.80", jpeg_start(55)),
        ("1.2.840.10008.1.2.4.81", jpeg_start(55)),
    ],
)
def test_a_missing_decoder_is_no_damage(tmp_path, syntax, frame):
    from pydicom.pixels import get_decoder

    if set(get_decoder(syntax).available_plugins) - {"pillow"}:
        pytest.skip("a decoder is installed")
    with pytest.raises(
        ImportError, match=r"a.dcm is compressed and no decoder .*JPEG.* needs python-gdcm or"
    ):
        read(tmp_path, encapsulated(frame, syntax, **bits(12)))


def jpeg_2000_start(rows, columns, samples=1, tile=None):
    tile = tile or (columns, rows)
    return (
        b"\xff\x4f\xff\x51"
        + struct.pack(">HH8IH", 38 + 3 * samples, 0, columns, rows, 0, 0, *tile, 0, 0, samples)
        + bytes([11, 1, 1]) * samples
    )


@pytest.mark.parametrize(
    ("syntax", "frame", "said"),
    [
        (
            "1.2.840.10008.1.2.4.90",
            jpeg_2000_start(60000, 60000),
            "60000 x 60000 pixels of 1 samples and its header says 6 x 5",
        ),
        (
            "1.2.840.10008.1.2.4.91",
            jpeg_2000_start(6, 5, 3),
            "of 3 samples and its header says 6 x 5 of 1",
        ),
        ("1.2.840.10008.1.2.4.201", jpeg_2000_start(6, 50000), "6 x 50000"),
        ("1.2.840.10008.1.2.4.90", jpeg_2000_start(6, 5)[:20], "end in their header"),
        ("1.2.840.10008.1.2.4.50", jpeg_start(0, 8, 65000, 65000), "65000 x 65000"),
        ("1.2.840.10008.1.2.4.80", jpeg_start(55, 12, 65000, 65000), "65000 x 65000"),
        ("1.2.840.10008.1.2.4.50", b"\0" * 80, "do not start as JPEG"),
        (
            "1.2.840.10008.1.2.5",
            struct.pack("<16I", 9, *[64] * 15) + bytes(80),
            "9 segments and its header asks for 2",
        ),
        (
            "1.2.840.10008.1.2.5",
            struct.pack("<16I", 2, 64, 1 << 30, *[0] * 13) + bytes(80),
            "do not fit the picture",
        ),
        (
            "1.2.840.10008.1.2.5",
            struct.pack("<16I", 2, 64, 70, *[0] * 13) + bytes(9000),
            "do not fit the picture",
        ),
        ("1.2.840.10008.1.2.5", b"\2\0\0\0", "end in their header"),
    ],
)
def test_compressed_sizes_are_compared_before_anything_is_decoded(tmp_path, syntax, frame, said):
    with pytest.raises(UnreadableImageError, match=f"a.dcm .*{said}"):
        read(tmp_path, encapsulated(frame, syntax, **bits(12)))


def test_every_frame_is_compared(tmp_path):
    from pydicom.encaps import encapsulate

    found = encapsulated(
        jpeg_2000_start(6, 5), "1.2.840.10008.1.2.4.90", NumberOfFrames=2, **bits(12)
    )
    found.PixelData = encapsulate([jpeg_2000_start(6, 5), jpeg_2000_start(60000, 60000)])
    with pytest.raises(UnreadableImageError, match="60000 x 60000"):
        read(tmp_path, found)


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("kind", ["JPEG", "RLE"])
@pytest.mark.parametrize(("held", "said"), [(2, 1), (3, 2), (1, 2), (2, 3)])
def test_frames_are_as_many_as_the_header_says(tmp_path, held, said, kind, table):
    from pydicom.encaps import encapsulate

    file = BytesIO()
    Image.fromarray(COLOURS[..., 0]).save(file, "JPEG")
    rle = encoded(COLOURS[..., 0])
    syntax, frame = (
        ("1.2.840.10008.1.2.4.50", file.getvalue())
        if kind == "JPEG"
        else ("1.2.840.10008.1.2.5", rle)
    )
    for number in (said, held):
        found = dataset(np.stack([COLOURS[..., 0]] * number), **NO_SIGN)
        found.file_meta.TransferSyntaxUID, found.NumberOfFrames = syntax, number
        found.PixelData = encapsulate([frame] * held, has_bot=table)
        found["PixelData"].VR, found["PixelData"].is_undefined_length = "OB", True
        if number == held:
            assert read(tmp_path, found).shape == (held, 6, 5)
        else:
            with pytest.raises(UnreadableImageError):
                read(tmp_path, found)


def encoded(grey):
    """Return a frame of 8 bits in DICOM's RLE, without any run."""
    rows = b"".join(bytes([len(row) - 1]) + row.tobytes() for row in grey)
    return struct.pack("<16I", 1, 64, *[0] * 14) + rows + b"\x80" * (len(rows) % 2)
