"""jpeg_scaling decodes a JPEG at a fraction of its size and moves nothing."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace

import numpy as np
import pytest
from picture_files import noise, saved
from PIL import Image

from medmonai.data import ImageForm
from medmonai.data.containers.pixel_kind import PixelKind
from medmonai.data.files.reading import read_case
from medmonai.data.formats.pictures import open_picture


def waves(height, width, period):
    """A colour picture that is smooth, has no symmetry and shows a shift of a fraction of a
    period.
    """
    y, x = np.mgrid[:height, :width] / period
    planes = [
        127.5 + 60 * np.sin(2 * np.pi * x + c) + 60 * np.sin(2 * np.pi * y + x / 9 + 2 * c)
        for c in range(3)
    ]
    return np.rint(np.stack(planes, axis=-1)).astype(np.uint8)


def both(path, form):
    """A file without and with jpeg_scaling, and what was decoded with it: (W, H)."""
    scaling = replace(form, jpeg_scaling=True)
    return read_case(path, form), read_case(path, scaling), open_picture(path, scaling).image.size


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.jpg", {"spatial_size": (41, 40)}),
        ("a.jpg", {"spatial_size": (10, 61)}),
        ("a.jpg", {"spatial_size": (300, 300)}),
        ("a.jpg", {"spatial_size": (8, 8), "intensity_range": (10, 200)}),
        ("a.png", {"spatial_size": (8, 8)}),
        ("a.tif", {"spatial_size": (8, 8)}),
    ],
)
def test_jpeg_scaling_leaves_small_pictures_and_other_files_alone(tmp_path, name, form, channels):
    path = saved(tmp_path / name, noise(163, 240, 3))  # 41 and 61 are more than a quarter of it
    exact, scaled, size = both(path, ImageForm(**form, in_channels=channels))
    assert (
        size == (240, 163)
        and np.array_equal(exact.image, scaled.image)
        and exact.size == scaled.size == (163, 240)
    )


@pytest.mark.parametrize(
    ("size", "decoded"),
    [((40, 40), (120, 82)), ((20, 30), (60, 41)), ((10, 7), (30, 21)), ((2, 2), (30, 21))],
)
def test_jpeg_scaling_keeps_twice_the_wanted_size(tmp_path, size, decoded):
    path = saved(tmp_path / "a.jpg", waves(163, 240, 40))
    assert both(path, ImageForm(size, in_channels=3))[2] == decoded
    assert (
        open_picture(path, ImageForm(size, in_channels=3)).image.size
        == open_picture(path).image.size
        == (240, 163)
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("aspect", "size"), [("stretch", (30, 40)), ("crop", (50, 20)), ("pad", (64, 40))]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_scaling_moves_nothing(tmp_path, orientation, aspect, size, channels):
    # what the orientation undoes
    back = dict(zip(range(2, 9), (Image.Transpose(n) for n in (0, 3, 1, 5, 2, 6, 4))))
    # a last pixel of which 1/8, 1/4 or a half is the picture
    upright = Image.fromarray(waves(481, 641, 160))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright.transpose(back[orientation]) if orientation > 1 else upright
    exact, scaled, held = both(
        saved(tmp_path / "a.jpg", stored, quality=95, exif=exif),
        ImageForm(size, in_channels=channels, aspect=aspect),
    )
    assert held[0] < 641 / 3 and (scaled.size, scaled.turned, scaled.kind) == (
        (481, 641),
        orientation > 1,
        PixelKind("RGB", colour=True),
    )
    assert (exact.size, exact.turned, exact.kind) == (scaled.size, scaled.turned, scaled.kind)
    difference = np.abs(exact.image.astype(int) - scaled.image)
    # 8 and 3 or more where a part of a pixel is forgotten
    assert difference.max() <= 6 and difference.mean() < 1


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("L", {}),
        ("RGB", {"progressive": True}),
        ("CMYK", {}),
        ("RGB", {"format": "MPO"}),
        ("RGB", {"subsampling": 0}),
    ],
)
def test_jpeg_scaling_of_every_kind_of_jpeg(tmp_path, mode, options):
    path = saved(tmp_path / "a.jpg", waves(241, 319, 160), mode, quality=95, **options)
    for channels, aspect in itertools.product((1, 3), ("stretch", "crop", "pad")):
        exact, scaled, size = both(path, ImageForm((20, 20), in_channels=channels, aspect=aspect))
        assert size[0] < 100 and exact.kind == scaled.kind and exact.kind.name == mode
        assert exact.size == scaled.size == (241, 319)
        assert np.abs(exact.image.astype(int) - scaled.image).max() <= 6


def test_jpeg_scaling_of_real_pictures(real_data):
    folder, differences = real_data / "ham10000" / "images", {28: [], 48: []}
    for name, size in itertools.product(sorted(os.listdir(folder))[::10], differences):
        exact, scaled, held = both(folder / name, ImageForm((size, size), in_channels=3))
        assert held == {28: (56, 56), 48: (112, 112)}[size]
        differences[size].append(np.abs(exact.image.astype(int) - scaled.image))
    # as the docstring says, with room for another libjpeg
    for found in map(np.stack, differences.values()):
        assert 0.1 < found.mean() < 0.6 and np.quantile(found, 0.999) <= 5
