"""DICOM files that are refused: damaged ones, files without an image, several pictures, a missing
package or decoder.
"""

from __future__ import annotations

import builtins
import shutil

import numpy as np
import pytest
from dicom_files import SECRET, dataset, save

pydicom = pytest.importorskip("pydicom")

from medmonai.data import ImageForm, load_images  # noqa: E402  (after the skip)
from medmonai.data.containers.dicom_file import open_dicom  # noqa: E402
from medmonai.data.formats.dicom import pixels  # noqa: E402
from medmonai.data.formats.dicom_series import read_dicom_picture  # noqa: E402

RNG = np.random.default_rng(0)
GREY8 = RNG.integers(0, 256, (6, 5), dtype=np.uint8)
GREY16 = RNG.integers(0, 4096, (6, 5), dtype=np.uint16)


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda p: p.write_bytes(b""),
            r"a.dcm \(0 bytes\) cannot be read: the file is empty; repair it",
        ),
        (lambda p: p.write_bytes(b"no picture"), r"a.dcm \(10 bytes\) cannot be read"),
        (cut, r"a.dcm \(\d+ bytes\) cannot be read: .*"),
        (lambda p: save(dataset(GREY8, PixelData=b"12"), p), "a.dcm .*cannot be read"),
        (
            lambda p: save(dataset(GREY8, Rows=60000, Columns=60000), p),
            "it says that it has 1 x 60000 x 60000 pixels, which take",
        ),
        (
            lambda p: save(dataset(GREY8, NumberOfFrames=0x7FFFFFFF), p),
            "it says that it has 2147483647 x 6 x 5 pixels",
        ),
        (
            lambda p: save(dataset(GREY16, RescaleSlope=0, RescaleIntercept=1), p),
            "RescaleSlope and RescaleIntercept are",
        ),
        (
            lambda p: save(dataset(GREY8, PhotometricInterpretation="ODD"), p),
            "a.dcm .*cannot be read: .*ODD",
        ),
        (lambda p: save(dataset(GREY8, BitsAllocated=9), p), "a.dcm .*cannot be read"),
    ],
)
def test_damaged_files_are_named_without_their_folder(tmp_path, damage, message):
    folder = tmp_path / SECRET
    folder.mkdir()
    path = save(dataset(GREY8), folder / "a.dcm")
    damage(path)
    with pytest.raises(ValueError, match=message) as raised:
        load_images(path, ImageForm((6, 5), in_channels=1))
    assert (
        "\n" not in str(raised.value)
        and SECRET not in str(raised.value)
        and "/" not in str(raised.value)
    )


def test_a_file_without_an_image(tmp_path):
    found = dataset(GREY8)
    for tag in ("PixelData", "Rows", "Columns"):
        delattr(found, tag)
    with pytest.raises(ValueError, match=r"a.dcm .*cannot be read: it holds no image"):
        open_dicom(save(found, tmp_path / "a.dcm"))


def test_two_dimensions_take_one_picture(tmp_path):
    path = save(dataset(np.stack([GREY16] * 3)), tmp_path / "cine.dcm")
    with pytest.raises(ValueError, match=r"cine.dcm .*it holds 3 frames and a 2D image is one"):
        load_images(path, ImageForm((6, 5), in_channels=1, intensity_range=(0, 4095)))
    save(dataset(GREY16), tmp_path / "a.dcm")
    with pytest.raises(
        ValueError, match=r"it holds 2 DICOM files and a 2D image is one; .*dicom_folders='files'"
    ):
        read_dicom_picture(tmp_path)


def test_without_the_extra(tmp_path, monkeypatch):
    path = save(dataset(GREY8), tmp_path / "a.dcm")
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.partition(".")[0] == "pydicom":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(
        ImportError,
        match=r"a.dcm is a DICOM file and needs pydicom: pip install 'medmonai\[dicom\]'",
    ):
        load_images(path, ImageForm((6, 5), in_channels=1))


def test_without_a_decoder(tmp_path, monkeypatch):
    # 12 bits: Pillow cannot
    source = pydicom.data.get_testdata_file("JPEG-lossy.dcm", download=False)
    if source is None:
        pytest.skip("pydicom came without JPEG-lossy.dcm")
    from pydicom.pixels.decoders import JPEGExtended12BitDecoder

    monkeypatch.setattr(JPEGExtended12BitDecoder, "_available", {})
    path = tmp_path / "a.dcm"
    shutil.copy(source, path)
    with pytest.raises(
        ImportError, match=r"a.dcm is compressed and no decoder .*JPEG Extended.* python-gdcm"
    ):
        pixels(open_dicom(path), path)
