"""Sizes and modes from headers agree with what decoding finds; damaged files are named and
counted.
"""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from dicom_files import dataset, save
from PIL import Image
from source_files import write_class_folders

from medmonai.data.containers.pixel_kind import PixelKind
from medmonai.data.files.headers import read_header, read_headers
from medmonai.data.files.reading import read_case
from medmonai.data.image_form import ImageForm


def picture(path, mode, **options):
    size = options.pop("size", (6, 4))
    Image.new("RGB", size, (200, 10, 30)).convert(mode).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("mode", "suffix", "named"),
    [
        ("L", "png", "L"),
        ("RGB", "jpg", "RGB"),
        ("RGBA", "png", "RGBA"),
        ("P", "png", "palette"),
        ("1", "png", "1 bit"),
        ("I;16", "png", "16 bits"),
        ("CMYK", "jpg", "CMYK"),
        ("L", "tif", "L"),
    ],
)
def test_pictures(mode, suffix, named, tmp_path):
    file = picture(tmp_path / f"a.{suffix}", mode) if mode != "I;16" else tmp_path / "a.png"
    if mode == "I;16":
        Image.fromarray(np.full((4, 6), 3000, np.uint16)).save(file)
    size, kind = read_header(file)
    assert (size, kind.name) == ((4, 6), named) and kind.colour == (
        mode in ("RGB", "RGBA", "P", "CMYK")
    )
    case = read_case(
        file,
        ImageForm((4, 6), in_channels=1, intensity_range=(0, 4095) if mode == "I;16" else None),
    )
    assert (tuple(case.size), case.kind) == ((4, 6), kind)


def test_a_picture_that_lies_on_its_side_is_measured_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = picture(tmp_path / "a.jpg", "L", exif=exif)
    assert (
        read_header(file)[0]
        == (6, 4)
        == tuple(read_case(file, ImageForm((8, 8), in_channels=1)).size)
    )


def test_volumes(tmp_path):
    nibabel.save(
        nibabel.Nifti1Image(np.zeros((5, 6, 7), np.int16), np.eye(4)), tmp_path / "a.nii.gz"
    )
    assert read_header(tmp_path / "a.nii.gz") == ((5, 6, 7), PixelKind("NIfTI int16", bits=16))


def test_what_is_refused_later_is_said_now(tmp_path):
    nibabel.save(
        nibabel.Nifti1Image(np.zeros((5, 6, 7, 4, 2), np.int16), np.eye(4)), tmp_path / "a.nii.gz"
    )
    picture(tmp_path / "b.tif", "L", save_all=True, append_images=[Image.new("L", (6, 4))])
    picture(tmp_path / "c.png", "RGB")
    found = read_headers(sorted(tmp_path.iterdir()))
    assert [line.split(": ")[1] for line in found.unreadable] == [
        (
            "it has shape (5, 6, 7, 4, 2); three axes are read, and a fourth one of channels where "
            "the voxels are single numbers; repair it or leave it out."
        ),
        (
            "it holds 2 pictures, and files with one picture are read; if they are the channels of "
            "a case, save each as a file and name it in a column of a table; repair it or leave it "
            "out."
        ),
    ]
    assert found.kinds == {PixelKind("RGB", colour=True): 1}


def test_colour_is_known_from_every_header(tmp_path):
    """The header says colour where decoding finds three channels, in every format."""
    pytest.importorskip("pydicom")
    rng = np.random.default_rng(0)
    for name, values in (
        ("a", rng.integers(0, 255, (6, 4), np.uint8)),
        ("b", rng.integers(0, 255, (6, 4, 3), np.uint8)),
    ):
        save(dataset(values, Modality="XC"), tmp_path / f"{name}.dcm")
        stored = values[:, :, None] if name == "a" else np.moveaxis(values, -1, 0).T.copy()
        dtype = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
        stored = (
            stored if name == "a" else values.reshape(-1, 3).copy().view(dtype).reshape(6, 4, 1)
        )
        nibabel.save(nibabel.Nifti1Image(stored, np.eye(4)), tmp_path / f"{name}.nii")
    table = {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [256, 0, 8]), ("Data", bytes(range(256))))
    }
    numbers = np.zeros((6, 4), np.uint8)
    save(
        dataset(numbers, Modality="XC", PhotometricInterpretation="PALETTE COLOR", **table),
        tmp_path / "c.dcm",
    )
    for file in sorted(tmp_path.iterdir()):
        form = ImageForm((6, 4), in_channels=1, intensity_range=(0, 255))
        said, found = read_header(file)[1], read_case(file, form).kind
        assert said.colour == found.colour == (file.stem != "a"), file.name
    assert (
        read_headers([tmp_path / "b.dcm"]).in_channels == 3
        and read_headers([tmp_path / "a.nii"]).in_channels == 1
    )


def test_a_dicom_series(real_data):
    pytest.importorskip("pydicom")
    assert read_header(real_data / "ct" / "abdomen_dicom_series") == (
        (512, 512, 20),
        PixelKind("DICOM", bits=16),
    )


def test_a_summary_by_hand(tmp_path):
    files = [picture(tmp_path / f"{i}.png", "RGB" if i else "L") for i in range(3)]
    Image.new("L", (10, 2)).save(tmp_path / "3.png")
    (tmp_path / "4.png").write_bytes(b"")
    nibabel.save(nibabel.Nifti1Image(np.zeros((5, 6, 7), np.uint8), np.eye(4)), tmp_path / "5.nii")
    found = read_headers([*files, tmp_path / "3.png", tmp_path / "4.png", tmp_path / "5.nii"])
    assert found.lines()[:3] == [
        "sizes: 2 x 6 to 4 x 10 (each axis on its own; median 4 x 6), 2 different, most often 4 x "
        "6 (3), 2 x 10 (1) (all files)",
        "modes: L 2, RGB 2, NIfTI uint8 1",
        "axes: 1 files do not have 2 axes as the others do",
    ]
    assert found.lines()[3].startswith(
        "unreadable: 1, first: 4.png (0 bytes) cannot be read: the file is empty"
    )
    assert (found.looked_at, found.in_channels, found.spatial_dims) == (6, 3, 2)
    assert str(tmp_path) not in " ".join(found.lines())


def test_only_some_of_many_are_looked_at(tmp_path):
    write_class_folders(tmp_path, {"A": 30, "B": 30}, size=(12, 10), suffix=".png")
    files = sorted(tmp_path.rglob("*.png"))
    found = read_headers(files, most=7)
    assert found.looked_at == 7 and found.lines() == [
        "size: 12 x 10 (7 of 60 files looked at)",
        "modes: L 7",
    ]
    assert found.in_channels == 1


def test_nothing_that_can_be_read(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "b.nii").write_bytes(b"no volume")
    found = read_headers([tmp_path / "a.png", tmp_path / "b.nii"])
    assert (
        len(found.unreadable) == 2
        and len(found.lines()) == 1
        and found.as_dict()["distinct_sizes"] == 0
    )


def test_cases_of_several_files(tmp_path):
    """Every file is looked at; a case has the size of its first one, and pictures one size."""
    for name, mode, size in (("a", "L", (6, 4)), ("b", "I;16", (6, 4)), ("c", "L", (4, 6))):
        picture(tmp_path / f"{name}.png", mode, size=size)
    a, b, c = (tmp_path / f"{name}.png" for name in "abc")
    found = read_headers([(a, b, None), (b, None, a), (a, None, c)])
    assert found.total == 3 and found.sizes.tolist() == [[4, 6]] * 2
    assert found.kinds == {PixelKind("L"): 2, PixelKind("16 bits", bits=16): 2}
    assert "c.png has 6 x 4 pixels and a.png of the same case 4 x 6" in found.unreadable[0]
    assert found.missing == (0, 2, 1) and found.indicators == (1, 2)
    assert found.in_channels == 5 and found.as_dict()["missing"] == [0, 2, 1]


@pytest.mark.parametrize(("channels", "colored"), [(1, (False,)), (3, (True,)), (5, (False,))])
def test_channels_of_one_file(tmp_path, channels, colored):
    values = np.zeros((5, 6, 7, channels), np.uint8)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii")
    found = read_headers([tmp_path / "a.nii"])
    # volumes in color are read as gray
    assert (found.in_channels, found.colored) == (1 if channels == 3 else channels, colored)
