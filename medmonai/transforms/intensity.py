"""Random intensity transforms: Gaussian noise, scale, shift, gamma. The element door gives float32
too.
"""

from __future__ import annotations

from collections.abc import Sequence

import monai.transforms as mt
import numpy as np
import torch
from monai.config import NdarrayOrTensor
from monai.data.meta_obj import get_track_meta
from monai.utils import convert_to_tensor

from medmonai.transforms import functional
from medmonai.transforms.batch import (
    BatchTransform,
    Draws,
    check_prob,
    draw_parameters,
    warn_if_idle,
)


def float_image(img: NdarrayOrTensor) -> torch.Tensor:
    """One image as float32 tensor: MONAI keeps integer dtypes in some of its transforms, and
    truncates or wraps.
    """
    return convert_to_tensor(img, dtype=torch.float32, track_meta=get_track_meta())


def tensor_of(image: NdarrayOrTensor) -> torch.Tensor:
    """The result of one of MONAI's transforms: the tensor that it is for a tensor, though their
    annotations leave it open.
    """
    assert isinstance(image, torch.Tensor)
    return image


class RandGaussianNoise(BatchTransform, mt.RandGaussianNoise):
    """Add Gaussian noise with probability ``prob``; MONAI's RandGaussianNoise with a ``batch``
    method.

    Args:
        prob: probability for each sample.
        mean: of the noise, in units of the image.
        std: standard deviation, in units of the image; with ``sample_std`` the upper end of a
            uniform draw from 0.
        sample_std: draw the standard deviation for each sample.

    Raises:
        ValueError: ``prob`` outside [0, 1]; ``std`` below 0.
    """

    def __init__(
        self, prob: float = 0.1, mean: float = 0.0, std: float = 0.1, *, sample_std: bool = True
    ) -> None:
        if not std >= 0:
            raise ValueError(f"std={std} of {type(self).__name__}; use 0 or more.")
        super().__init__(check_prob(prob, type(self).__name__), mean, std, sample_std=sample_std)
        warn_if_idle(self, strength=std > 0 or mean != 0)

    def __call__(
        self, img: NdarrayOrTensor, mean: float | None = None, randomize: bool = True
    ) -> torch.Tensor:
        """Transform one image (C, *spatial)."""
        return tensor_of(super().__call__(float_image(img), mean=mean, randomize=randomize))

    def draw(self, x: torch.Tensor, generator: torch.Generator) -> Draws:
        """Draw ``chosen`` (B,) bool, ``std`` (B,) and, on the device of ``x``, the ``noise`` of the
        n chosen ones.

        On another device than the CPU the noise comes from a generator of that device, seeded from
        ``generator``.
        """
        limits = np.array([[0.0 if self.sample_std else self.std, self.std]])
        chosen, drawn = draw_parameters(self.prob, limits, x.shape[0], generator)
        std = drawn[:, 0].astype(np.float32)
        own = torch.from_numpy(std[chosen])
        if own.numel() and x.device.type != "cpu":
            seed = int(torch.randint(2**62, (), generator=generator))
            generator = torch.Generator(x.device).manual_seed(seed)
        noise = torch.randn(own.numel(), *x.shape[1:], generator=generator, device=x.device)
        noise.mul_(functional.per_sample(own, noise))
        if self.mean != 0:
            noise.add_(self.mean)
        return {"chosen": torch.from_numpy(chosen), "std": torch.from_numpy(std), "noise": noise}

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Add the noise to the chosen samples."""
        return functional.add_noise(
            x, draws["chosen"].nonzero().flatten(), draws["noise"], overwrite=overwrite
        )


def _draw_factors(
    transform: RandScaleIntensity | RandShiftIntensity,
    limits: tuple[float, float],
    x: torch.Tensor,
    generator: torch.Generator,
) -> torch.Tensor:
    """Draw (B,) or, channel-wise, (B, C) numbers within ``limits``, 0 for unchanged samples."""
    columns = x.shape[1] if transform.channel_wise else 1
    chosen, drawn = draw_parameters(
        transform.prob, np.array([limits] * columns), x.shape[0], generator
    )
    drawn = torch.from_numpy(drawn * chosen[:, None])
    return drawn if transform.channel_wise else drawn[:, 0]


class RandScaleIntensity(BatchTransform, mt.RandScaleIntensity):
    """Multiply by 1 + factor with probability ``prob``; MONAI's RandScaleIntensity with a batch
    door.

    Args:
        factors: f for a factor uniform in (-f, f), or (low, high).
        prob: probability for each sample.
        channel_wise: a factor for each channel.

    Raises:
        ValueError: ``prob`` outside [0, 1]; ``factors`` not one or two numbers.
    """

    def __init__(
        self, factors: tuple[float, float] | float, prob: float = 0.1, channel_wise: bool = False
    ) -> None:
        super().__init__(factors, check_prob(prob, type(self).__name__), channel_wise)
        warn_if_idle(self, strength=any(self.factors))

    def __call__(self, img: NdarrayOrTensor, randomize: bool = True) -> torch.Tensor:
        """Transform one image (C, *spatial)."""
        return tensor_of(super().__call__(float_image(img), randomize=randomize))

    def draw(self, x: torch.Tensor, generator: torch.Generator) -> Draws:
        """Draw ``factor``, (B,) or (B, C), 0 for unchanged samples."""
        return {"factor": _draw_factors(self, self.factors, x, generator)}

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Scale each sample."""
        return functional.scale_intensity(x, draws["factor"], overwrite=overwrite)


class RandShiftIntensity(BatchTransform, mt.RandShiftIntensity):
    """Add an offset with probability ``prob``; MONAI's RandShiftIntensity with a ``batch`` method.

    The result is float32, so MONAI's ``safe`` (for integer images) has no counterpart.

    Args:
        offsets: o for an offset uniform in (-o, o), or (low, high), in units of the image.
        prob: probability for each sample.
        channel_wise: an offset for each channel.

    Raises:
        ValueError: ``prob`` outside [0, 1]; ``offsets`` not one or two numbers.
    """

    def __init__(
        self, offsets: tuple[float, float] | float, *, prob: float = 0.1, channel_wise: bool = False
    ) -> None:
        super().__init__(
            offsets, prob=check_prob(prob, type(self).__name__), channel_wise=channel_wise
        )
        warn_if_idle(self, strength=any(self.offsets))

    def __call__(
        self, img: NdarrayOrTensor, factor: float | None = None, randomize: bool = True
    ) -> torch.Tensor:
        """Transform one image (C, *spatial)."""
        return tensor_of(super().__call__(float_image(img), factor=factor, randomize=randomize))

    def draw(self, x: torch.Tensor, generator: torch.Generator) -> Draws:
        """Draw ``offset``, (B,) or (B, C), 0 for unchanged samples."""
        return {"offset": _draw_factors(self, self.offsets, x, generator)}

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Shift each sample."""
        return functional.shift_intensity(x, draws["offset"], overwrite=overwrite)


class RandAdjustContrast(BatchTransform, mt.RandAdjustContrast):
    """Change the gamma with probability ``prob``; MONAI's RandAdjustContrast with a ``batch``
    method.

    Args:
        prob: probability for each sample.
        gamma: g for an exponent uniform in (0.5, g), or (low, high); above 1 darkens.
        invert_image: work on the negative.
        retain_stats: keep each sample's mean and standard deviation.

    Raises:
        ValueError: ``prob`` outside [0, 1]; ``gamma`` not above 0.
    """

    def __init__(
        self,
        prob: float = 0.1,
        gamma: Sequence[float] | float = (0.5, 4.5),
        invert_image: bool = False,
        retain_stats: bool = False,
    ) -> None:
        super().__init__(check_prob(prob, type(self).__name__), gamma, invert_image, retain_stats)
        if not self.gamma[0] > 0:
            raise ValueError(f"gamma={gamma} of {type(self).__name__}; exponents must be above 0.")
        warn_if_idle(self, strength=self.gamma != (1, 1))

    def __call__(self, img: NdarrayOrTensor, randomize: bool = True) -> torch.Tensor:
        """Transform one image (C, *spatial)."""
        return tensor_of(super().__call__(float_image(img), randomize=randomize))

    def draw(self, x: torch.Tensor, generator: torch.Generator) -> Draws:
        """Draw ``chosen`` (B,) bool and ``gamma`` (B,)."""
        chosen, gamma = draw_parameters(self.prob, np.array([self.gamma]), x.shape[0], generator)
        return {"chosen": torch.from_numpy(chosen), "gamma": torch.from_numpy(gamma)[:, 0]}

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Change the chosen samples."""
        return functional.adjust_gamma(
            x,
            draws["chosen"],
            draws["gamma"],
            invert_image=self.invert_image,
            retain_stats=self.retain_stats,
            overwrite=overwrite,
        )
