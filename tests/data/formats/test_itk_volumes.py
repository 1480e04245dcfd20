"""MetaImage and NRRD: the same volume as SimpleITK writes it and nibabel reads it, and no damaged
file is read.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from itk_volume_files import noise, write

from medmonai.data import ImageForm, UnreadableImageError, list_class_folders, load_images
from medmonai.data.containers import PixelKind
from medmonai.data.files.reading import read_case, read_image
from medmonai.data.formats.formats import format_of, image_kind
from medmonai.data.formats.itk_volumes import NO_DIRECTIONS
from medmonai.data.formats.nifti import read_nifti
from medmonai.data.formats.volumes import NO_SPACING

sitk = pytest.importorskip("SimpleITK")
FORM = ImageForm((6, 5, 4), in_channels=1, intensity_range=(-1000, 1000))
ENDS = (".mha", ".nrrd")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
)
def test_values_and_place_are_those_of_the_nifti_file(dtype, end, packed, tmp_path):
    values = noise(dtype)
    path = write(tmp_path / f"a{end}", values, packed=packed)
    expected = read_nifti(write(tmp_path / "a.nii.gz", values))
    volume = format_of(path).volume(path)
    np.testing.assert_allclose(volume.affine, expected.affine, atol=1e-5)
    np.testing.assert_array_equal(volume.values, expected.values)
    assert (
        volume.values.dtype == (dtype if dtype in ("uint8", "int16") else np.float32)
        and not volume.remarks
    )
    np.testing.assert_array_equal(
        read_case(path, FORM).image, read_case(tmp_path / "a.nii.gz", FORM).image
    )
    assert format_of(path).header(path) == (
        (6, 5, 4),
        PixelKind(f"{image_kind(path)} {dtype}", bits=8 * values.itemsize),
    )


@pytest.mark.parametrize("end", ENDS)
def test_colours(end, tmp_path):
    values = noise(np.uint8, 4, 5, 6, 3)
    path = write(tmp_path / f"a{end}", values, vector=True)
    np.testing.assert_array_equal(format_of(path).volume(path).values, values.transpose(3, 2, 1, 0))
    assert format_of(path).header(path)[1].colour


@pytest.mark.parametrize("channels", [2, 3, 5])
@pytest.mark.parametrize("end", ENDS)
def test_vectors_are_channels(end, channels, tmp_path):
    values = noise(np.int16, 4, 5, 6, channels)
    path = write(tmp_path / f"b{end}", values, vector=True)
    read = format_of(path).volume(path)
    np.testing.assert_array_equal(read.values, values.transpose(3, 2, 1, 0))
    kind = format_of(path).header(path)[1]
    assert (kind.channels, kind.colour, read.colour) == (channels, False, False)


@pytest.mark.parametrize("end", ENDS)
def test_every_flipped_bit_of_packed_voxels_is_noticed(end, tmp_path):
    path = write(tmp_path / f"a{end}", noise(), packed=True)
    raw, start = path.read_bytes(), 0
    # past gzip's date
    start = raw.index(b"LOCAL\n") + 6 if end == ".mha" else raw.index(b"\n\n") + 2 + 10
    expected = format_of(path).volume(path).values
    for at in range(start, len(raw)):
        for bit in (1, 128):
            changed = bytearray(raw)
            changed[at] ^= bit
            path.write_bytes(changed)
            try:
                values = format_of(path).volume(path).values
            except UnreadableImageError:
                continue
            # a flag that no bit of the voxels hangs on
            np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    "change", [lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda raw: raw[:40], lambda raw: b""]
)
def test_files_that_are_cut_or_longer(change, end, packed, tmp_path):
    path = write(tmp_path / f"a{end}", noise(), packed=packed)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(UnreadableImageError, match=rf"a{end}.*cannot be read"):
        format_of(path).volume(path)


@pytest.mark.parametrize(
    ("end", "old", "new", "said"),
    [
        (".mha", b"LOCAL", b"a.raw", "its voxels lie in another file"),
        (".mha", b"DimSize = 6 5 4", b"DimSize = 6 5", "it has shape"),
        (".mha", b"DimSize = 6 5 4", b"DimSize = 60000 50000 4", "at most .* are read"),
        (".mha", b"DimSize = 6 5 4", b"DimSize = a b c", "its header is not valid"),
        (".mha", b"MET_SHORT", b"MET_LONG", "its ElementType is MET_LONG"),
        (".mha", b"BinaryData = True", b"BinaryData = False", "its voxels are text"),
        (".mha", b"DimSize", b"DimSizes", "its header does not state DimSize"),
        (".mha", b"ObjectType", b"ObjectTyp", "not a MetaImage file"),
        (".nrrd", b"encoding: raw", b"encoding: bz2", "its encoding is bz2"),
        (".nrrd", b"encoding: raw", b"encoding: raw\nbyte skip: 3", "skips bytes"),
        (
            ".nrrd",
            b"encoding: raw",
            b"encoding: raw\ndata file: /etc/passwd",
            "its voxels lie in another file",
        ),
        (".nrrd", b"type: short", b"type: block", "its type is block"),
        (".nrrd", b"sizes: 6 5 4", b"sizes: 60000 50000 4", "at most .* are read"),
        (".nrrd", b"NRRD0004", b"QRRD0004", "not an NRRD file"),
        (
            ".mha",
            b"ElementType",
            b"ElementToIntensityFunctionSlope = 2\nElementType",
            "FunctionSlope is 2",
        ),
        (
            ".mha",
            b"ElementType",
            b"ElementToIntensityFunctionOffset = -1024\nElementType",
            "FunctionOffset is -1024",
        ),
        (".mha", b"ElementType", b"DistanceUnits = um\nElementType", "its lengths are in um"),
        (
            ".mha",
            b"CompressedData = False",
            b"CompressedData = True",
            "does not state CompressedDataSize",
        ),
        (".nrrd", b"endian", b'space units: "m" "m" "m"\nendian', "its lengths are in m"),
        (".nrrd", b"endian", b'units: "mm" "mm" "s"\nendian', "its lengths are in s"),
        (
            ".nrrd",
            b"left-posterior-superior",
            b"left-posterior-superior-time",
            "its space is .*-time",
        ),
        (".nrrd", b"dimension: 3", b"dimension: 4", "its header states 4 axes"),
        (".nrrd", b"sizes: 6 5 4", b"sizes: 3 2 5 4", "its header states 3 axes"),
    ],
)
def test_headers_that_are_refused(end, old, new, said, tmp_path):
    path = write(tmp_path / f"a{end}", noise())
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new))
    for read in (format_of(path).volume, format_of(path).header):
        with pytest.raises(UnreadableImageError, match=said):
            read(path)


@pytest.mark.parametrize(
    ("end", "lines"),
    [
        (".mha", (b"TransformMatrix", b"ElementSpacing")),
        (".nrrd", (b"space", b"space directions", b"space origin")),
    ],
)
def test_what_a_header_leaves_open_is_said(end, lines, tmp_path):
    path = write(tmp_path / f"a{end}", noise())
    rows = path.read_bytes().split(b"\n")
    path.write_bytes(
        b"\n".join(row for row in rows if row.split(b" =")[0].split(b":")[0] not in lines)
    )
    assert read_case(path, FORM).remarks == (NO_DIRECTIONS, NO_SPACING)
    with pytest.raises(UnreadableImageError, match="states no voxel size"):
        read_case(
            path, ImageForm((6, 5, 4), in_channels=1, intensity_range=(0, 1), spacing=(1, 1, 1))
        )


@pytest.mark.parametrize("size", [b"CompressedDataSize = 10", b""])
def test_a_packed_metaimage_states_how_long_it_is(size, tmp_path):
    path = write(tmp_path / "a.mha", noise(), packed=True)
    path.write_bytes(
        re.sub(rb"CompressedDataSize = \d+\n?", size + b"\n" * bool(size), path.read_bytes())
    )
    with pytest.raises(
        UnreadableImageError, match=r"asks for 10 bytes of packed|does not state CompressedDataSize"
    ):
        format_of(path).volume(path)


def test_windows_line_ends(tmp_path):
    path = write(tmp_path / "a.nrrd", noise())
    expected = format_of(path).volume(path)
    head, _, values = path.read_bytes().partition(b"\n\n")
    path.write_bytes(head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + values)
    np.testing.assert_array_equal(format_of(path).volume(path).values, expected.values)


def test_voxels_other_than_those_in_the_file(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mha", noise())
    other = sitk.ReadImage(str(write(tmp_path / "b.mha", noise() + 1)))
    monkeypatch.setattr(sitk, "ReadImage", lambda *_, **__: other)
    with pytest.raises(UnreadableImageError, match="SimpleITK reads other voxels"):
        format_of(path).volume(path)


@pytest.mark.parametrize("end", ENDS)
def test_a_slice_of_one_voxel_is_a_picture(end, tmp_path):
    image = sitk.GetImageFromArray(noise(np.uint8, 1, 5, 6))
    sitk.WriteImage(image, str(tmp_path / f"a{end}"))
    assert read_image(tmp_path / f"a{end}", (8, 8)).shape == (1, 6, 5)


def test_they_are_found_and_read_like_all_others(tmp_path):
    for name in ("ill", "well"):
        (tmp_path / name).mkdir()
        for end in ENDS:
            write(tmp_path / name / f"{name}{end}", noise())
    assert len(list_class_folders(tmp_path, name="mine").ids) == 4
    images = load_images(
        tmp_path / "ill", ImageForm((6, 5, 4), in_channels=1, intensity_range=(0, 200))
    )
    np.testing.assert_array_equal(images.images[0], images.images[1])
