from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from medmonai.data import ImageForm
from medmonai.data.containers.pixel_kind import PixelKind
from medmonai.data.formats.picture_fit import Picture, fit_picture, inner_size

RNG = np.random.default_rng(0)


def noise(*shape):
    return RNG.integers(0, 255, shape, dtype=np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((90, 120), (32, 32)),
        ((450, 600), (224, 224)),
        ((20, 20), (64, 48)),
        ((300, 100), (224, 224)),
        ((33, 47), (33, 12)),
        ((64, 64), (1, 1)),
    ],
)
def test_size_is_pillows_bilinear(mode, shape, size):
    image = Image.fromarray(noise(*shape, 3)).convert(mode)
    found = fit_picture(image, ImageForm(size, in_channels=3 if mode == "RGB" else 1))
    expected = np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR)).reshape(*size, -1)
    error = np.abs(np.moveaxis(found, 0, -1).astype(int) - expected)
    assert error.max() <= 1 and found.dtype == np.uint8
    # Pillow's versions differ in which axis comes first, and it rounds in between
    across = image.resize((size[1], shape[0]), Image.Resampling.BILINEAR)
    if mode == "L":
        stretched = np.asarray(across.resize(size[::-1], Image.Resampling.BILINEAR))
        assert np.array_equal(found[0], stretched)


def test_channels():
    colour = Image.fromarray(np.full((4, 4, 3), (200, 100, 50), np.uint8))
    grey = fit_picture(colour, ImageForm((4, 4), in_channels=1))
    assert grey.shape == (1, 4, 4) and set(grey.ravel().tolist()) == {
        round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    }
    three = fit_picture(Image.fromarray(noise(4, 4)), ImageForm((4, 4), in_channels=3))
    assert three.shape == (3, 4, 4) and np.array_equal(three[0], three[2])


@pytest.mark.parametrize("channels", [1, 3])
def test_aspect(channels):
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[:, 10:30] = 200  # the centred square
    image = Image.fromarray(wide)

    def form(aspect, size=(20, 20)):
        return fit_picture(image, ImageForm(size, in_channels=channels, aspect=aspect))[0]

    assert (form("crop") == 200).all() and (form("crop", (10, 10)) == 200).all()
    padded = form("pad")
    assert (padded[:5] == 0).all() and (padded[15:] == 0).all() and padded[5:15, 8:12].min() == 200
    stretched = form("stretch")
    assert (stretched[:, 7:13] == 200).all() and (stretched[:, :3] == 0).all()
    narrow = Image.fromarray(np.full((1, 1000), 9, np.uint8))
    for aspect in ("crop", "pad", "stretch"):  # one pixel high
        assert fit_picture(narrow, ImageForm((8, 8), in_channels=1, aspect=aspect)).shape == (
            1,
            8,
            8,
        )


@pytest.mark.parametrize(
    ("aspect", "size", "expected"),
    [
        ("stretch", (300, 400), (64, 48)),
        ("crop", (300, 400), (64, 48)),
        ("pad", (300, 400), (36, 48)),
        ("pad", (400, 100), (64, 16)),
        ("pad", (1, 1000), (1, 48)),
    ],
)
def test_inner_size(aspect, size, expected):
    assert inner_size(size, ImageForm((64, 48), in_channels=1, aspect=aspect)) == expected


@pytest.mark.parametrize("kind", [PixelKind("L"), PixelKind("RGB", colour=True)], ids=str)
@pytest.mark.parametrize("aspect", ["stretch", "crop", "pad"])
def test_only_what_is_in_the_box_is_the_picture(kind, aspect):
    whole = Image.fromarray(noise(44, 60, 3)).convert(kind.name)
    form = ImageForm((16, 16), in_channels=1, aspect=aspect)
    assert np.array_equal(
        fit_picture(Picture(whole, kind=kind, turned=False), form), fit_picture(whole, form)
    )
    inside = Picture(whole, kind=kind, turned=False, size=(40, 50), box=(4, 3, 54, 43))
    assert np.array_equal(fit_picture(inside, form), fit_picture(whole.crop((4, 3, 54, 43)), form))


def test_a_pixel_counts_for_its_part():
    # Of a file of 9 pixels that was decoded at 1/2, the first pixel is half outside: the middle one
    # lies at its 2.25 + 0.5.
    row = Image.fromarray(np.array([[0, 0, 0, 200, 200]], np.uint8))
    held = Picture(row, kind=PixelKind("L"), turned=True, size=(1, 9), box=(0.5, 0, 5, 1))
    found = fit_picture(held, ImageForm((1, 1), in_channels=1))
    expected = np.asarray(row.resize((1, 1), Image.Resampling.BILINEAR, box=(0.5, 0, 5, 1)))
    naive = np.asarray(row.resize((1, 1), Image.Resampling.BILINEAR))
    assert found.item() == expected.item() != naive.item()
