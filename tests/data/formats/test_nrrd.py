"""Headers of NRRD and MetaImage: spaces, directions, byte order, spelling."""

from __future__ import annotations

import re

import numpy as np
import pytest
from itk_volume_files import noise, write

from medmonai.data import ImageForm, UnreadableImageError
from medmonai.data.formats.formats import format_of
from medmonai.data.formats.itk_volumes import NO_DIRECTIONS

sitk = pytest.importorskip("SimpleITK")
FORM = ImageForm((6, 5, 4), in_channels=1, intensity_range=(-1000, 1000))


@pytest.mark.parametrize(
    ("space", "oriented"),
    [
        (b"RAS", True),
        (b"left-anterior-superior", True),
        (b"LPS", True),
        (b"scanner-xyz", False),
        (b"3D-right-handed", False),
    ],
)
def test_spaces_of_nrrd(space, oriented, tmp_path):
    path = write(tmp_path / "a.nrrd", noise())
    lps = format_of(path).volume(path).affine
    path.write_bytes(path.read_bytes().replace(b"left-posterior-superior", space))
    volume = format_of(path).volume(path)
    assert volume.remarks == (() if oriented else (NO_DIRECTIONS,))
    signs = {b"RAS": (-1, -1, 1), b"left-anterior-superior": (1, -1, 1)}.get(space, (1, 1, 1))
    np.testing.assert_allclose(volume.affine[:3], np.diag(signs) @ lps[:3], atol=1e-5)


def test_spacings_without_directions(tmp_path):
    path = write(tmp_path / "a.nrrd", noise())
    raw = re.sub(rb"space[^\n]*\n", b"", path.read_bytes())
    path.write_bytes(raw.replace(b"endian", b"spacings: 0.5 1.5 2\nendian"))
    volume = format_of(path).volume(path)
    assert volume.remarks == (NO_DIRECTIONS,)
    np.testing.assert_allclose(np.linalg.norm(volume.affine[:3, :3], axis=0), (0.5, 1.5, 2))


@pytest.mark.parametrize(
    "kinds", [b"domain domain domain domain", b"time domain domain domain", b""]
)
def test_four_axes_of_space_are_no_colours(kinds, tmp_path):
    path = tmp_path / "a.nrrd"
    path.write_bytes(
        b"NRRD0004\ntype: uchar\ndimension: 4\nsizes: 3 6 5 4\nencoding: raw\n"
        + (b"kinds: " + kinds + b"\n") * bool(kinds)
        + b"\n"
        + noise(np.uint8, 4, 5, 6, 3).tobytes()
    )
    for read in (format_of(path).volume, format_of(path).header):
        with pytest.raises(UnreadableImageError, match="the first is not of values"):
            read(path)


@pytest.mark.parametrize(
    ("end", "old", "new"),
    [
        (".mha", b"BinaryDataByteOrderMSB = False", b"BinaryDataByteOrderMSB = True"),
        (".mha", b"BinaryDataByteOrderMSB = False", b"ElementByteOrderMSB = True"),
        (".nrrd", b"endian: little", b"endian: big"),
        (".nrrd", b"encoding: raw", b"Encoding: raw"),
    ],
)
def test_byte_order_and_spelling(end, old, new, tmp_path):
    path = write(tmp_path / f"a{end}", noise())
    expected = format_of(path).volume(path)
    head = path.read_bytes()[: -noise().nbytes]
    assert old in head
    big = b"True" in new or b"big" in new
    path.write_bytes(head.replace(old, new) + noise().astype(">i2" if big else "<i2").tobytes())
    np.testing.assert_array_equal(format_of(path).volume(path).values, expected.values)
