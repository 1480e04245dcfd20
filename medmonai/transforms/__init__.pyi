from . import functional
from .affine import RandAffine, RandRotate
from .batch import BatchTransform
from .class_probabilities import ClassProbabilitiesd
from .color import RandColorJitter
from .compose import BatchCompose
from .dictionary import (
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
from .intensity import (
    RandAdjustContrast,
    RandGaussianNoise,
    RandScaleIntensity,
    RandShiftIntensity,
)
from .normalization import NormalizeIntensity, ScaleIntensity, ScaleIntensityRange
from .orientation import RandAxisPermute, RandFlip, RandRotate90
from .size import Resize

__all__ = [
    "BatchCompose",
    "BatchTransform",
    "ClassProbabilitiesd",
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
