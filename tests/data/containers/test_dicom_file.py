"""DICOM files with and without preamble, deflated ones, and how much memory they may ask for."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from bounded_memory import most_memory
from dicom_files import dataset, save

pydicom = pytest.importorskip("pydicom")

from medmonai.data import ImageForm, UnreadableImageError, load_images  # noqa: E402  (after the skip)
from medmonai.data.containers.dicom_file import is_dicom, open_dicom  # noqa: E402
from medmonai.data.containers.image_limit import IMAGE_LIMIT  # noqa: E402
from medmonai.data.formats.dicom import pixels  # noqa: E402

GREY = np.random.default_rng(0).integers(0, 4096, (6, 5), dtype=np.uint16)
IMPLICIT, LITTLE, DEFLATED, BIG = ("1.2.840.10008.1.2" + end for end in ("", ".1", ".1.99", ".2"))


def start_of_tags(path):
    """Where the tags behind group 2 start: the preamble, the mark, the element with that group's
    length, the group.
    """
    return (
        132 + 12 + int(pydicom.filereader.read_file_meta_info(path).FileMetaInformationGroupLength)
    )


def written(path, syntax=LITTLE, found=None, *, packed=None):
    """Save a file in another transfer syntax; of a deflated one, the packed part may be
    replaced.
    """
    found = found or dataset(GREY, Modality="DX")
    found.file_meta.TransferSyntaxUID = syntax
    if syntax == BIG:
        found.PixelData = GREY.astype(">u2").tobytes()
    found.save_as(
        path, enforce_file_format=True, implicit_vr=syntax == IMPLICIT, little_endian=syntax != BIG
    )
    if packed is not None:
        path.write_bytes(path.read_bytes()[: start_of_tags(path)] + packed)
    return path


@pytest.mark.parametrize("syntax", [IMPLICIT, LITTLE, DEFLATED, BIG])
def test_transfer_syntaxes(tmp_path, syntax):
    path = written(tmp_path / "a.dcm", syntax)
    assert np.array_equal(pixels(open_dicom(path), path)[0], GREY)
    assert int(open_dicom(path, pixels=False).Rows) == 6 and "PixelData" not in open_dicom(
        path, pixels=False
    )


@pytest.mark.parametrize("meta", [True, False])
@pytest.mark.parametrize("syntax", [IMPLICIT, LITTLE, BIG])
def test_files_without_a_preamble(tmp_path, syntax, meta):
    path = written(tmp_path / "a.dcm", syntax)
    raw = path.read_bytes()
    start = 132 if meta else start_of_tags(path)
    (tmp_path / "a.dcm").write_bytes(raw[start:])
    bare = tmp_path / "IM0001"
    bare.write_bytes(raw[start:])
    for found in (path, bare):
        assert is_dicom(found) and np.array_equal(pixels(open_dicom(found), found)[0], GREY)
    assert (
        len(load_images(tmp_path, ImageForm((6, 5), in_channels=1, intensity_range=(0, 4095)))) == 2
    )


def test_other_files_are_no_dicom(tmp_path):
    path = tmp_path / "a"
    for content in (
        b"\x08\x00\x05\x00" + b"text that goes on" * 20,
        bytes(500),
        b"II*\0" + bytes(500),
        b"\x08\0",
    ):
        path.write_bytes(content)
        assert not is_dicom(path)
    (tmp_path / "a.dcm").write_bytes(b"text" * 100)
    with pytest.raises(UnreadableImageError, match="neither its mark nor a first tag"):
        open_dicom(tmp_path / "a.dcm")


def test_compressed_pixels_without_a_syntax(tmp_path):
    from pydicom.encaps import encapsulate

    found = dataset(GREY)
    found.file_meta.TransferSyntaxUID, found.PixelData = (
        "1.2.840.10008.1.2.4.90",
        encapsulate([b"x" * 80]),
    )
    found["PixelData"].is_undefined_length, found["PixelData"].VR = True, "OB"
    path = save(found, tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[start_of_tags(path) :])
    with pytest.raises(
        UnreadableImageError, match="its pixels are compressed, and it states no transfer syntax"
    ):
        open_dicom(path)


def deflated(content, level=9):
    packer = zlib.compressobj(level, wbits=-15)
    return packer.compress(content) + packer.flush()


def content_of(path):
    return path.read_bytes()[start_of_tags(path) :]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: deflated(content)[:-30], "is cut short"),
        (lambda content: b"\xff" * 80, "invalid"),
        (
            lambda content: deflated(content + bytes(1 << 25)),
            "holds more than its Rows, Columns and frames ask for",
        ),
        (lambda content: deflated(bytes(1 << 25)), "holds more than"),
    ],
)
def test_deflated_files(tmp_path, damage, said):
    plain = content_of(written(tmp_path / "b.dcm"))
    path = written(tmp_path / "a.dcm", DEFLATED, packed=deflated(plain))
    assert np.array_equal(pixels(open_dicom(path), path)[0], GREY)
    for whole in (True, False):
        with pytest.raises(UnreadableImageError, match=f"a.dcm .*{said}"):
            open_dicom(written(path, DEFLATED, packed=damage(plain)), pixels=whole)


def test_a_deflated_bomb_takes_no_memory(tmp_path):
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(content_of(written(tmp_path / "b.dcm")))
    packed += b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
    path = written(tmp_path / "bomb.dcm", DEFLATED, packed=packed)
    code = (
        f"try: open_dicom(Path({str(path)!r}))\n"
        "except ValueError as error: assert 'holds more' in str(error), error\n"
        "else: raise SystemExit('read')"
    )
    first = (
        "from pathlib import Path; import pydicom.filereader; from "
        "medmonai.data.containers.dicom_file import open_dicom"
    )
    assert most_memory(first, code) < 80  # 16 MB of header allowance, and copies of it


def test_a_header_that_asks_for_more_than_the_file_holds(tmp_path):
    for tags in ({"Rows": 6000, "Columns": 6000}, {"NumberOfFrames": 100000}):
        with pytest.raises(UnreadableImageError, match=r"pixels, and \d+ bytes cannot hold them"):
            open_dicom(save(dataset(GREY, **tags), tmp_path / "a.dcm"), pixels=False)


def test_the_limit(tmp_path, monkeypatch):
    path = save(dataset(GREY), tmp_path / "a.dcm")
    monkeypatch.setenv(IMAGE_LIMIT, "59")
    with pytest.raises(
        UnreadableImageError,
        match=f"1 x 6 x 5 pixels, which take 60 bytes, and at most 59 .*{IMAGE_LIMIT}",
    ):
        open_dicom(path)
    monkeypatch.setenv(IMAGE_LIMIT, "60")
    open_dicom(path)
