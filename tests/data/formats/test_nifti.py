"""NIfTI's units, kinds of values, axes and colours; odd and bad files are remarked or refused."""

from __future__ import annotations

import gzip
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from dicom_files import SECRET

from medmonai.data import ImageForm, UnreadableImageError, load_images
from medmonai.data.containers.pixel_kind import PixelKind
from medmonai.data.files.reading import read_case
from medmonai.data.formats.nifti import NO_ORIENTATION, nifti_header, read_nifti
from medmonai.data.formats.volumes import NEGATIVE_SPACING, NO_SPACING


@pytest.mark.parametrize(
    ("unit", "factor"), [("mm", 1), ("meter", 1000), ("micron", 0.001), ("unknown", 1)]
)
def test_units_of_space(tmp_path, unit, factor):
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.diag([2, 2, 2, 1.0]))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / "a.nii")
    assert read_nifti(tmp_path / "a.nii").affine[0, 0] == pytest.approx(2 * factor)


def test_values_keep_their_kind(tmp_path):
    for dtype, kept in (
        (np.uint8, "uint8"),
        (np.int16, "int16"),
        (np.int32, "float32"),
        (np.float64, "float32"),
    ):
        nibabel.save(nibabel.Nifti1Image(np.ones((3, 3, 3), dtype), np.eye(4)), tmp_path / "a.nii")
        assert read_nifti(tmp_path / "a.nii").values.dtype.name == kept
    scaled = nibabel.Nifti1Image(np.ones((3, 3, 3), np.int16), np.eye(4))
    scaled.header.set_slope_inter(2, -1)
    nibabel.save(scaled, tmp_path / "a.nii")
    found = read_nifti(tmp_path / "a.nii").values
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], np.asarray(nibabel.load(tmp_path / "a.nii").dataobj))


@pytest.mark.parametrize(
    ("shape", "channels"),
    [
        ((4, 5), 1),
        ((4, 5, 6), 1),
        ((4, 5, 6, 1), 1),
        ((4, 5, 6, 1, 3), 3),
        ((4, 5, 6, 3), 3),
        ((4, 5, 6, 4), 4),
    ],
)
def test_axes(tmp_path, shape, channels):
    nibabel.save(nibabel.Nifti1Image(np.ones(shape, np.uint8), np.eye(4)), tmp_path / "a.nii")
    assert read_nifti(tmp_path / "a.nii").values.shape == (
        channels,
        4,
        5,
        shape[2] if len(shape) > 2 else 1,
    )
    assert nifti_header(tmp_path / "a.nii") == (
        shape[:3],
        PixelKind("NIfTI uint8", colour=channels > 1),
    )


@pytest.mark.parametrize("names", ["RGB", "RGBA"])
def test_colours_of_one_voxel(tmp_path, names):
    values = np.zeros((4, 5, 6), [(name, np.uint8) for name in names])
    values["G"][1, 2, 3] = 200
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii.gz")
    found = read_nifti(tmp_path / "a.nii.gz").values
    assert (
        found.dtype == np.uint8
        and found.shape == (3, 4, 5, 6)
        and found[:, 1, 2, 3].tolist() == [0, 200, 0]
    )
    assert nifti_header(tmp_path / "a.nii.gz") == (
        (4, 5, 6),
        PixelKind(f"NIfTI {names}", colour=True),
    )
    said = nibabel.Nifti1Image(np.ones((4, 5, 6, 1, 3), np.float32), np.eye(4))
    said.header["intent_code"] = 2003
    nibabel.save(said, tmp_path / "b.nii")
    assert read_nifti(tmp_path / "b.nii").values.shape == (3, 4, 5, 6)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((4, 5, 6, 3), np.int16),
        ((4, 5, 6, 4), np.float32),
        ((4, 5, 6, 7), np.uint8),
        ((4, 5, 6, 1, 3), np.float32),
    ],
)
def test_several_volumes_are_channels_and_no_colours(tmp_path, shape, dtype):
    values = np.random.default_rng(0).integers(0, 99, shape).astype(dtype)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii.gz")
    read = read_nifti(tmp_path / "a.nii.gz")
    channels = np.moveaxis(values.reshape(4, 5, 6, shape[-1]), -1, 0)
    np.testing.assert_array_equal(read.values, channels)
    assert not read.colour
    name = f"NIfTI {np.dtype(dtype).name} of {shape[-1]} channels"
    kind = PixelKind(name, bits=8 * np.dtype(dtype).itemsize, channels=shape[-1])
    assert nifti_header(tmp_path / "a.nii.gz") == ((4, 5, 6), kind)
    form = ImageForm((4, 5, 6), in_channels=shape[-1], intensity_range=(0, 255))
    made = read_case(tmp_path / "a.nii.gz", form)
    np.testing.assert_array_equal(made.image, channels[:, ::1])
    assert made.kind.channels == shape[-1] and not made.kind.colour
    with pytest.raises(UnreadableImageError, match=f"holds {shape[-1]} channels .*in_channels=1"):
        read_case(tmp_path / "a.nii.gz", replace(form, in_channels=1))


def test_four_values_of_uint8_are_colours_and_alpha_unless_four_channels_are_asked_for(tmp_path):
    values = np.random.default_rng(0).integers(0, 255, (4, 5, 6, 4)).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii")
    for channels in (3, 4):
        form = ImageForm((4, 5, 6), in_channels=channels)
        wanted = np.moveaxis(values, -1, 0)[:channels]
        np.testing.assert_array_equal(read_case(tmp_path / "a.nii", form).image, wanted)


@pytest.mark.parametrize(
    ("shape", "dtype", "said"),
    [
        ((4, 5, 6, 2, 3), np.uint8, r"it has shape \(4, 5, 6, 2, 3\); three axes are read"),
        (
            (4, 5, 6, 3),
            [(name, np.uint8) for name in "RGB"],
            r"it has shape \(4, 5, 6, 3\); three axes are read",
        ),
    ],
)
def test_other_axes_are_refused(tmp_path, shape, dtype, said):
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, dtype), np.eye(4)), tmp_path / "a.nii")
    for read in (read_nifti, nifti_header):
        with pytest.raises(
            UnreadableImageError, match=rf"a.nii \(\d+ bytes\) cannot be read: {said}"
        ):
            read(tmp_path / "a.nii")


def without(path, *, codes=(0, 0), pixdim=None, scale=nibabel.Nifti1Image):
    """Write a volume of 3 mm slices whose header has other (qform_code, sform_code) and pixdim on
    the disk.
    """
    header = scale(np.ones((3, 4, 5), np.uint8), np.diag([1.0, 2, 3, 1])).header
    header["qform_code"], header["sform_code"] = codes
    header["pixdim"][1:4] = header["pixdim"][1:4] if pixdim is None else pixdim
    header["vox_offset"] = 352 if header.sizeof_hdr == 348 else 544
    content = header.binaryblock + b"\0" * 4 + bytes(range(60))
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wb") as file:
        file.write(content)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("scale", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_what_a_header_does_not_state_is_remarked(tmp_path, suffix, scale, caplog, capfd):
    path = tmp_path / f"a{suffix}"
    for codes, pixdim, expected in (
        ((0, 0), None, (NO_ORIENTATION,)),
        ((0, 0), (0, 1, 1), (NO_ORIENTATION, NO_SPACING)),
        ((1, 0), None, ()),
        ((1, 0), (1, 1, 0), (NO_SPACING,)),
        ((1, 0), (1, -1, 1), (NEGATIVE_SPACING,)),
        ((0, 0), (1, 1, -1), (NO_ORIENTATION, NEGATIVE_SPACING)),
        ((0, 2), (-1, 1, 1), ()),
        ((1, 1), (0, 0, 0), ()),
        ((0, 2), (0, 0, 0), ()),
    ):
        assert (
            read_nifti(without(path, codes=codes, pixdim=pixdim, scale=scale)).remarks == expected
        )
    form = ImageForm((3, 4, 5), in_channels=1)
    without(path, codes=(1, 0), pixdim=(0, 0, 0), scale=scale)
    assert read_case(path, form).remarks == (NO_SPACING,)
    with pytest.raises(
        UnreadableImageError,
        match=r"states no voxel size, or 0 mm, and spacing=\(1.0, 1.0, 1.0\) needs",
    ):
        read_case(path, replace(form, spacing=(1, 1, 1)))
    without(path, scale=scale)
    assert read_case(path, replace(form, spacing=(1, 2, 3))).remarks == (NO_ORIENTATION,)
    load_images(path, ImageForm((3, 4, 5), in_channels=1))
    assert (
        "1 of 1 images state no orientation (qform_code and sform_code are 0): nibabel's LAS"
        in caplog.text
    )
    assert "pixdim" not in caplog.text + capfd.readouterr().err  # nibabel's own words


def header_of(shape, **fields):
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4))
    image.header["dim"][1:4] = shape
    image.header["vox_offset"], image.header["magic"] = 352, b"n+1"
    for name, value in fields.items():
        image.header[name] = value
    return image


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda p: nibabel.save(
                nibabel.Nifti1Image(np.ones((3, 3, 3, 7, 2), np.uint8), np.eye(4)), p
            ),
            r"a.nii .*it has shape \(3, 3, 3, 7, 2\)",
        ),
        (lambda p: p.write_bytes(b""), r"a.nii \(0 bytes\) cannot be read: the file is empty"),
        (
            lambda p: p.write_bytes(b"no header " * 50),
            "a.nii .*cannot be read: it is no NIfTI file",
        ),
        (
            lambda p: p.write_bytes(
                header_of((30000, 30000, 30000)).header.binaryblock + b"\0" * 100
            ),
            (
                "it says that it has 30000 x 30000 x 30000 voxels, which take 27000000000000 "
                "bytes, and at most"
            ),
        ),
        (
            lambda p: p.write_bytes(
                header_of((2, 2, 2), srow_y=0).header.binaryblock + b"\0" * 100
            ),
            "its header gives the voxels no size or direction in space",
        ),
        (
            lambda p: nibabel.save(
                nibabel.Nifti1Image(np.ones((3, 3, 3), np.complex64), np.eye(4)), p
            ),
            "its voxels are complex64; whole numbers, floats and RGB are read",
        ),
    ],
)
def test_bad_nifti_is_named_without_its_folder(tmp_path, make, message):
    folder = tmp_path / SECRET
    folder.mkdir()
    make(folder / "a.nii")
    with pytest.raises(ValueError, match=message) as raised:
        load_images(folder, ImageForm((3, 3, 3), in_channels=1))
    assert "\n" not in str(raised.value) and SECRET not in str(raised.value)
