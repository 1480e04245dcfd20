"""MONAI's transforms with a second door, ``transform.batch(x, generator)``, for whole batches; 2D and 3D."""

from medmonai.transforms import functional
from medmonai.transforms.affine import RandAffine, RandRotate
from medmonai.transforms.batch import BatchTransform
from medmonai.transforms.color import RandColorJitter
from medmonai.transforms.compose import BatchCompose
from medmonai.transforms.dictionary import (
    NormalizeIntensityd,
    RandAdjustContrastd,
    RandAffined,
    RandAxisPermuted,
    RandColorJitterd,
    RandFlipd,
    RandGaussianNoised,
    RandRotate90d,
    RandRotated,
    RandScaleIntensityd,
    RandShiftIntensityd,
    Resized,
    ScaleIntensityd,
    ScaleIntensityRanged,
)
from medmonai.transforms.intensity import (
    RandAdjustContrast,
    RandGaussianNoise,
    RandScaleIntensity,
    RandShiftIntensity,
)
from medmonai.transforms.normalization import NormalizeIntensity, ScaleIntensity, ScaleIntensityRange
from medmonai.transforms.orientation import RandAxisPermute, RandFlip, RandRotate90
from medmonai.transforms.size import Resize

__all__ = [
    "BatchCompose",
    "BatchTransform",
    "NormalizeIntensity",
    "NormalizeIntensityd",
    "RandAdjustContrast",
    "RandAdjustContrastd",
    "RandAffine",
    "RandAffined",
    "RandAxisPermute",
    "RandAxisPermuted",
    "RandColorJitter",
    "RandColorJitterd",
    "RandFlip",
    "RandFlipd",
    "RandGaussianNoise",
    "RandGaussianNoised",
    "RandRotate",
    "RandRotate90",
    "RandRotate90d",
    "RandRotated",
    "RandScaleIntensity",
    "RandScaleIntensityd",
    "RandShiftIntensity",
    "RandShiftIntensityd",
    "Resize",
    "Resized",
    "ScaleIntensity",
    "ScaleIntensityRange",
    "ScaleIntensityRanged",
    "ScaleIntensityd",
    "functional",
]
