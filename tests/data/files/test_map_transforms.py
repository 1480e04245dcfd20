"""MONAI's dictionary transforms of ours give the pixels that `read_case` gives."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose
from PIL import Image

from medmonai.data import ImageForm, LoadImaged, ToImageFormd, UnreadableImageError
from medmonai.data.files import read_case

GREY = ImageForm((8, 10), in_channels=1)
COLOUR = ImageForm((8, 10), in_channels=3, aspect="pad")
RNG = np.random.default_rng(0)
PIXELS = {
    "L": RNG.integers(0, 256, (20, 17)).astype(np.uint8),
    "RGB": RNG.integers(0, 256, (20, 17, 3)).astype(np.uint8),
}
# left, back and up, obliquely
AFFINE = np.array([[-2.0, 0.3, 0, 5], [0.3, -1.5, 0, 7], [0, 0, 3, -9], [0, 0, 0, 1]])
SPACED = ImageForm((9, 8, 7), in_channels=1, intensity_range=(0, 900), spacing=(2.5, 2.0, 3.0))


def fitted(image, form):
    return ToImageFormd("image", form=form)({"image": image})["image"]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """mode -> a PNG file."""
    folder = tmp_path_factory.mktemp("files")
    for mode, values in PIXELS.items():
        Image.fromarray(values).save(folder / f"{mode}.png")
    return lambda mode: folder / f"{mode}.png"


@pytest.mark.parametrize("form", [GREY, COLOUR])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_picture_as_file_and_as_array(mode, form, file):
    expected = read_case(file(mode), form).image
    loaded = LoadImaged("image", form=form)({"image": str(file(mode))})["image"]
    assert isinstance(loaded, MetaTensor) and loaded.dtype == torch.float32
    np.testing.assert_array_equal(loaded, expected)
    assert fitted(loaded, form) is loaded
    values = PIXELS[mode]
    last = values if values.ndim == 3 else values[..., None]
    for array in (last, np.moveaxis(last, -1, 0), last.astype(np.float32), torch.from_numpy(last)):
        np.testing.assert_array_equal(fitted(array, form), expected)
    rgba = np.array(Image.open(file(mode)).convert("RGBA"))
    # colors that are all gray are resized as colors
    apart = 1 if mode == "L" and form is COLOUR else 0
    np.testing.assert_allclose(fitted(rgba, form), expected, rtol=0, atol=apart)


def test_an_image_that_lies_on_its_side_is_turned(file):
    expected = read_case(file("RGB"), COLOUR).image
    turned = PIXELS["RGB"].swapaxes(0, 1)
    read_by_pillow = {"width": 17, "height": 20, "original_channel_dim": -1}
    for meta in (read_by_pillow, {"row_pixel_spacing": 1.0}):
        np.testing.assert_array_equal(fitted(MetaTensor(turned, meta=meta), COLOUR), expected)


def test_what_monai_s_own_reader_found_is_turned(file):
    import monai.transforms as mt

    found = Compose([mt.LoadImaged("image"), ToImageFormd("image", form=COLOUR)])
    expected = read_case(file("RGB"), COLOUR).image
    np.testing.assert_array_equal(found({"image": str(file("RGB"))})["image"], expected)


@pytest.mark.parametrize("space", ["RAS", "LPS"])
@pytest.mark.parametrize("key", ["affine", "original_affine"])
def test_a_volume_lies_where_its_affine_says(key, space, tmp_path):
    values = RNG.integers(0, 900, (15, 13, 6)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, AFFINE), tmp_path / "a.nii.gz")
    expected = read_case(tmp_path / "a.nii.gz", SPACED)
    stated = np.diag([-1.0, -1, 1, 1]) @ AFFINE if space == "LPS" else AFFINE
    image = MetaTensor(torch.from_numpy(values), meta={key: stated, "space": space})
    found = fitted(image, SPACED)
    np.testing.assert_array_equal(found, expected.image)
    np.testing.assert_allclose(found.affine, expected.place.affine)
    several = fitted(MetaTensor(torch.from_numpy(values[..., None]), meta={key: stated}), SPACED)
    assert several.shape == found.shape


def test_channels_of_files_of_their_own(tmp_path, file):
    form = ImageForm((8, 10), in_channels=3, indicators=(1,))
    expected = read_case((file("L"), file("L")), form).image
    both = {"image": [str(file("L")), str(file("L"))]}
    np.testing.assert_array_equal(LoadImaged("image", form=form)(both)["image"], expected)
    stacked = np.stack([PIXELS["L"]] * 2)
    np.testing.assert_array_equal(fitted(stacked, form), expected)


def test_a_form_may_be_its_fields_and_keys_may_be_missing(file):
    fields = {"spatial_size": [8, 10], "in_channels": 1}
    chain = Compose(
        [
            LoadImaged(["image", "prior"], form=fields, allow_missing_keys=True),
            ToImageFormd(["image", "prior"], form=fields, allow_missing_keys=True),
        ]
    )
    assert list(chain({"image": str(file("L"))})) == ["image"]
    with pytest.raises(ValueError, match="size"):
        ToImageFormd("image", form={"in_channels": 1, "size": [8, 8]})


def test_no_other_reader_is_tried_on_a_damaged_file(file, tmp_path):
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(file("L").read_bytes()[:-40])
    with pytest.raises(UnreadableImageError, match=r"damaged\.png"):
        LoadImaged("image", form=GREY)({"image": str(damaged)})


@pytest.mark.parametrize(
    ("image", "form", "match"),
    [
        (PIXELS["L"] / 255, GREY, "from 0 to 1; the model takes those of 8-bit files"),
        (PIXELS["L"].astype(np.int16) - 9, GREY, "whole numbers from 0 to 255"),
        (np.full((4, 4), np.nan, np.float32), GREY, "whole numbers from 0 to 255"),
        (np.zeros((2, 3, 4, 5)), GREY, r"shape \(2, 3, 4, 5\); 2 axes are needed"),
        (np.zeros((9, 9, 9), np.float32), SPACED, "does not say where it lies in space"),
        (np.zeros((20, 20, 5), np.uint8), GREY, "holds 5 channels"),
    ],
)
def test_arrays_that_no_file_of_the_training_can_be(image, form, match):
    with pytest.raises(ValueError, match=match):
        fitted(image, form)
