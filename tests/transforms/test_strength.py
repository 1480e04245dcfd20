"""How often and how strongly a transform acts: prob, and a range of zero that is the identity and
says so.
"""

from __future__ import annotations

import warnings

import pytest
import torch
from transform_settings import NAMES, batch_of, both_dims, make, random, seeded


@random
@both_dims
def test_prob_0_is_the_identity_and_says_so(name, size):
    with pytest.warns(UserWarning, match=f"{name} is a no-op: prob is 0"):
        transform = make(name, prob=0)
    x = batch_of(size)
    assert torch.equal(transform.batch(x, seeded()), x)
    assert torch.equal(torch.as_tensor(transform(x[0])), x[0])


ZERO = {
    "RandRotate": {"range_x": 0, "range_y": 0, "range_z": 0},
    "RandAffine": {
        "rotate_range": 0,
        "shear_range": None,
        "translate_range": [0, (0, 0)],
        "scale_range": 0,
    },
    "RandGaussianNoise": {"mean": 0, "std": 0},
    "RandScaleIntensity": {"factors": 0},
    "RandShiftIntensity": {"offsets": 0},
    "RandAdjustContrast": {"gamma": (1, 1)},
    "RandColorJitter": {"brightness": 0, "contrast": (1, 1), "saturation": 0, "hue": 0},
    "RandAxisPermute": {"spatial_axes": (0,)},
    "RandFlip": {"spatial_axis": ()},
}


@pytest.mark.parametrize("name", sorted(ZERO))
@both_dims
def test_zero_strength_is_the_identity_and_says_so(name, size):
    with pytest.warns(UserWarning, match=f"{name} is a no-op: its range is zero"):
        transform = make(name, prob=1, **ZERO[name])
    x = batch_of(size)
    assert torch.equal(transform.batch(x, seeded()), x)
    assert torch.equal(torch.as_tensor(transform(x[0])), x[0])


def test_a_lively_transform_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in NAMES:
            make(name)


@random
@pytest.mark.parametrize("prob", [-0.1, 1.1, float("nan")])
def test_prob_outside_0_to_1_is_an_error(name, prob):
    with pytest.raises(ValueError, match=rf"prob={prob} of {name}"):
        make(name, prob=prob)


@random
def test_prob_1_changes_every_sample_and_half_about_half(name):
    x = batch_of((6, 6), 400)
    for prob, low, high in ((1, 1, 1), (0.5, 0.4, 0.6)):
        same = (make(name, prob=prob).batch(x, seeded(1)) == x).flatten(1).all(1)
        assert low <= 1 - same.float().mean() <= high
