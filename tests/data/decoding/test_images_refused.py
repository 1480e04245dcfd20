"""Files and folders from which no images are loaded: damaged, mixed, of other axes or of several
arrays; each is named in one line.
"""

from __future__ import annotations

import gzip
import logging

import numpy as np
import pytest
from grey_images import grey, save_nifti
from PIL import Image

from medmonai.data import ImageForm, ImageSet, load_images


def test_nan_names_the_file(tmp_path):
    data = np.zeros((4, 4, 4), np.float32)
    data[1, 1, 1] = np.nan
    save_nifti(tmp_path / "bad.nii.gz", data)
    with pytest.raises(ValueError, match=r"bad.nii.gz holds NaN"):
        load_images(tmp_path, ImageForm((4, 4, 4), in_channels=1, intensity_range=(0, 1)))


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        (
            {"train_images": grey(2, 8, 8), "test_images": grey(2, 8, 8)},
            r"a.npz holds train_images, test_images; one array",
        ),
        ({"x": grey(2, 8, 8)}, r"a.npz holds x; one array `images`"),
        ({"images": np.array([None, None])}, r"images is an object array"),
        ({"images": grey(2, 8)}, r"images has shape \(2, 8\); \(N, \*spatial\)"),
        ({"images": grey(2, 8, 8, 2)}, r"holds 2 channels .* in_channels=1"),
        ({"images": grey(2, 8, 8, 2, 2)}, r"images has shape \(2, 8, 8, 2, 2\)"),
        ({"images": grey(0, 8, 8)}, r"no case"),
        ({"images": grey(2, 8, 8).astype(float)}, r"a.npz: a-000000 has float64 gray values"),
        ({"images": grey(2, 8, 8), "ids": np.array(["p"])}, r"a.npz: ids hold 1 rows and images 2"),
        ({"images": grey(2, 8, 8), "ids": np.array(["p", "p"])}, r"'p' occurs 2 times"),
        (
            {"images": grey(2, 8, 8), "ids": np.array(["p", None], object)},
            r"ids is an object array",
        ),
    ],
)
def test_npz_errors(tmp_path, arrays, match):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=match) as raised:
        load_images(tmp_path, ImageForm((8, 8), in_channels=1))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b""),
        ("a.png", b"no picture"),
        ("a.jpg", b"\xff\xd8\xff"),
        ("a.nii", b""),
        ("a.nii.gz", b""),
        ("a.nii.gz", b"\x1f\x8b\x08no"),
        ("a.nii.gz", gzip.compress(b"short", mtime=0)),
        ("a.npz", b""),
        ("a.npz", b"PK\x03\x04"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    size = (4, 4, 4) if ".nii" in name else (4, 4)
    with pytest.raises(ValueError, match=rf"{name} \({len(content)} bytes\)") as raised:
        load_images(tmp_path, ImageForm(size, in_channels=1))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("suffix", ["png", "nii.gz"])
def test_files_cut_short_are_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "png":
        Image.fromarray(grey(64, 64)).save(path)
    else:
        save_nifti(path, grey(16, 16, 16))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"{path.name} .*cannot be read"):
        load_images(
            tmp_path, ImageForm((64, 64) if suffix == "png" else (16, 16, 16), in_channels=1)
        )


def test_empty_and_mixed_folders(tmp_path, caplog):
    with pytest.raises(FileNotFoundError, match=r"holds no image; .nii, .nii.gz, .png"):
        load_images(tmp_path, ImageForm((4, 4), in_channels=1))
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_images(tmp_path / "absent", ImageForm((4, 4), in_channels=1))
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden.png").write_text("x")
    with pytest.raises(
        FileNotFoundError, match=r"but 1 \(no image by its name\), first notes.txt; "
    ):
        load_images(tmp_path, ImageForm((4, 4), in_channels=1))
    Image.fromarray(grey(4, 4)).save(tmp_path / "a.png")
    with caplog.at_level(logging.WARNING, logger="medmonai.data"):
        assert len(load_images(tmp_path, ImageForm((4, 4), in_channels=1))) == 1
    assert "files were skipped: 1 (no image by its name), first notes.txt." in caplog.text
    (tmp_path / "b.webp").write_text("x")
    with pytest.raises(FileNotFoundError, match=r"b.webp is not an image that is read; give an im"):
        load_images(tmp_path / "b.webp", ImageForm((4, 4), in_channels=1))
    with caplog.at_level(logging.WARNING, logger="medmonai.data"):
        load_images(tmp_path, ImageForm((4, 4), in_channels=1))
    assert "1 (an image of a kind that is not read (.webp))" in caplog.text
    (tmp_path / "b.webp").unlink()
    np.savez(tmp_path / "a.npz", images=grey(2, 4, 4))
    with pytest.raises(
        ValueError, match=r"holds npz and picture files; give a folder with one kind"
    ):
        load_images(tmp_path, ImageForm((4, 4), in_channels=1))
    (tmp_path / "a.png").unlink()
    np.savez(tmp_path / "b.npz", images=grey(2, 4, 4))
    with pytest.raises(ValueError, match=r"holds 2 npz files"):
        load_images(tmp_path, ImageForm((4, 4), in_channels=1))


def test_axes_and_channels_that_do_not_fit(tmp_path):
    Image.fromarray(grey(4, 4)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a.png is a 2D image and spatial_size has three axes"):
        load_images(tmp_path, ImageForm((4, 4, 4), in_channels=1))
    for channels, size in ((0, (4, 4)), (1, (4,)), (1, (4, 0))):
        with pytest.raises(ValueError, match=rf"in_channels={channels}, spatial_size="):
            load_images(tmp_path, ImageForm(size, in_channels=channels))


def test_image_set_checks():
    with pytest.raises(ValueError, match="case 'b' holds NaN"):
        ImageSet(np.array([0, np.nan], np.float32).reshape(2, 1, 1, 1), ids=["a", "b"])
    with pytest.raises(TypeError, match="images are float64"):
        ImageSet(np.zeros((2, 1, 4, 4)), ids=["a", "b"])
    assert (
        repr(ImageSet(np.zeros((2, 1, 4, 4), np.uint8), ids=["a", "b"]))
        == "ImageSet(2 images, 1 x (4, 4) uint8)"
    )
