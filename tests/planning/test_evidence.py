"""What a look says about modality and header fields, never more than the files state."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from dicom_files import dataset, save
from PIL import Image

from medmonai.planning import look
from medmonai.planning.evidence import doubtful_classes
from medmonai.planning.examination import examined

RNG = np.random.default_rng(0)


def noise(*shape, dtype=np.uint8):
    return RNG.integers(0, 200, shape).astype(dtype)


def folders(root, write, n=16, classes=("a", "b")):
    for c, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(n):
            write(root / name / f"{i:02d}", c)
    return look(str(root))


def dicom(path, c, **tags):
    save(dataset(noise(12, 12, dtype=np.uint16), **tags), path.with_suffix(".dcm"))


def picture(path, *shape, suffix="png", dtype=np.uint8, **options):
    Image.fromarray(noise(*shape, dtype=dtype)).save(f"{path}.{suffix}", **options)


def volume(path, mm=1, scale=1, low=0):
    values = noise(9, 9, 5, dtype=np.int16) * scale + low
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1, 1, mm, 1])), f"{path}.nii.gz")


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path, c: dicom(path, c, Modality="DX"), "X-ray (DICOM Modality)"),
        (lambda path, c: dicom(path, c, Modality="MR"), "MR (DICOM Modality)"),
        (lambda path, c: dicom(path, c, Modality="US" if int(path.name) % 2 else "MG"),
         "mammography 16, ultrasound 16 (DICOM Modality)"),
        (lambda path, c: dicom(path, c, RescaleSlope=8, RescaleIntercept=-1024),
         "CT (DICOM Modality), values as in Hounsfield units"),
        (dicom, "CT (DICOM Modality), but the values are not those of Hounsfield units"),
        (lambda path, c: picture(path, 9, 9), "not stated; gray images"),
        (lambda path, c: picture(path, 9, 9, 3), "not stated; color images"),
        (lambda path, c: picture(path, 9, 9, *[3] * c), "not stated; gray and color images"),
        (lambda path, c: volume(path), "not stated; volumes without"),
        (lambda path, c: volume(path, scale=9, low=-1000),
         "not stated; values below -500 look like Hounsfield units (CT)"),
    ],
)  # fmt: skip
def test_modality(write, said, tmp_path):
    seen = folders(tmp_path / "in", write)
    assert seen.modality.startswith(said)
    assert f"modality: {seen.modality}" in seen.lines()


def test_codes_and_body_parts_are_kept_as_the_files_state_them(tmp_path):
    def write(path, c):
        odd = int(path.name) % 2
        dicom(path, c, Modality="CR" if odd else "DX", BodyPartExamined="CHEST" if odd else "")

    seen = folders(tmp_path / "in", write).evidence
    assert seen.codes == ("CR", "DX") and seen.body_parts == ("CHEST",)
    plain = folders(tmp_path / "plain", lambda path, c: picture(path, 9, 9)).evidence
    assert plain.codes == plain.body_parts == ()


def test_a_camera_makes_a_photograph(tmp_path):
    exif = Image.Exif()
    exif[271] = "Maker"

    def write(path, c):
        Image.fromarray(noise(9, 9, 3)).save(f"{path}.jpg", exif=exif)

    assert folders(tmp_path / "in", write).modality == ("photographs (EXIF names a camera: Maker)")


@pytest.mark.parametrize(
    ("write", "field", "values"),
    [
        (lambda path, c: dicom(path, c, Manufacturer="AB"[c]), "Manufacturer", "a: A (16); b: B"),
        (lambda path, c: dicom(path, c, StationName=f"S{c}"), "StationName", "a: S0 (16)"),
        (lambda path, c: dicom(path, c, KVP=80 + c), "KVP", "a: 80"),
        (lambda path, c: picture(path, 9, 9, suffix=["png", "jpg"][c]), "format", "a: PNG (16)"),
        (lambda path, c: picture(path, 9 + c, 9), "size", "a: 9 x 9 (16); b: 10 x 9 (16)"),
        (lambda path, c: picture(path, 9, 9, suffix="jpg", quality=60 + 30 * c),
         "JPEG quality", "a: about 60 (16)"),
        (lambda path, c: picture(path, 9, 9, dtype=[np.uint8, np.uint16][c]),
         "pixel kind", "a: L (16); b: 16 bits (16)"),
        (lambda path, c: volume(path, mm=1 + c), "spacing", "a: 1 x 1 x 1 (16)"),
    ],
)  # fmt: skip
def test_all_images_of_a_class_from_one_device_or_in_one_format(write, field, values, tmp_path):
    seen = folders(tmp_path / "in", write)
    (one,) = [one for one in seen.evidence.findings if one.field == field]
    assert one.v > 0.9 and values in one.line()
    assert any(line.startswith(f"warning: {field} goes with the class") for line in seen.lines())
    assert any("may learn the device" in line for line in seen.lines())


def test_eight_bits_beside_sixteen_are_reported(tmp_path):
    def write(path, c):
        dtype = np.uint16 if int(path.name) % 2 else np.uint8
        Image.fromarray(noise(9, 9, dtype=dtype)).save(f"{path}.png")

    seen = folders(tmp_path / "in", write)
    assert any("16 of 32 images hold 8 bits and the others more" in line for line in seen.lines())
    assert seen.evidence.findings == ()


@pytest.mark.parametrize("shape", [(9, 7, 1), (1, 9, 7), (9, 1, 7)])
def test_volumes_one_voxel_thick_are_pictures(shape, tmp_path):
    def write(path, c):
        values = noise(*shape, dtype=np.int16)
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), f"{path}.nii.gz")

    seen = folders(tmp_path / "in", write)
    assert seen.spatial_dims == 2 and len(seen.size) == 2 and 1 not in seen.size
    assert examined(seen).checks == ("copies: none among all images",)


def test_one_thick_volume_keeps_all_volumes(tmp_path):
    def write(path, c):
        values = noise(9, 7, 1 + 3 * (path.name == "03"), dtype=np.int16)
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), f"{path}.nii.gz")

    assert folders(tmp_path / "in", write).spatial_dims == 3


def test_a_class_that_may_be_a_missing_label(tmp_path):
    seen = folders(tmp_path / "in", lambda path, c: picture(path, 9, 9), classes=("1", "2", "99"))
    said = "warning: class '99' may stand for a missing label; if so, leave its cases out"
    assert said in seen.lines()


@pytest.mark.parametrize(
    ("names", "same"),
    [
        (("0", "1", "no", "yes"), [["0", "no"], ["1", "yes"]]),
        (("False", "True", "Y"), [["True", "Y"]]),
        (("neg", "negative", "pos"), [["neg", "negative"]]),
        (("ja", "nein"), []),
        (("0", "1", "2"), []),
        (("-", "+"), []),
    ],
)
def test_classes_that_may_be_one(names, same):
    told = [
        f"warning: classes {', '.join(map(repr, some))} may be one class; if so, give them one name"
        for some in same
    ]
    assert sorted(doubtful_classes(names)) == sorted(told)


def test_images_none_of_which_can_be_read(tmp_path):
    with pytest.raises(ValueError, match=r"none of the images .* can be read, first: 00.nii.gz"):
        folders(
            tmp_path / "in",
            lambda path, c: nibabel.save(
                nibabel.Nifti1Image(np.full((4, 4, 4), np.nan, np.float32), np.eye(4)),
                f"{path}.nii.gz",
            ),
        )


def test_a_channel_that_one_class_lacks(tmp_path):
    (tmp_path / "im").mkdir()
    rows = ["t1,t2,label"]
    for i in range(40):
        for name in ("a", "b"):
            picture(tmp_path / "im" / f"{name}{i}", 9, 9)
        rows.append(f"a{i}.png,{'' if i % 2 else f'b{i}.png'},{'xy'[i % 2]}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    seen = look(str(tmp_path / "t.csv"), {"image_column": "t1,t2", "images": str(tmp_path / "im")})
    assert [one.field for one in seen.evidence.findings] == ["channels present"]
    assert "x: 1, 2 (20); y: 1 (20)" in seen.evidence.findings[0].line()
