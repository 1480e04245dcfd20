"""Images of files, folders and npz archives are loaded in the form that is asked for."""

from __future__ import annotations

import logging

import nibabel
import numpy as np
import pytest
import torch
from grey_images import grey, save_nifti
from PIL import Image

from medmonai.data import ImageForm, ImageSet, load_images


def test_png_folder(tmp_path):
    arrays = {"b.png": grey(28, 20), "a.PNG": grey(28, 20), "deep/c.png": grey(28, 20)}
    (tmp_path / "deep").mkdir()
    for name, array in arrays.items():
        Image.fromarray(array).save(tmp_path / name)
    found = load_images(tmp_path, ImageForm((28, 20), in_channels=1))
    assert isinstance(found, ImageSet) and found.ids.tolist() == ["a.PNG", "b.png", "deep/c.png"]
    for i, name in enumerate(found.ids):
        assert np.array_equal(found.images[i, 0], arrays[name])
        assert (
            torch.equal(found[i]["image"][0], torch.from_numpy(arrays[name]))
            and found[i]["id"] == name
        )
    assert (found.in_channels, found.spatial_size, found.spatial_dims, len(found)) == (
        1,
        (28, 20),
        2,
        3,
    )


def test_one_file_and_no_folder_names_in_ids(tmp_path):
    Image.fromarray(grey(8, 8)).save(tmp_path / "x.png")
    assert load_images(tmp_path / "x.png", ImageForm((8, 8), in_channels=1)).ids.tolist() == [
        "x.png"
    ]


def test_jpeg_and_channels(tmp_path):
    colour = np.zeros((16, 16, 3), np.uint8)
    colour[..., 0], colour[..., 1], colour[..., 2] = 200, 100, 50
    Image.fromarray(colour).save(tmp_path / "a.png")
    Image.fromarray(np.full((16, 16), 77, np.uint8)).save(tmp_path / "b.jpg", quality=100)
    Image.fromarray(np.dstack([colour, np.full((16, 16), 9, np.uint8)]), "RGBA").save(
        tmp_path / "c.png"
    )
    Image.fromarray(colour).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "d.png")
    Image.fromarray(np.eye(16, dtype=bool)).save(tmp_path / "e.png")
    rgb = load_images(tmp_path, ImageForm((16, 16), in_channels=3))
    assert (
        rgb.images[0, :, 0, 0].tolist() == [200, 100, 50]
        and rgb.images[1, :, 5, 5].tolist() == [77] * 3
    )
    assert np.array_equal(rgb.images[0], rgb.images[2]) and np.array_equal(
        rgb.images[0], rgb.images[3]
    )
    one = load_images(tmp_path, ImageForm((16, 16), in_channels=1))
    assert one.images[0, 0, 0, 0] == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert one.images[4, 0].tolist() == (np.eye(16) * 255).tolist()
    # PIL's luma
    assert (
        abs(int(one.images[0, 0, 0, 0]) - np.array(Image.fromarray(colour).convert("L"))[0, 0]) <= 1
    )


@pytest.mark.parametrize(
    ("size", "shape"), [((14, 14), (28, 28)), ((40, 20), (28, 28)), ((10, 10, 10), (20, 30, 10))]
)
def test_resized_with_a_warning(tmp_path, caplog, size, shape):
    smooth = sum(np.meshgrid(*[np.linspace(0, 80, n) for n in shape], indexing="ij")).astype(
        np.uint8
    )
    if len(shape) == 2:
        Image.fromarray(smooth).save(tmp_path / "a.png")
        Image.fromarray(grey(*size)).save(tmp_path / "b.png")
    else:
        save_nifti(tmp_path / "a.nii.gz", smooth)
        save_nifti(tmp_path / "b.nii.gz", grey(*size))
    with caplog.at_level(logging.WARNING, logger="medmonai.data"):
        found = load_images(tmp_path, ImageForm(size, in_channels=1))
    assert f"1 of 2 images were resized to {size}" in caplog.text
    expected = sum(np.meshgrid(*[(np.arange(o) + 0.5) / o * 80 for o in size], indexing="ij"))
    inner = tuple(slice(n // 4, -(n // 4)) for n in size)  # the border is smoothed
    assert np.abs(found.images[0, 0][inner] - expected[inner]).max() < 6


def test_shrinking_smooths_first(tmp_path):
    Image.fromarray(grey(64, 64)).save(tmp_path / "a.png")
    inner = load_images(tmp_path, ImageForm((8, 8), in_channels=1)).images[0, 0, 1:-1, 1:-1]
    assert inner.std() < 16  # 74 / 8 if all 64 pixels were averaged; 37 for four of them


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_orientation(tmp_path, suffix):
    data = grey(6, 7, 8)
    save_nifti(tmp_path / f"ras{suffix}", data)
    save_nifti(tmp_path / f"las{suffix}", data[::-1], np.diag([-1, 1, 1, 1]))
    save_nifti(
        tmp_path / f"pir{suffix}",
        np.transpose(data, (1, 2, 0))[::-1, ::-1],
        np.array([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]]),
    )
    found = load_images(tmp_path, ImageForm((6, 7, 8), in_channels=1))
    for image in found.images:
        assert np.array_equal(image[0], data)


def test_nifti_axes(tmp_path):
    data = grey(6, 7, 8)
    save_nifti(tmp_path / "a.nii", data[..., None])
    save_nifti(tmp_path / "b.nii", np.stack([data] * 3, axis=-1))
    found = load_images(tmp_path, ImageForm((6, 7, 8), in_channels=1))
    assert (
        np.array_equal(found.images[0, 0], data)
        and np.abs(found.images[1, 0].astype(int) - data).max() == 0
    )
    save_nifti(tmp_path / "c.nii", data[:, :, :1])
    with pytest.raises(
        ValueError, match=r"a.nii .*it has shape \(6, 7, 8\) and two axes are needed"
    ):
        load_images(tmp_path, ImageForm((6, 7), in_channels=1))
    assert np.array_equal(
        load_images(tmp_path / "c.nii", ImageForm((6, 7), in_channels=1)).images[0, 0],
        data[:, :, 0],
    )


def test_intensity_range(tmp_path):
    data = np.array([-2000, -160, 40, 240, 3000], np.int16).reshape(5, 1, 1) * np.ones(
        (1, 2, 2), np.int16
    )
    save_nifti(tmp_path / "a.nii", data)
    found = load_images(tmp_path, ImageForm((5, 2, 2), in_channels=1, intensity_range=(-160, 240)))
    assert found.images.dtype == np.uint8 and found.images[0, 0, :, 0, 0].tolist() == [
        0,
        0,
        128,
        255,
        255,
    ]
    with pytest.raises(
        ValueError,
        match=r"a.nii has int16 gray values from -2000 to 3000, not uint8; give intensity_range",
    ):
        load_images(tmp_path, ImageForm((5, 2, 2), in_channels=1))
    for bad in ((5, 5), (3, 1), (1, 2, 3), (float("nan"), 1)):
        with pytest.raises(ValueError, match="intensity_range="):
            load_images(tmp_path, ImageForm((5, 2, 2), in_channels=1, intensity_range=bad))


@pytest.mark.parametrize("scaling", [(2.0, 0.0), (1.0, -1000.0)])
def test_scaled_uint8_nifti_is_no_plain_uint8(tmp_path, scaling):
    image = nibabel.Nifti1Image(grey(4, 4, 4), np.eye(4))
    image.header.set_slope_inter(*scaling)
    nibabel.save(image, tmp_path / "a.nii")
    with pytest.raises(ValueError, match="not uint8; give intensity_range"):
        load_images(tmp_path, ImageForm((4, 4, 4), in_channels=1))


def test_sixteen_bit_png(tmp_path):
    Image.fromarray(np.array([[0, 1000], [2000, 65535]], np.uint16)).save(tmp_path / "a.png")
    found = load_images(tmp_path, ImageForm((2, 2), in_channels=1, intensity_range=(0, 2000)))
    assert found.images[0, 0].tolist() == [[0, 128], [255, 255]]
    with pytest.raises(ValueError, match=r"a.png has u?int\d\d gray values from 0 to 65535"):
        load_images(tmp_path, ImageForm((2, 2), in_channels=1))


@pytest.mark.parametrize(
    ("shape", "size", "channels", "view"),
    [
        ((5, 8, 9), (8, 9), 1, lambda x: x[:, None]),
        ((5, 8, 9, 3), (8, 9), 3, lambda x: np.moveaxis(x, -1, 1)),
        ((5, 3, 8, 9), (8, 9), 3, lambda x: x),
        ((5, 1, 8, 9), (8, 9), 1, lambda x: x),
        ((5, 8, 9, 7), (8, 9, 7), 1, lambda x: x[:, None]),
        ((5, 1, 8, 9, 7), (8, 9, 7), 1, lambda x: x),
    ],
)
@pytest.mark.parametrize("key", ["images", "test_images"])
def test_npz(tmp_path, shape, size, channels, view, key):
    array = grey(*shape)
    np.savez(tmp_path / "cases.npz", **{key: array})
    for path in (tmp_path, tmp_path / "cases.npz"):
        found = load_images(path, ImageForm(size, in_channels=channels))
        assert np.array_equal(found.images, view(array)) and found.ids[4] == "cases-000004"


def test_npz_ids_and_labels_are_not_mixed_up(tmp_path):
    np.savez(
        tmp_path / "a.npz",
        images=grey(2, 8, 8),
        ids=np.array(["p1", "p2"]),
        labels=np.array([0, 1]),
    )
    assert load_images(tmp_path, ImageForm((8, 8), in_channels=1)).ids.tolist() == ["p1", "p2"]


def test_real_ct(real_data):
    pytest.importorskip("pydicom")
    found = load_images(
        real_data / "ct", ImageForm((28, 28, 28), in_channels=1, intensity_range=(-1000, 400))
    )
    assert found.ids.tolist() == [
        "abdomen_ct_small.nii.gz",
        "abdomen_dicom_series",
        "chest_ct_a.nii.gz",
        "chest_ct_b.nii.gz",
    ]
    assert all(40 < image.std() for image in found.images)
    # In RAS the last axis runs upwards: in the chest CTs the lungs' air lies above the abdomen.
    assert all(
        image[0, 8:20, 8:20, 16:].mean() < image[0, 8:20, 8:20, :8].mean()
        for image in found.images[2:]
    )


def test_real_pictures(real_data):
    found = load_images(real_data / "chest_xray" / "test", ImageForm((224, 224), in_channels=1))
    assert len(found) == 60 and found.ids[0].startswith("NORMAL/") and found.images.std() > 20
