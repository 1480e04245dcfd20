"""Pure batched functions with explicit per-sample parameters; the transforms draw the parameters
and call these.
"""

from medmonai.transforms.functional.affine import affine_matrix, resample
from medmonai.transforms.functional.color import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    color_jitter,
)
from medmonai.transforms.functional.intensity import (
    add_noise,
    adjust_gamma,
    normalize,
    rescale,
    rescale_range,
    scale_intensity,
    shift_intensity,
)
from medmonai.transforms.functional.members import on_members, per_sample, upload
from medmonai.transforms.functional.orientation import axis_order, flip, permute_axes, rotate90

__all__ = [
    "add_noise",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "affine_matrix",
    "axis_order",
    "color_jitter",
    "flip",
    "normalize",
    "on_members",
    "per_sample",
    "permute_axes",
    "resample",
    "rescale",
    "rescale_range",
    "rotate90",
    "scale_intensity",
    "shift_intensity",
    "upload",
]
