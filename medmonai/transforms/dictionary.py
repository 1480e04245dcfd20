"""The dictionary twins: the same transforms for MONAI's dictionary pipelines."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import ClassVar

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import InvertibleTransform, MapTransform, Randomizable, Transform
from monai.utils import ensure_tuple_rep

from medmonai.transforms import affine, color, intensity, normalization, orientation, size


class KeyedTransform(MapTransform, InvertibleTransform):
    """An array transform applied to the entries of a dictionary, with one draw for all of them.

    Args:
        keys: the entries to transform; they must fit one draw (the same spatial size).
        allow_missing_keys: pass over keys that the dictionary lacks, instead of a KeyError.
        **arguments: those of the array transform, by name. Where the transform resamples, ``mode``
            and ``padding_mode`` may be sequences with one entry for each key, as in MONAI:
            "bilinear" for an image, "nearest" for its mask.

    Raises:
        ValueError: a sequence of another length than ``keys``, or what the array transform refuses.
    """

    array: ClassVar[type[Transform]]
    of_each_key: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, keys: KeysCollection, *, allow_missing_keys: bool = False, **arguments: object
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        given = {
            name: ensure_tuple_rep(arguments.pop(name), len(self.keys))
            for name in self.of_each_key
            if name in arguments
        }
        several = [
            {name: values[i] for name, values in given.items()} for i in range(len(self.keys))
        ]
        for one in several[1:] if given else ():
            self.array(**arguments, **one)  # refuses what it does not know
        self.transform = self.array(**arguments, **several[0])
        self._own = dict(zip(self.keys, several))

    def set_random_state(
        self, seed: int | None = None, state: np.random.RandomState | None = None
    ) -> KeyedTransform:
        """Seed the array transform."""
        assert isinstance(self.transform, Randomizable)
        self.transform.set_random_state(seed, state)
        return self

    def randomize(self, data: torch.Tensor | None = None) -> None:
        """Draw for one image."""
        assert isinstance(self.transform, Randomizable)
        self.transform.randomize(data)

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Transform the entries ``keys`` of ``data``; the others are handed on."""
        out = dict(data)
        keys = list(self.key_iterator(out))
        again = {}
        if isinstance(self, Randomizable) and keys:
            self.randomize(out[keys[0]])
            again = {"randomize": False}
        for key in keys:
            out[key] = self.transform(out[key], **again, **self._own[key])
        return out

    def inverse(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Undo a spatial transform where MONAI's array transform can; intensities stay, as in
        MONAI.
        """
        out = dict(data)
        if isinstance(self.transform, InvertibleTransform):
            for key in self.key_iterator(out):
                out[key] = self.transform.inverse(out[key])
        return out


class RandFlipd(KeyedTransform, Randomizable):
    """Dictionary version of ``RandFlip``."""

    array = orientation.RandFlip


class RandRotate90d(KeyedTransform, Randomizable):
    """Dictionary version of ``RandRotate90``."""

    array = orientation.RandRotate90


class RandAxisPermuted(KeyedTransform, Randomizable):
    """Dictionary version of ``RandAxisPermute``."""

    array = orientation.RandAxisPermute


class RandRotated(KeyedTransform, Randomizable):
    """Dictionary version of ``RandRotate``."""

    array = affine.RandRotate
    of_each_key = ("mode", "padding_mode")


class RandAffined(KeyedTransform, Randomizable):
    """Dictionary version of ``RandAffine``."""

    array = affine.RandAffine
    of_each_key = ("mode", "padding_mode")


class RandGaussianNoised(KeyedTransform, Randomizable):
    """Dictionary version of ``RandGaussianNoise``."""

    array = intensity.RandGaussianNoise


class RandScaleIntensityd(KeyedTransform, Randomizable):
    """Dictionary version of ``RandScaleIntensity``."""

    array = intensity.RandScaleIntensity


class RandShiftIntensityd(KeyedTransform, Randomizable):
    """Dictionary version of ``RandShiftIntensity``."""

    array = intensity.RandShiftIntensity


class RandAdjustContrastd(KeyedTransform, Randomizable):
    """Dictionary version of ``RandAdjustContrast``."""

    array = intensity.RandAdjustContrast


class RandColorJitterd(KeyedTransform, Randomizable):
    """Dictionary version of ``RandColorJitter``."""

    array = color.RandColorJitter


class NormalizeIntensityd(KeyedTransform):
    """Dictionary version of ``NormalizeIntensity``."""

    array = normalization.NormalizeIntensity


class ScaleIntensityd(KeyedTransform):
    """Dictionary version of ``ScaleIntensity``."""

    array = normalization.ScaleIntensity


class ScaleIntensityRanged(KeyedTransform):
    """Dictionary version of ``ScaleIntensityRange``."""

    array = normalization.ScaleIntensityRange


class Resized(KeyedTransform):
    """Dictionary version of ``Resize``."""

    array = size.Resize
    of_each_key = ("mode",)
