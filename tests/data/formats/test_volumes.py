"""Volumes in a stated form: millimetres kept from the file to the grid and back, NIfTI's odd files
read or refused.
"""

from __future__ import annotations

import gzip
import logging
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from dicom_files import SECRET, write_series
from hypothesis import given, settings
from hypothesis import strategies as st

from medmonai.data import ImageForm, UnreadableImageError, load_images
from medmonai.data.containers.pixel_kind import PixelKind
from medmonai.data.files.reading import read_case, read_image
from medmonai.data.formats.formats import image_kind
from medmonai.data.formats.nifti import NO_ORIENTATION, nifti_header, read_nifti
from medmonai.data.formats.volumes import NO_SPACING, Volume, fit_volume

# A chest in HU that no flip or exchange of axes leaves as it is, with one bright ball.
SHAPE, BALL = (40, 30, 24), (29, 9, 14)


def ball(shape=SHAPE, at=BALL, radius_mm=6.0, spacing=(1.0, 1.0, 1.0)):
    away = sum(((np.indices(shape)[a] - at[a]) * spacing[a]) ** 2 for a in range(3))
    return np.where(away < radius_mm**2, 900, -900).astype(np.int16)


def affine_of(axes, spacing, origin=(11.0, -22.0, 33.0)):
    ornt = nibabel.orientations.axcodes2ornt(tuple(axes))
    found = np.eye(4)
    for axis, (world, sign) in enumerate(ornt):
        found[:3, axis] = 0
        found[int(world), axis] = sign * spacing[axis]
    found[:3, 3] = origin
    return found


def centre_mm(values, affine):
    weights = values - values.min()
    voxel = [(np.indices(values.shape)[a] * weights).sum() / weights.sum() for a in range(3)]
    return (affine @ [*voxel, 1])[:3]


FORMS = [
    {"spatial_size": (40, 40, 40)},
    {"spatial_size": (17, 29, 40), "orientation": "SPL"},
    {"spatial_size": (64, 64, 64), "spacing": (1.5, 1.5, 1.5)},
    {"spatial_size": (60, 40, 50), "spacing": (3.0, 2.0, 1.0), "orientation": "PIR"},
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("axes", "spacing"),
    [("RAS", (1.0, 1.0, 1.0)), ("LPS", (0.8, 0.9, 2.5)), ("PIL", (1.2, 3.0, 0.7))],
)
@pytest.mark.parametrize("kind", ["NIfTI", "DICOM"])
def test_a_mark_is_at_the_same_millimetres(tmp_path, form, axes, spacing, kind):
    values, affine = ball(spacing=spacing), affine_of(axes, spacing)
    if kind == "DICOM":
        pytest.importorskip("pydicom")
        path = write_series(tmp_path / "case", values, affine)
    else:
        path = tmp_path / "case.nii.gz"
        nibabel.save(nibabel.Nifti1Image(values, affine), path)
    case = read_case(path, ImageForm(in_channels=1, intensity_range=(-900, 900), **form))
    expected = (affine @ [*BALL, 1])[:3]
    assert (
        case.image.dtype == np.uint8
        and case.image.shape == (1, *form["spatial_size"])
        and case.kind.name == kind
    )
    # of 0.7 to 3 mm voxels
    assert np.abs(centre_mm(case.image[0].astype(float), case.place.affine) - expected).max() < 0.25
    assert "".join(nibabel.aff2axcodes(case.place.affine)) == form.get("orientation", "RAS")
    back = case.place.in_image_space(case.image.astype(np.float32))[0]
    assert back.shape == SHAPE
    assert np.abs(centre_mm(back, case.place.original_affine) - expected).max() < 0.25
    if kind == "NIfTI":
        np.testing.assert_allclose(case.place.original_affine, affine, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    axes=st.sampled_from(["RAS", "LPS", "PIL", "SRA", "AIL"]),
    mm=st.tuples(*[st.floats(0.6, 3.0)] * 3),
    at=st.tuples(st.integers(10, 29), st.integers(10, 19), st.integers(8, 15)),
    asked=st.floats(0.8, 3.0),
)
def test_a_mark_comes_back_whatever_the_grid(axes, mm, at, asked):
    values, affine = ball(at=at, spacing=mm, radius_mm=5.0), affine_of(axes, mm)
    size = tuple(int(n) for n in np.ceil(np.array(SHAPE) * max(mm) / asked) + 2)
    size = (max(size),) * 3
    grey = (values[None].astype(np.float32) + 900) * (255 / 1800)
    image, place = fit_volume(
        Volume(grey, affine=affine), ImageForm(size, in_channels=1, spacing=(asked,) * 3)
    )
    back = place.in_image_space(image.astype(np.float32))[0]
    truth = centre_mm(values.astype(float), affine)
    assert np.abs(centre_mm(image[0].astype(float), place.affine) - truth).max() < 0.3
    assert np.abs(centre_mm(back, affine) - truth).max() < 0.3


def test_own_size_and_orientation_is_the_file_itself(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)
    nibabel.save(nibabel.Nifti1Image(values, affine_of("RAS", (1, 2, 3))), tmp_path / "a.nii")
    for spacing in (None, (1, 2, 3)):
        case = read_case(tmp_path / "a.nii", ImageForm((6, 5, 4), in_channels=1, spacing=spacing))
        assert np.array_equal(case.image[0], values) and np.allclose(
            case.place.affine, case.place.original_affine
        )
    colour = read_case(tmp_path / "a.nii", ImageForm((6, 5, 4), in_channels=3))
    assert np.array_equal(colour.image, np.stack([values] * 3))


def test_real_ct_in_millimetres(real_data, caplog):
    form = {"in_channels": 1, "spatial_size": (64, 64, 64), "intensity_range": (-1000, 400)}
    with caplog.at_level(logging.WARNING, logger="medmonai.data"):
        found = load_images(
            real_data / "ct" / "chest_ct_b.nii.gz", ImageForm(spacing=(4.0, 4.0, 4.0), **form)
        )
    assert "cropped" not in caplog.text  # 180 x 189 x 246 mm in 256
    stored = nibabel.load(real_data / "ct" / "chest_ct_b.nii.gz")
    np.testing.assert_allclose(np.linalg.norm(found.places[0].affine[:3, :3], axis=0), 4.0)
    np.testing.assert_array_equal(found.places[0].original_affine, stored.affine)
    # Every voxel of 4 mm is near the mean of the 1.5-mm voxels about the same place.
    grey = (np.clip(np.asarray(stored.dataobj, float), -1000, 400) + 1000) * 255 / 1400
    for voxel in ((30, 31, 32), (22, 36, 40), (40, 25, 20)):
        x, y, z = found.places[0].original_voxel(voxel).round().astype(int)
        near = grey[x - 1 : x + 2, y - 1 : y + 2, z - 1 : z + 2].mean()
        assert found.images[0, 0][voxel] == pytest.approx(near, abs=12)
    with caplog.at_level(logging.WARNING, logger="medmonai.data"):
        load_images(
            real_data / "ct" / "chest_ct_b.nii.gz", ImageForm(spacing=(2.0, 2.0, 2.0), **form)
        )
    assert (
        "1 of 1 volumes are larger than spatial_size at this spacing and were cropped"
        in caplog.text
    )


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
        ((4, 5, 6, 4), 3),
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
        PixelKind("NIfTI uint8", colour=channels == 3),
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
    ("shape", "dtype", "said"),
    [
        ((4, 5, 6, 3), np.int16, "it holds 3 volumes along a fourth axis"),
        ((4, 5, 6, 4), np.float32, "it holds 4 volumes along a fourth axis"),
        ((4, 5, 6, 7), np.uint8, "it holds 7 volumes along a fourth axis"),
        ((4, 5, 6, 1, 3), np.float32, r"it has shape \(4, 5, 6, 1, 3\); three axes are read"),
        ((4, 5, 6, 2, 3), np.uint8, r"it has shape \(4, 5, 6, 2, 3\); three axes are read"),
        (
            (4, 5, 6, 3),
            [(name, np.uint8) for name in "RGB"],
            "it holds 3 volumes along a fourth axis",
        ),
    ],
)
def test_several_volumes_are_no_colours(tmp_path, shape, dtype, said):
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
def test_what_a_header_does_not_state_is_remarked(tmp_path, suffix, scale, caplog):
    path = tmp_path / f"a{suffix}"
    for codes, pixdim, expected in (
        ((0, 0), None, (NO_ORIENTATION,)),
        ((0, 0), (0, 1, 1), (NO_ORIENTATION, NO_SPACING)),
        ((1, 0), None, ()),
        ((1, 0), (1, 1, 0), (NO_SPACING,)),
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
                nibabel.Nifti1Image(np.ones((3, 3, 3, 7), np.uint8), np.eye(4)), p
            ),
            r"a.nii .*it holds 7 volumes along a fourth axis",
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
            "a 4 x 4 matrix that can be inverted",
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


def test_kinds_and_axes_that_do_not_fit(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 4, 4, 4), np.uint8))
    with pytest.raises(
        ValueError, match=r"states neither spacing nor orientation, and spacing=\(1.0, 1.0, 1.0\)"
    ):
        load_images(tmp_path, ImageForm((4, 4, 4), in_channels=1, spacing=(1, 1, 1)))
    assert load_images(tmp_path, ImageForm((4, 4, 4), in_channels=1)).places is None
    nibabel.save(
        nibabel.Nifti1Image(np.ones((1, 5, 6), np.uint8), np.eye(4)), tmp_path / "flat.nii"
    )
    assert read_image(tmp_path / "flat.nii", (5, 6)).shape == (1, 5, 6)  # a sagittal slice
    assert image_kind(tmp_path / "flat.nii") == "NIfTI"
    assert image_kind(tmp_path) is None and image_kind(tmp_path / "x.csv") is None


def test_nothing_of_a_header_is_kept(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.eye(4))
    image.header["descrip"], image.header["db_name"] = SECRET.encode(), SECRET.encode()
    nibabel.save(image, tmp_path / "a.nii")
    pytest.importorskip("pydicom")
    write_series(tmp_path / "b", ball(), affine_of("LPS", (1, 1, 2)))
    for path in (tmp_path / "a.nii", tmp_path / "b"):
        found = load_images(path, ImageForm((3, 3, 3), in_channels=1, intensity_range=(0, 255)))
        held = " ".join(
            map(str, (found.ids, found.places[0].as_dict(), vars(found), str(path.name)))
        )
        assert SECRET not in held and "1.2.826" not in held and str(tmp_path) not in held
