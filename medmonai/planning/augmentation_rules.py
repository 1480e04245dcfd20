"""The rules of a plan about augmentation: flips, rotation, shift, zoom and noise."""

from __future__ import annotations

import re
from typing import Any

from .choice import Choice
from .look import Look

_SIDES = re.compile(
    r"\b(left|right|links|rechts|gauche|droite?|situs|dextro\w*|laterali\w*)\b", re.I
)


def augmentation_choice(look: Look, size: list[int]) -> tuple[dict[str, Any], list[Choice]]:
    """Choose flips, rotation, shift, zoom and noise by what the images are."""
    named = " ".join(look.description.class_names)
    sided = _SIDES.search(named)
    shift = [float(round(0.07 * n, 1)) for n in size]
    if look.spatial_dims == 3:
        oriented = look.spacing is not None
        axes = [] if sided else [0] if oriented else [0, 1, 2]
        affine: list[dict[str, Any]] = (
            [_affine([0.17] * 3, shift)]
            if oriented
            else [
                {"_target_": "medmonai.transforms.RandAxisPermute", "prob": 0.5},
                _rotation(0.44),
            ]
        )
        # Exchanged axes would exchange the sides, and cannot be exchanged where they differ.
        if not oriented and (sided or len(set(size)) > 1):
            affine = affine[1:]
        what = "left-right" if oriented else "all axes; the volumes state no directions"
    elif look.in_color:
        axes = [] if sided else [0, 1]
        affine = [_affine(0.26, shift, "border")]
        if len(set(size)) == 1 and not sided:
            affine.insert(0, {"_target_": "medmonai.transforms.RandRotate90", "prob": 0.5})
        what = "both axes: a color image has no up and down"
    else:
        axes = [] if sided else [1]
        affine = [_affine(0.21, shift)]
        what = "left-right"
    why = f"a class is named {sided.group(0)!r}: the side may be the label" if sided else what
    noise = (
        [_jitter()]
        if look.in_color
        else [{"_target_": "medmonai.transforms.RandGaussianNoise", "prob": 0.5, "std": 0.02}]
    )
    values = {"flip_axes": axes, "affine": affine, "noise": noise}
    shown = ", ".join(part["_target_"].rpartition(".")[2] for part in [*affine, *noise])
    return values, [
        Choice(
            "flips", axes or "none", why + ("; if the side matters, edit flip_axes" if axes else "")
        ),
        Choice("augmentation", shown, "small shifts, rotations and noise keep the label"),
        Choice(
            "average over flips",
            f"{2 ** len(axes)} views" if axes else "none",
            "in validation and prediction, over all combinations of the flips of training",
        ),
    ]


def _affine(rotation: Any, shift: list[float], padding: str = "zeros") -> dict[str, Any]:
    return {
        "_target_": "medmonai.transforms.RandAffine",
        "prob": 0.5,
        "rotate_range": rotation,
        "scale_range": [0.1] * len(shift),
        "translate_range": shift,
        "padding_mode": padding,
    }


def _rotation(angle: float) -> dict[str, Any]:
    return {
        "_target_": "medmonai.transforms.RandRotate",
        "prob": 0.5,
        "range_x": angle,
        "range_y": angle,
        "range_z": angle,
        "padding_mode": "zeros",
    }


def _jitter() -> dict[str, Any]:
    return {
        "_target_": "medmonai.transforms.RandColorJitter",
        "prob": 0.5,
        "brightness": 0.1,
        "contrast": 0.1,
        "saturation": 0.1,
        "hue": 0.02,
    }
