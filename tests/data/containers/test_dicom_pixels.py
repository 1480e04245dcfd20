"""DICOM's fields one by one: which bits, which sign, which colours, what is padding; each by hand
or by SimpleITK.
"""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from dicom_files import dataset, save, write_series
from PIL import Image

pydicom = pytest.importorskip("pydicom")

from medmonai.data import ImageForm, UnreadableImageError, load_images  # noqa: E402  (after the skip)
from medmonai.data.containers.dicom_file import open_dicom  # noqa: E402
from medmonai.data.files.reading import read_image  # noqa: E402
from medmonai.data.formats.dicom import pixels  # noqa: E402
from medmonai.data.formats.dicom_series import read_dicom_volume  # noqa: E402

RNG = np.random.default_rng(0)
TWELVE = RNG.integers(0, 4096, (6, 5), dtype=np.uint16)
NO_SIGN, COLOURS = {"Modality": "DX"}, RNG.integers(0, 256, (6, 5, 3), dtype=np.uint8)


def read(tmp_path, found):
    path = save(found, tmp_path / "a.dcm")
    return pixels(open_dicom(path), path)


def bits(stored, high=None, **tags):
    return {
        "BitsStored": stored,
        "HighBit": stored - 1 if high is None else high,
        **NO_SIGN,
        **tags,
    }


@pytest.mark.parametrize(
    ("stored", "tags", "expected"),
    [
        (TWELVE, bits(12), TWELVE),
        (TWELVE | 0xA000, bits(12), TWELVE),  # overlays in the unused bits
        (TWELVE << 4, bits(12, 15), TWELVE),
        (TWELVE << 2 | 0xC003, bits(12, 13), TWELVE),
        # the sign fills the unused bits
        ((TWELVE.astype(np.int16) - 2048), bits(12), TWELVE.astype(int) - 2048),
        # or it does not
        (((TWELVE - 2048) & 0xFFF).view(np.int16), bits(12), TWELVE.astype(int) - 2048),
        (((TWELVE - 2048) << 4).view(np.int16), bits(12, 15), TWELVE.astype(int) - 2048),
        (TWELVE.astype(np.uint8) >> 2, bits(6), TWELVE.astype(np.uint8) >> 2),
        (TWELVE.astype(np.int8), NO_SIGN, TWELVE.astype(np.int8)),
        (TWELVE.astype(np.uint32) * 1000, NO_SIGN, TWELVE * 1000.0),
        (TWELVE.astype(np.int32) - 9999, NO_SIGN, TWELVE - 9999.0),
        (
            TWELVE,
            bits(
                12,
                SmallestImagePixelValue=9,
                WindowCenter=5,
                WindowWidth=3,
                PixelAspectRatio=[2, 1],
            ),
            TWELVE,
        ),
    ],
)
def test_bits_and_signs(tmp_path, stored, tags, expected):
    found = read(tmp_path, dataset(stored, **tags))
    np.testing.assert_allclose(found[0], expected)
    assert found.dtype == np.float32  # so a range is asked for


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (bits(12, 10), "BitsAllocated 16, BitsStored 12 and HighBit 10 contradict"),
        (bits(17), "BitsStored 17"),
        (bits(12, 16), "HighBit 16"),
        ({"BitsAllocated": 12}, "."),
        ({"PixelRepresentation": 2}, "."),
        ({"SamplesPerPixel": 2}, "2 samples"),
        ({"SamplesPerPixel": 4, "PhotometricInterpretation": "CMYK"}, "CMYK"),
        ({"PhotometricInterpretation": "RGB"}, "1 samples a pixel, RGB"),
        ({"Rows": 5}, "60 bytes of pixels and its header asks"),
        ({"Rows": 7}, "less than expected|cannot hold"),
        ({"NumberOfFrames": 2}, "less than expected|cannot hold"),
    ],
)
def test_fields_that_contradict_each_other(tmp_path, tags, said):
    with pytest.raises(UnreadableImageError, match=f"a.dcm .*({said})"):
        read(tmp_path, dataset(TWELVE, **tags))


@pytest.mark.parametrize(
    ("photometric", "planar"), [("RGB", 0), ("RGB", 1), ("YBR_FULL", 0), ("YBR_FULL", 1)]
)
def test_colours_as_simpleitk_reads_them(tmp_path, photometric, planar):
    sitk = pytest.importorskip("SimpleITK")
    found = dataset(
        COLOURS, PlanarConfiguration=planar, PhotometricInterpretation=photometric, Modality="OT"
    )
    if planar:
        found.PixelData = np.moveaxis(COLOURS, -1, 0).tobytes()
    values = read(tmp_path, found)[0]
    reference = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.dcm"))).reshape(
        values.shape
    )
    assert np.abs(values.astype(int) - reference).max() <= 1
    assert photometric != "RGB" or np.array_equal(values, COLOURS)


@pytest.mark.parametrize("photometric", ["YBR_PARTIAL_420", "YBR_PARTIAL_422", "HSV", "ARGB"])
def test_colours_that_are_refused(tmp_path, photometric):
    with pytest.raises(UnreadableImageError, match=f"3 samples a pixel, {photometric}"):
        read(tmp_path, dataset(COLOURS, PhotometricInterpretation=photometric))


def test_colours_of_twelve_bits_keep_the_upper_eight(tmp_path):
    deep = COLOURS.astype(np.uint16) << 4
    assert np.array_equal(
        read(tmp_path, dataset(deep, BitsStored=12, HighBit=11, Modality="OT"))[0], COLOURS
    )


def test_one_bit(tmp_path):
    mask = RNG.integers(0, 2, (6, 8), dtype=np.uint8)
    found = dataset(
        mask,
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        Modality="SEG",
        PixelData=np.packbits(mask, bitorder="little").tobytes(),
    )
    assert np.array_equal(read(tmp_path, found)[0], mask * 255)


def test_float_pixels(tmp_path):
    values = RNG.normal(size=(6, 5)).astype(np.float32)
    found = dataset(
        TWELVE,
        BitsAllocated=32,
        BitsStored=32,
        HighBit=31,
        FloatPixelPaddingValue=float(values.max()),
    )
    del found.PixelData
    found.FloatPixelData = values.tobytes()
    expected = np.where(values == values.max(), values.min(), values)
    np.testing.assert_allclose(read(tmp_path, found)[0], expected)


# Content of 100 to 999 in a frame of padding.
FRAMED = np.pad(RNG.integers(100, 1000, (4, 4)), 1, constant_values=-1)
FRAME = FRAMED < 0


@pytest.mark.parametrize(
    ("padding", "dtype", "tags", "dark"),
    [
        (0, np.uint16, {"PhotometricInterpretation": "MONOCHROME1", **bits(12)}, 0),
        (4095, np.uint16, bits(12), 0),
        (0, np.uint16, bits(12), 0),
        (4095, np.uint16, {"PhotometricInterpretation": "MONOCHROME1", **bits(12)}, 0),
        # as it is: below any window
        (-2000, np.int16, {"Modality": "CT", "RescaleIntercept": -1024, "RescaleSlope": 1}, -3024),
        (
            30000,
            np.int16,
            {"Modality": "CT", "RescaleIntercept": -1024, "RescaleSlope": 1},
            -32768 - 1024,
        ),
        # padding outside the bits
        (63536, np.uint16, {**bits(12), "RescaleIntercept": -1000, "RescaleSlope": 1}, -1000),
        (30000, np.int16, {"Modality": "MR", "RescaleIntercept": 0, "RescaleSlope": -1}, -30000),
    ],
)
def test_padding_is_background(tmp_path, padding, dtype, tags, dark):
    stored = np.where(FRAME, padding, FRAMED).astype(dtype)
    plain = read(tmp_path, dataset(stored, **tags))[0]
    found = dataset(stored, **tags)
    found.add_new("PixelPaddingValue", "US" if dtype == np.uint16 else "SS", padding)
    values = read(tmp_path, found)[0]
    assert np.array_equal(values[~FRAME], plain[~FRAME])
    assert (values[FRAME] == dark).all() and dark <= values[~FRAME].min()


def test_padding_in_eight_bits_stays_uint8(tmp_path):
    stored = np.where(FRAME, 0, FRAMED % 200 + 20).astype(np.uint8)
    values = read(
        tmp_path,
        dataset(
            stored, Modality="DX", PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0
        ),
    )[0]
    assert values.dtype == np.uint8 and np.array_equal(values, np.where(FRAME, 0, 255 - stored))


def test_a_range_of_padding(tmp_path):
    stored = np.where(FRAME, 4090 + np.arange(36).reshape(6, 6) % 6, FRAMED).astype(np.uint16)
    values = read(
        tmp_path, dataset(stored, PixelPaddingValue=4095, PixelPaddingRangeLimit=4090, **bits(12))
    )[0]
    assert np.array_equal(values, np.where(FRAME, 0, stored))


def test_padding_written_in_the_other_sign(tmp_path):
    found = dataset(np.where(FRAME, 30000, FRAMED).astype(np.int16), **NO_SIGN)
    found.add_new("PixelPaddingValue", "US", 30000)
    assert (read(tmp_path, found)[0][FRAME] == -32768).all()
    found = dataset(
        np.where(FRAME, -2000, FRAMED).astype(np.int16),
        PhotometricInterpretation="MONOCHROME1",
        **NO_SIGN,
    )
    found.add_new("PixelPaddingValue", "US", 63536)
    assert (read(tmp_path, found)[0][FRAME] == -32768).all()


def test_padding_in_pictures_and_series(tmp_path):
    stored = np.where(FRAME, 4095, FRAMED).astype(np.uint16)
    path = save(dataset(stored, PixelPaddingValue=4095, **bits(12)), tmp_path / "a.dcm")
    assert (read_image(path, (6, 6))[0][FRAME] == 0).all()
    image = load_images(path, ImageForm((6, 6), in_channels=1, intensity_range=(0, 1000))).images[
        0, 0
    ]
    assert (image[FRAME] == 0).all() and image.max() > 200
    volume = np.repeat(np.where(FRAME, 3000, FRAMED)[..., None], 3, axis=2)
    write_series(tmp_path / "s", volume, np.diag([-1, -1, 1, 1.0]), PixelPaddingValue=4024)
    found = read_dicom_volume(tmp_path / "s").values[0]
    assert (found[FRAME] < volume[~FRAME].min()).all() and np.array_equal(
        found[~FRAME], volume[~FRAME]
    )


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
