"""One lively configuration of every transform, and batches and generators for it."""

from __future__ import annotations

from math import pi

import pytest
import torch

import medmonai.transforms as mm

# One lively configuration of every transform.
ARGUMENTS = {
    "RandFlip": {"prob": 0.6, "spatial_axis": 1},
    "RandRotate90": {"prob": 0.6, "max_k": 3},
    "RandAxisPermute": {"prob": 0.6},
    "RandRotate": {"prob": 0.6, "range_x": pi / 3, "range_y": (0.1, 0.4), "range_z": 0.5},
    "RandAffine": {
        "prob": 0.6,
        "rotate_range": [0.5, 0.2, (0.1, 0.3)],
        "shear_range": [0.2],
        "translate_range": [2, 1],
        "scale_range": [0.2, (-0.1, 0.3)],
    },
    "RandGaussianNoise": {"prob": 0.6, "mean": 0.1, "std": 0.3},
    "RandScaleIntensity": {"factors": 0.3, "prob": 0.6, "channel_wise": True},
    "RandShiftIntensity": {"offsets": (-0.2, 0.5), "prob": 0.6},
    "RandAdjustContrast": {
        "prob": 0.6,
        "gamma": (0.5, 3),
        "retain_stats": True,
        "invert_image": True,
    },
    "RandColorJitter": {
        "prob": 0.6,
        "brightness": 0.3,
        "contrast": (0.5, 2),
        "saturation": 0.5,
        "hue": 0.2,
    },
    "NormalizeIntensity": {"channel_wise": True},
    "ScaleIntensity": {"minv": -1.0, "maxv": 1.0, "channel_wise": True},
    "ScaleIntensityRange": {"a_min": 0.1, "a_max": 0.9, "b_min": -1.0, "b_max": 1.0, "clip": True},
}
NAMES = sorted(ARGUMENTS)
RANDOM = [name for name in NAMES if name.startswith("Rand")]
OURS_ALONE = {"RandAxisPermute", "RandColorJitter"}
KEEPS_DTYPE = {"RandFlip", "RandRotate90", "RandAxisPermute"}
SIZES = [(12, 12), (8, 8, 8)]
every = pytest.mark.parametrize("name", NAMES)
random = pytest.mark.parametrize("name", RANDOM)
both_dims = pytest.mark.parametrize("size", SIZES, ids=["2D", "3D"])


def make(name, **changes):
    return getattr(mm, name)(**{**ARGUMENTS[name], **changes})


def batch_of(size, count=16, dtype=torch.float32):
    x = torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(7))
    return (x * 255).to(dtype) if dtype == torch.uint8 else x.to(dtype)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)
