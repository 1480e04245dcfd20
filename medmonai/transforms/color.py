"""Random color changes of RGB images."""

from __future__ import annotations

from collections.abc import Sequence

import monai.transforms as mt
import numpy as np
import torch
from monai.config import NdarrayOrTensor
from monai.data import MetaTensor

from medmonai.transforms import functional
from medmonai.transforms.batch import (
    BatchTransform,
    Draws,
    check_prob,
    draw_parameters,
    warn_if_idle,
)
from medmonai.transforms.functional.members import on_members
from medmonai.transforms.intensity import float_image

_NEUTRAL = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0}


def _limits(value: Sequence[float] | float, name: str) -> tuple[float, float]:
    """Give (low, high) of a factor: a number v is (1 - v, 1 + v) cut at 0, for the hue (-v, v)."""
    neutral = _NEUTRAL[name]
    if isinstance(value, (int, float)):
        value = (max(0.0, 1 - value), 1 + value) if neutral else (-value, value)
    low, high = (float(end) for end in value)
    least, most = (0.0, float("inf")) if neutral else (-0.5, 0.5)
    if not least <= low <= high <= most:
        raise ValueError(
            f"{name}=({low}, {high}) of a color jitter; use low <= high within {least} to {most}."
        )
    return low, high


class RandColorJitter(BatchTransform, mt.RandomizableTransform):
    """Change brightness, contrast, saturation and hue of RGB images with probability ``prob``.

    The four are those of torchvision's ColorJitter, each clipped to the range of the image, but
    always in this order (torchvision shuffles it). MONAI has none that keeps the three channels
    together.

    Args:
        prob: probability for each sample.
        brightness: b for a factor uniform in (max(0, 1 - b), 1 + b), or (low, high).
        contrast: likewise, toward the mean gray of the image.
        saturation: likewise, toward gray.
        hue: h for a shift uniform in (-h, h) of a turn, or (low, high), within -0.5 to 0.5.
        value_max: white of float images (1 after scaling, 255 for raw values); white of uint8
            images is 255.

    Raises:
        ValueError: ``prob`` outside [0, 1]; a malformed range; ``value_max`` not above 0; images
            without 3 channels.

    Example:
        >>> half = RandColorJitter(prob=1, brightness=(0.5, 0.5))
        >>> half.batch(torch.ones(1, 3, 1, 1), torch.Generator()).flatten().tolist()
        [0.5, 0.5, 0.5]
    """

    def __init__(
        self,
        prob: float = 0.1,
        *,
        brightness: Sequence[float] | float = 0.0,
        contrast: Sequence[float] | float = 0.0,
        saturation: Sequence[float] | float = 0.0,
        hue: Sequence[float] | float = 0.0,
        value_max: float = 1.0,
    ) -> None:
        if not value_max > 0:
            raise ValueError(
                f"value_max={value_max} of {type(self).__name__}; white must be above 0."
            )
        super().__init__(check_prob(prob, type(self).__name__))
        given = {
            "brightness": brightness,
            "contrast": contrast,
            "saturation": saturation,
            "hue": hue,
        }
        limits = {name: _limits(value, name) for name, value in given.items()}
        # What cannot change anything is left out: an exact identity.
        self.limits = {
            name: pair for name, pair in limits.items() if pair != (_NEUTRAL[name], _NEUTRAL[name])
        }
        self.value_max = value_max
        self.factors: dict[str, float] = {}
        warn_if_idle(self, strength=bool(self.limits))

    def randomize(self, data: NdarrayOrTensor | None = None) -> None:
        """Draw for one image from ``self.R``."""
        super().randomize(None)
        self.factors = {}
        if self._do_transform:
            self.factors = {name: self.R.uniform(*pair) for name, pair in self.limits.items()}

    def __call__(self, img: NdarrayOrTensor, randomize: bool = True) -> torch.Tensor:
        """Transform one image (3, *spatial)."""
        if randomize:
            self.randomize(img)
        white = self._white(img)
        img = float_image(img)
        plain = (img.as_tensor() if isinstance(img, MetaTensor) else img)[None]
        draws = {name: torch.tensor([value]) for name, value in self.factors.items()}
        out = self._jitter(plain, draws, torch.arange(1 if self._do_transform else 0), white)[0]
        return MetaTensor(out).copy_meta_from(img) if isinstance(img, MetaTensor) else out

    def draw(self, x: torch.Tensor, generator: torch.Generator) -> Draws:
        """Draw ``chosen`` (B,) bool and (B,) of each of the four that can change."""
        limits = np.array(list(self.limits.values())).reshape(-1, 2)
        chosen, drawn = draw_parameters(self.prob, limits, x.shape[0], generator)
        return {
            "chosen": torch.from_numpy(chosen),
            **dict(zip(self.limits, torch.from_numpy(drawn).unbind(1))),
        }

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Change the chosen samples."""
        factors = {name: draws[name] for name in self.limits}
        index = draws["chosen"].nonzero().flatten()
        return self._jitter(
            x.to(torch.float32),
            factors,
            index,
            self._white(x),
            overwrite or x.dtype != torch.float32,
        )

    def _white(self, x: NdarrayOrTensor) -> float:
        return 255.0 if str(x.dtype).endswith("uint8") else self.value_max

    def _jitter(
        self,
        x: torch.Tensor,
        factors: Draws,
        index: torch.Tensor,
        white: float,
        overwrite: bool = False,
    ) -> torch.Tensor:
        if x.shape[1] != 3:
            raise ValueError(f"{type(self).__name__} got {x.shape[1]} channels; it needs 3 (RGB).")
        some = {name: values[index] for name, values in factors.items()}
        return on_members(
            x,
            index,
            lambda part: functional.color_jitter(part / white, **some) * white,
            overwrite=overwrite,
        )
