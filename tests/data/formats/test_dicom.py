"""One DICOM file: values by the stated rules, and no tag of a person read."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest
from dicom_files import SECRET, dataset, save

pydicom = pytest.importorskip("pydicom")

from medmonai.data import ImageForm, load_images  # noqa: E402  (after the skip)
from medmonai.data.containers.dicom_file import frames, is_dicom, open_dicom  # noqa: E402
from medmonai.data.formats.dicom import pixels  # noqa: E402
from medmonai.data.formats.dicom_series import read_dicom_picture  # noqa: E402

RNG = np.random.default_rng(0)
GREY8 = RNG.integers(0, 256, (6, 5), dtype=np.uint8)
GREY16 = RNG.integers(0, 4096, (6, 5), dtype=np.uint16)


def read(tmp_path, found, name="a.dcm"):
    path = save(found, tmp_path / name)
    return pixels(open_dicom(path), path)


def test_eight_bits_stay_uint8(tmp_path):
    values = read(tmp_path, dataset(GREY8, Modality="DX"))
    assert values.dtype == np.uint8 and np.array_equal(values[0], GREY8)


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (2, 0), (0.5, 10.25), (1, 0)])
def test_rescale(tmp_path, slope, intercept):
    values = read(tmp_path, dataset(GREY16, RescaleSlope=slope, RescaleIntercept=intercept))
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[0], GREY16 * slope + float(intercept))


def test_signed_values(tmp_path):
    stored = RNG.integers(-2000, 2000, (6, 5)).astype(np.int16)
    assert np.array_equal(read(tmp_path, dataset(stored))[0], stored)


def test_modality_lut(tmp_path):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    item = Dataset()
    item.LUTDescriptor, item.LUTData = [256, 0, 16], list(range(1000, 1256))
    item["LUTData"].VR = "US"
    found = dataset(GREY8, Modality="DX", ModalityLUTSequence=Sequence([item]))
    assert np.array_equal(read(tmp_path, found)[0], GREY8.astype(float) + 1000)


@pytest.mark.parametrize(
    ("stored", "tags", "expected"),
    [
        (GREY8, {"Modality": "DX"}, 255 - GREY8.astype(int)),
        (GREY16, {"Modality": "CR", "BitsStored": 12, "HighBit": 11}, 4095 - GREY16.astype(int)),
        (GREY16.astype(np.int16), {"Modality": "DX"}, -1 - GREY16.astype(int)),
        (
            GREY16,
            {
                "Modality": "DX",
                "RescaleSlope": 2,
                "RescaleIntercept": -5,
                "BitsStored": 12,
                "HighBit": 11,
            },
            2 * (4095 - GREY16.astype(int)) - 5,
        ),
        (GREY16, {"Modality": "CT"}, GREY16),
        (GREY16, {"Modality": "PT"}, GREY16),
        (
            GREY16,
            {"Modality": "OT", "RescaleType": "HU", "RescaleSlope": 1, "RescaleIntercept": 0},
            GREY16,
        ),
    ],
)
def test_monochrome1_is_turned_round_unless_it_is_a_quantity(tmp_path, stored, tags, expected):
    values = read(tmp_path, dataset(stored, PhotometricInterpretation="MONOCHROME1", **tags))
    assert np.array_equal(values[0], expected)
    assert (values.dtype == np.uint8) == (stored.dtype == np.uint8)


def test_a_film_and_its_negative_are_one_picture(tmp_path):
    for name, stored, photometric in (
        ("a", GREY8, "MONOCHROME2"),
        ("b", 255 - GREY8, "MONOCHROME1"),
    ):
        save(
            dataset(stored, Modality="DX", PhotometricInterpretation=photometric),
            tmp_path / f"{name}.dcm",
        )
    found = load_images(tmp_path, ImageForm((6, 5), in_channels=1))
    assert np.array_equal(found.images[0], found.images[1]) and np.array_equal(
        found.images[0, 0], GREY8
    )
    assert found.places is None and found.ids.tolist() == ["a.dcm", "b.dcm"]


def test_colours(tmp_path):
    colour = RNG.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    path = save(dataset(colour, Modality="OT"), tmp_path / "rgb.dcm")
    assert np.array_equal(read_dicom_picture(path), np.moveaxis(colour, -1, 0))
    grey = load_images(path, ImageForm((6, 5), in_channels=1)).images[0, 0]
    assert np.abs(grey - colour @ [0.299, 0.587, 0.114]).max() <= 1


@pytest.mark.parametrize(
    "name",
    [
        "examples_ybr_color.dcm",
        "examples_palette.dcm",
        "examples_rgb_color.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "MR_small_RLE.dcm",
        "examples_jpeg2k.dcm",
        "693_J2KI.dcm",
    ],
)
def test_files_of_many_makers(tmp_path, name):
    source = pydicom.data.get_testdata_file(name, download=False)
    if source is None:
        pytest.skip(f"pydicom came without {name}")
    path = shutil.copy(source, tmp_path / "a.dcm")
    try:
        values = pixels(open_dicom(path := tmp_path / "a.dcm"), path)
    except ImportError as error:
        assert "pip install 'medmonai[dicom]'" in str(error)
        return
    from pydicom.pixels import apply_color_lut, apply_rescale

    whole = pydicom.dcmread(source)
    expected = whole.pixel_array
    if whole.PhotometricInterpretation == "PALETTE COLOR":
        expected = apply_color_lut(expected, whole) >> 8
    elif whole.SamplesPerPixel == 1:
        expected = apply_rescale(expected, whole)
    expected = expected if frames(whole) > 1 else expected[None]
    content = (
        np.broadcast_to(whole.pixel_array != whole.get("PixelPaddingValue"), values.shape)
        if values.ndim == 3
        else ...
    )
    assert np.array_equal(values[content], expected[content])


def test_one_magnetic_resonance_image_in_five_encodings(tmp_path):
    names = [
        "MR_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_jp2klossless.dcm",
    ]
    sources = [pydicom.data.get_testdata_file(name, download=False) for name in names]
    found = [pixels(open_dicom(path), path) for path in map(type(tmp_path), filter(None, sources))]
    assert len(found) >= 2 and all(np.array_equal(found[0], other) for other in found[1:])


def test_what_is_dicom(tmp_path):
    path = save(dataset(GREY8), tmp_path / "1.2.840.113619.4711")
    assert is_dicom(path) and path.suffix == ".4711"
    for name in ("DICOMDIR", ".hidden"):
        assert not is_dicom(path.rename(path.with_name(name)))
        path = path.with_name(name)
    (tmp_path / "notes.txt").write_text("x" * 500)
    assert (
        not is_dicom(tmp_path / "notes.txt")
        and not is_dicom(tmp_path / "absent")
        and is_dicom(tmp_path / "x.DCM")
    )


def test_jpeg_ls_is_read_where_its_decoder_is_installed(tmp_path):
    pytest.importorskip("jpeg_ls")
    found = dataset(GREY16, BitsStored=12, HighBit=11)
    found.compress("1.2.840.10008.1.2.4.80", generate_instance_uid=False)
    np.testing.assert_array_equal(read(tmp_path, found)[0], GREY16)


def test_only_tags_that_the_pixels_need_are_read(tmp_path):
    path = save(dataset(GREY8), tmp_path / "a.dcm")
    found = open_dicom(path)
    assert SECRET in str(pydicom.dcmread(path)) and SECRET not in str(found)
    assert not any(element.tag.group in (0x0010, 0x0032, 0x0040) for element in found)
    assert not any(element.VR in ("PN", "DA", "TM", "DT") for element in found)


def test_burned_in_text_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match="text is burned into it"):
        read(tmp_path, dataset(GREY8, BurnedInAnnotation="YES"))


def test_importing_the_package_does_not_import_pydicom():
    import subprocess

    code = (
        "import sys, medmonai.data; sys.exit('pydicom' in sys.modules or 'nibabel' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("stated", "scale", "stored"), [(16, 257, np.uint16), (16, 1, np.uint16), (8, 1, np.uint8)]
)
def test_palettes_of_eight_bits_under_sixteen(tmp_path, stated, scale, stored):
    index, palette = RNG.integers(0, 256, (6, 5), dtype=np.uint8), RNG.integers(0, 256, (3, 256))
    found = dataset(index, PhotometricInterpretation="PALETTE COLOR", Modality="OT")
    for colour, values in zip(("Red", "Green", "Blue"), palette * scale):
        setattr(found, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, stated])
        setattr(found, f"{colour}PaletteColorLookupTableData", values.astype(stored).tobytes())
    path = save(found, tmp_path / "a.dcm")
    assert np.array_equal(read_dicom_picture(path), palette[:, index])
