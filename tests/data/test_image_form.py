"""The form of images: what a bundle may state, and what is refused in one line."""

from __future__ import annotations

import json

import pytest

from medmonai.data import ImageForm


def test_fields_from_json():
    form = ImageForm(
        [96, 96, 32],
        in_channels=1,
        intensity_range=[-160, 240],
        spacing=[2, 2, 3],
        orientation="las",
    )
    fields = {
        "in_channels": 1,
        "intensity_range": (-160.0, 240.0),
        "spacing": (2.0, 2, 3),
        "orientation": "LAS",
    }
    assert form == ImageForm((96, 96, 32), **fields)
    assert ImageForm(**json.loads(json.dumps(form.as_dict()))) == form and hash(form)


def test_channels_of_their_own():
    form = ImageForm(
        (8, 8), in_channels=5, intensity_range=[[0, 255], [-1000, 400], [0, 5.5]], indicators=[0, 2]
    )
    assert form.image_channels == 3
    assert form.of_channel(1) == ImageForm((8, 8), in_channels=1, intensity_range=(-1000, 400))
    assert form.without_indicators() == ImageForm(
        (8, 8), in_channels=3, intensity_range=form.intensity_range
    )
    assert ImageForm(**json.loads(json.dumps(form.as_dict()))) == form and hash(form)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"in_channels": 0}, "in_channels=0, spatial_size="),
        ({"in_channels": True}, "in_channels=True, spatial_size="),
        ({"spatial_size": (4,)}, r"spatial_size=\(4,\); at least one channel"),
        ({"intensity_range": ((0, 1), (0, 1))}, "holds 2 pairs and the images 1 channels"),
        ({"in_channels": 2, "intensity_range": ((0, 1), (1, 0))}, "low < high is needed"),
        ({"in_channels": 2, "indicators": (1,)}, r"indicators=\[1\] with in_channels=2; .* 0 to 0"),
        ({"in_channels": 4, "indicators": (1, 0)}, "in rising order"),
        ({"in_channels": 4, "indicators": (0, 0)}, "in rising order"),
        ({"in_channels": 1, "indicators": (0,)}, "indicators="),
        ({"in_channels": 3, "indicators": (True,)}, "indicators="),
        ({"spatial_size": (4, 0)}, "two or three axes are needed"),
        ({"intensity_range": (5, 5)}, "low < high is needed"),
        ({"intensity_range": (0, float("inf"))}, "intensity_range="),
        ({"intensity_range": (1, 2, 3)}, "intensity_range="),
        ({"intensity_range": (float("nan"), 1)}, "intensity_range="),
        ({"aspect": "squash"}, "aspect='squash' is unknown; use 'stretch' or 'crop' or 'pad'"),
        (
            {"aspect": "crop", "spatial_size": (4, 4, 4)},
            "is for 2D images; for volumes give spacing",
        ),
        ({"orientation": "RAR"}, "three letters are needed"),
        ({"orientation": "XYZ"}, "three letters"),
        ({"orientation": 3}, "orientation=3"),
        ({"orientation": "RA"}, "three letters"),
        ({"spacing": (1, 1)}, "three axes and a positive number of millimetres"),
        ({"spacing": (1, 1, 1)}, r"spatial_size=\(4, 4\); three axes"),
        ({"spacing": (1, 0, 1), "spatial_size": (4, 4, 4)}, "positive number"),
        (
            {"jpeg_scaling": 1},
            r"jpeg_scaling=1 with spatial_size=\(4, 4\); True or False is needed",
        ),
        ({"jpeg_scaling": True, "spatial_size": (4, 4, 4)}, "and False for volumes"),
        ({"spacing": (1, float("nan"), 1), "spatial_size": (4, 4, 4)}, "positive number"),
    ],
)
def test_errors(fields, message):
    with pytest.raises(ValueError, match=message) as raised:
        ImageForm(**{"spatial_size": (4, 4), "in_channels": 1, **fields})
    assert "\n" not in str(raised.value)
