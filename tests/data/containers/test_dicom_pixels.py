"""DICOM's fields one by one: which bits, which sign, which colours, what is padding; each by hand
or by SimpleITK.
"""

from __future__ import annotations

import numpy as np
import pytest
from dicom_files import dataset, save, write_series

pydicom = pytest.importorskip("pydicom")

from dicom_pixels import NO_SIGN, bits, read  # noqa: E402  (after the skip)

from medmonai.data import ImageForm, UnreadableImageError, load_images  # noqa: E402  (after the skip)
from medmonai.data.files.reading import read_image  # noqa: E402
from medmonai.data.formats.dicom_series import read_dicom_volume  # noqa: E402

RNG = np.random.default_rng(0)
TWELVE = RNG.integers(0, 4096, (6, 5), dtype=np.uint16)
COLOURS = RNG.integers(0, 256, (6, 5, 3), dtype=np.uint8)


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
