"""A DICOM series as a volume: the same numbers at the same millimetres as the NIfTI file, and no
uneven series accepted.
"""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from dicom_files import SECRET, dataset, save, write_enhanced, write_series

pydicom = pytest.importorskip("pydicom")

from medmonai.data import ImageForm, UnreadableImageError, load_images  # noqa: E402  (after the skip)
from medmonai.data.decoding import image_files  # noqa: E402
from medmonai.data.formats.dicom_series import (  # noqa: E402
    BESIDE,
    Dicom,
    read_dicom_volume,
)
from medmonai.data.formats.nifti import read_nifti  # noqa: E402
from medmonai.data.grids import to_form_grid  # noqa: E402

AXIAL = np.array([[-0.8, 0, 0, 40], [0, -0.9, 0, 50], [0, 0, 2.5, -30], [0, 0, 0, 1.0]])
CORONAL = np.array([[-0.8, 0, 0, 40], [0, 0, 2.5, 50], [0, -0.9, 0, -30], [0, 0, 0, 1.0]])
SAGITTAL = np.array([[0, 0, -2.5, 40], [-0.8, 0, 0, 50], [0, -0.9, 0, -30], [0, 0, 0, 1.0]])
_TURN = np.array([[np.cos(0.3), -np.sin(0.3), 0], [np.sin(0.3), np.cos(0.3), 0], [0, 0, 1.0]])
OBLIQUE = AXIAL.copy()
OBLIQUE[:3, :3] = _TURN @ np.array([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]]) @ AXIAL[:3, :3]
HU = np.random.default_rng(0).integers(-1000, 1500, (7, 6, 5))


@pytest.mark.parametrize("affine", [AXIAL, CORONAL, SAGITTAL, OBLIQUE])
@pytest.mark.parametrize("enhanced", [False, True])
def test_values_and_place(tmp_path, affine, enhanced):
    path = (
        write_enhanced(tmp_path / "a.dcm", HU, affine)
        if enhanced
        else write_series(tmp_path / "s", HU, affine)
    )
    found = read_dicom_volume(path)
    # sorted along the normal: the other way
    if np.linalg.det(affine[:3, :3]) * np.linalg.det(found.affine[:3, :3]) < 0:
        expected, affine = (
            HU[:, :, ::-1],
            affine @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 4], [0, 0, 0, 1.0]]),
        )
    else:
        expected = HU
    assert np.array_equal(found.values[0], expected)
    np.testing.assert_allclose(found.affine, affine, atol=1e-4)


@pytest.mark.parametrize("affine", [AXIAL, CORONAL, SAGITTAL, OBLIQUE])
@pytest.mark.parametrize("spacing", [None, (1.0, 1.5, 3.0)])
def test_nifti_and_dicom_are_one_image_and_one_place(tmp_path, affine, spacing):
    write_series(tmp_path / "dicom" / "case", HU, affine)
    (tmp_path / "nifti").mkdir()
    nibabel.save(
        nibabel.Nifti1Image(HU.astype(np.int16), affine), tmp_path / "nifti" / "case.nii.gz"
    )
    found = [
        load_images(
            tmp_path / kind,
            ImageForm((8, 6, 4), in_channels=1, intensity_range=(-1000, 1000), spacing=spacing),
        )
        for kind in ("dicom", "nifti")
    ]
    assert found[0].ids.tolist() == ["case"] and found[1].ids.tolist() == ["case.nii.gz"]
    # a half may be rounded either way
    assert np.abs(found[0].images.astype(int) - found[1].images).max() <= 1
    assert (found[0].images != found[1].images).mean() < 0.01 and found[0].images.std() > 20
    np.testing.assert_allclose(found[0].places[0].affine, found[1].places[0].affine, atol=1e-3)


def test_real_series_is_what_its_slices_say(real_data):
    folder = real_data / "ct" / "abdomen_dicom_series"
    found = read_dicom_volume(folder)
    by_hand = sorted(
        (pydicom.dcmread(file) for file in folder.iterdir()),
        key=lambda d: float(d.ImagePositionPatient[2]),
    )
    expected = np.stack(
        [d.pixel_array.T.astype(float) * d.RescaleSlope + d.RescaleIntercept for d in by_hand],
        axis=-1,
    )
    assert found.values.dtype == np.float32 and np.array_equal(found.values[0], expected)
    # x and y of DICOM's first pixel with the other sign, lowest slice
    mm = np.array([249.51171875, 437.51171875, -804.5])
    np.testing.assert_allclose(found.affine[:3, 3], mm)
    np.testing.assert_allclose(found.affine[:3, :3], np.diag([-0.9765625, -0.9765625, 2.0]))


def test_real_series_equals_monais_reader(real_data):
    from monai.transforms import LoadImage, Orientation

    folder = real_data / "ct" / "abdomen_dicom_series"
    stacked = LoadImage(reader="PydicomReader", image_only=True, ensure_channel_first=True)(
        str(folder)
    )
    expected = Orientation(axcodes="RAS", labels=None)(stacked)  # MONAI stacks downwards here
    found = read_dicom_volume(folder)
    matrix = to_form_grid(found.affine, found.shape, size=(512, 512, 20))
    assert np.array_equal(np.asarray(expected), found.turned())
    np.testing.assert_allclose(np.asarray(expected.affine), found.affine @ matrix, atol=1e-4)


def test_real_series_as_nifti_gives_the_same_array(real_data, tmp_path):
    volume = read_dicom_volume(real_data / "ct" / "abdomen_dicom_series")
    for name, turned in (("ras", nibabel.as_closest_canonical), ("as_it_is", lambda image: image)):
        image = nibabel.Nifti1Image(volume.values[0].astype(np.int16), volume.affine)
        nibabel.save(turned(image), tmp_path / f"{name}.nii.gz")
    form = {
        "in_channels": 1,
        "spatial_size": (96, 96, 24),
        "intensity_range": (-160, 240),
        "spacing": (4.0, 4.0, 2.0),
    }
    dicom = load_images(real_data / "ct" / "abdomen_dicom_series", ImageForm(**form))
    nifti = load_images(tmp_path, ImageForm(**form))
    assert dicom.ids.tolist() == ["abdomen_dicom_series"] and dicom.images.std() > 50
    for image, place in zip(nifti.images, nifti.places):
        assert np.array_equal(dicom.images[0], image)
        np.testing.assert_allclose(place.affine, dicom.places[0].affine, atol=1e-4)


def drop(*numbers):
    return {"change": lambda k, found: "skip" if k in numbers else None}


def on(number, **tags):
    def change(k, found):
        if k == number:
            for name, value in tags.items():
                setattr(found, name, value)

    return {"change": change}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (drop(2), r"a slice is missing between slice\d+.dcm and slice\d+.dcm: 5 mm instead of 2.5"),
        (drop(1), r"a slice is missing between|2.5 to 5 mm apart"),
        (
            on(4, ImagePositionPatient=[-40.0, -50, -19.2]),
            r"slices are 2.5 to 3.3 mm apart, the most between slice\d+.dcm and",
        ),
        (
            on(3, ImagePositionPatient=[-40.0, -50, -25]),
            r"slice\d+.dcm and slice\d+.dcm lie at the same place",
        ),
        (
            on(2, SeriesInstanceUID="1.2.3"),
            r"files slice\d+.dcm and slice\d+.dcm are of two series; a folder is one series",
        ),
        (
            on(2, ImageOrientationPatient=[0.0, 1, 0, 0, 0, -1]),
            r"files slice\d+.dcm and slice\d+.dcm are turned differently",
        ),
        (
            on(2, PixelSpacing=[0.9, 0.85]),
            r"have pixels of \[0.9, 0.8\] and \[0.9, 0.85\] mm|have pixels of \[0.9, 0.85\] and",
        ),
        (
            on(2, Columns=6, Rows=7),
            r"have \(6, 7\) and \(7, 6\) pixels|have \(7, 6\) and \(6, 7\) pixels",
        ),
        (
            on(2, ImagePositionPatient=None),
            r"slice\d+.dcm .*it states no ImagePositionPatient, so its place is unknown",
        ),
        (on(2, PixelSpacing=[0.9, 0.0]), r"slice\d+.dcm .*are those of no grid"),
        (
            on(2, ImageOrientationPatient=[1.0, 0, 0, 1, 0, 0]),
            r"slice\d+.dcm .*are those of no grid",
        ),
        (drop(1, 2, 3, 4), "it holds 1 slices and a volume needs two or more"),
        (drop(0, 1, 2, 3, 4), "it holds 0 slices|holds no image"),
    ],
)
def test_uneven_series_are_refused_with_the_files_names(tmp_path, fault, message):
    folder = write_series(tmp_path / SECRET / "case", HU, AXIAL, **fault)
    with pytest.raises(ValueError, match=message) as raised:
        read_dicom_volume(folder)
    said = str(raised.value)
    assert "\n" not in said and SECRET not in said and "1.2.826" not in said and "1.2.3" not in said


def test_a_tilted_gantry_is_refused(tmp_path):
    def tilt(k, found):
        x, y, z = found.ImagePositionPatient
        found.ImagePositionPatient = [x, y + 0.5 * k, z]

    with pytest.raises(ValueError, match=r"tilted gantry\): straighten it with dcm2niix"):
        read_dicom_volume(write_series(tmp_path / "case", HU, AXIAL, change=tilt))


def test_decimals_rounded_by_a_scanner_are_no_uneven_spacing(tmp_path):
    fine = np.random.default_rng(1).integers(-1000, 1500, (4, 4, 40))
    affine = AXIAL.copy()
    affine[2, 2] = 0.625

    def rounded(k, found):
        found.ImagePositionPatient = [*found.ImagePositionPatient[:2], round(-30 + 0.625 * k, 1)]

    found = read_dicom_volume(write_series(tmp_path / "case", fine, affine, change=rounded))
    assert np.array_equal(found.values[0], fine) and found.affine[2, 2] == pytest.approx(
        0.625, abs=2e-3
    )


@pytest.mark.parametrize("position", range(1, 39))
def test_every_missing_slice_is_noticed(tmp_path, position):
    values = np.zeros((2, 2, 40), int)
    with pytest.raises(ValueError, match="a slice is missing between"):
        read_dicom_volume(write_series(tmp_path / "case", values, AXIAL, **drop(position)))


def test_a_slope_for_each_slice(tmp_path):
    def own(k, found):
        found.RescaleSlope = k + 1

    found = read_dicom_volume(write_series(tmp_path / "case", HU, AXIAL, change=own))
    assert np.array_equal(found.values[0], (HU + 1024) * np.arange(1, 6) - 1024)


def test_frames_without_a_place_are_no_volume(tmp_path):
    from dicom_files import dataset, save

    path = save(dataset(np.zeros((4, 6, 5), np.uint16)), tmp_path / "cine.dcm")
    with pytest.raises(ValueError, match=r"cine.dcm .*it states no ImagePositionPatient"):
        read_dicom_volume(path)


def test_folders_of_series_and_files_of_frames(tmp_path):
    for name in ("b", "a/deep"):
        write_series(tmp_path / name, HU, AXIAL)
    form = {"in_channels": 1, "spatial_size": (7, 6, 5), "intensity_range": (-1000, 1500)}
    assert load_images(tmp_path, ImageForm(**form)).ids.tolist() == ["a/deep", "b"]
    assert load_images(tmp_path / "b", ImageForm(**form)).ids.tolist() == ["b"]
    for name in ("x", "y"):
        write_enhanced(tmp_path / "b" / f"{name}.dcm", HU, AXIAL)
    for file in (tmp_path / "b").glob("slice*"):
        file.unlink()
    assert load_images(tmp_path / "b", ImageForm(**form)).ids.tolist() == ["x.dcm", "y.dcm"]
    assert load_images(tmp_path / "b" / "x.dcm", ImageForm(**form)).ids.tolist() == ["x.dcm"]


def test_nifti_of_a_series_keeps_its_values(tmp_path):
    nibabel.save(nibabel.Nifti1Image(HU.astype(np.int16), AXIAL), tmp_path / "a.nii")
    found = read_nifti(tmp_path / "a.nii")
    assert found.values.dtype == np.int16 and np.array_equal(found.values[0], HU)


def beside(kind):
    """A DICOM object that is not a slice."""
    uid = "1.2.840.10008.5.1.4.1.1."
    found = dataset(np.zeros((20, 24), np.uint16), SeriesInstanceUID="1.2.3")
    if kind == "localizer":
        found.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        found.ImagePositionPatient = [0, 0, 0]
        found.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        found.PixelSpacing = [1, 1]
    elif kind == "capture":
        found.SOPClassUID = f"{uid}7"
    else:
        found.SOPClassUID = uid + {"report": "88.11", "PDF": "104.1", "structures": "481.3"}[kind]
        del found.PixelData, found.Rows, found.Columns
    return found


@pytest.mark.parametrize("kind", ["localizer", "capture", "report", "PDF", "structures"])
@pytest.mark.parametrize("name", ["a.dcm", "z.dcm"])
def test_what_is_no_slice_is_left_out_with_a_remark(tmp_path, kind, name):
    rng = np.random.default_rng(0)
    values = rng.integers(-1000, 1000, (6, 5, 4))
    write_series(tmp_path / "s", values, np.diag([1.0, 1, 2, 1]))
    alone = read_dicom_volume(tmp_path / "s")
    save(beside(kind), tmp_path / "s" / name)
    found = read_dicom_volume(tmp_path / "s")
    np.testing.assert_array_equal(found.values, alone.values)
    assert (found.remarks, alone.remarks) == ((BESIDE,), ())
    assert Dicom().header(tmp_path / "s")[0][:2] == (5, 6)
    ids, files = image_files(tmp_path, spatial_dims=3)
    assert ids == ["s"] and files == [tmp_path / "s"]


def test_a_damaged_slice_is_no_report(tmp_path):
    write_series(tmp_path / "s", np.zeros((6, 5, 4), int), np.diag([1.0, 1, 2, 1]))
    found = dataset(np.zeros((5, 6), np.uint16))
    del found.PixelData, found.Rows, found.Columns
    save(found, tmp_path / "s" / "last.dcm")
    with pytest.raises(UnreadableImageError, match=r"last.dcm .*it holds no image"):
        read_dicom_volume(tmp_path / "s")
