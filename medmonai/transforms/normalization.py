"""Deterministic intensity transforms: normalize, scale to a range, map a range to another."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import monai.transforms as mt
import numpy as np
import torch
from monai.config import NdarrayOrTensor

from medmonai.transforms import functional
from medmonai.transforms.batch import BatchTransform, Draws
from medmonai.transforms.intensity import float_image, tensor_of


class NormalizeIntensity(BatchTransform, mt.NormalizeIntensity):
    """Subtract the mean and divide by the standard deviation; MONAI's NormalizeIntensity with a
    batch door.

    Unlike MONAI's, it never writes into its input (MONAI's does with ``nonzero`` or
    ``channel_wise`` on floats).

    Args:
        subtrahend: a number, an array that broadcasts against (C, *spatial), or, channel-wise, a
            number for each channel; None: the mean of each sample (or channel).
        divisor: likewise; None: the standard deviation. 0 counts as 1, so a constant image
            becomes 0.
        nonzero: leave zeros out of mean and standard deviation, and as they are.
        channel_wise: each channel by itself.

    Raises:
        ValueError: channel-wise numbers whose count is not the number of channels.

    Example:
        >>> NormalizeIntensity(0.5, 0.5).batch(
        ...     torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), torch.Generator()
        ... ).tolist()
        [[[[-1.0, 1.0]]]]
    """

    def __init__(
        self,
        subtrahend: Sequence | NdarrayOrTensor | float | None = None,
        divisor: Sequence | NdarrayOrTensor | float | None = None,
        nonzero: bool = False,
        channel_wise: bool = False,
    ) -> None:
        for name, value in (("subtrahend", subtrahend), ("divisor", divisor)):
            if channel_wise and isinstance(value, numbers.Number):
                raise ValueError(
                    f"{name}={value} with channel_wise=True; give a sequence, one number a channel."
                )
        if not channel_wise:
            # MONAI wants an array here, a list from a JSON config is as good.
            subtrahend, divisor = (
                torch.as_tensor(value, dtype=torch.float32)
                if isinstance(value, (list, tuple))
                else value
                for value in (subtrahend, divisor)
            )
        # MONAI computes with numbers too, though its annotation leaves them out.
        super().__init__(subtrahend, divisor, nonzero, channel_wise)  # pyright: ignore[reportArgumentType]

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        """Transform one image (C, *spatial)."""
        img = float_image(img)
        return tensor_of(
            super().__call__(img.clone() if self.nonzero or self.channel_wise else img)
        )

    def _given(
        self, value: Sequence | NdarrayOrTensor | float | None, name: str, x: torch.Tensor
    ) -> torch.Tensor | float | None:
        if not isinstance(value, Sequence | np.ndarray | torch.Tensor):
            return value
        value = torch.as_tensor(value, dtype=torch.float32)
        if not self.channel_wise:
            return functional.upload(value, x.device)
        if len(value) != x.shape[1]:
            raise ValueError(
                f"{name} has {len(value)} numbers, the batch {x.shape[1]} channels; give one per "
                "channel."
            )
        per_channel = value.view(1, x.shape[1], *value.shape[1:])
        return functional.upload(per_channel, x.device).reshape(
            *per_channel.shape, *[1] * (x.ndim - per_channel.ndim)
        )

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Normalize each sample."""
        return functional.normalize(
            x,
            subtrahend=self._given(self.subtrahend, "subtrahend", x),
            divisor=self._given(self.divisor, "divisor", x),
            nonzero=self.nonzero,
            channel_wise=self.channel_wise,
            overwrite=overwrite,
        )


class ScaleIntensity(BatchTransform, mt.ScaleIntensity):
    """Map each sample's own range to [minv, maxv]; MONAI's ScaleIntensity with a ``batch`` method.

    Args:
        minv: lower end; None (either end): [0, 1].
        maxv: upper end.
        factor: with both ends None: multiply by 1 + factor instead.
        channel_wise: each channel by itself.
    """

    def __init__(
        self,
        minv: float | None = 0.0,
        maxv: float | None = 1.0,
        factor: float | None = None,
        channel_wise: bool = False,
    ) -> None:
        super().__init__(minv, maxv, factor, channel_wise)

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Rescale each sample."""
        return functional.rescale(
            x,
            minv=self.minv,
            maxv=self.maxv,
            factor=self.factor,
            channel_wise=self.channel_wise,
            overwrite=overwrite,
        )


class ScaleIntensityRange(BatchTransform, mt.ScaleIntensityRange):
    """Map [a_min, a_max] to [b_min, b_max]; MONAI's ScaleIntensityRange with a ``batch`` method.

    The arithmetic is float32 throughout: MONAI's subtracts an integer ``a_min`` from a uint8 image
    with wrap-around.

    Args:
        a_min: lower end of the input.
        a_max: upper end of the input, not equal to ``a_min``.
        b_min: lower end of the output; None (either end): [0, 1].
        b_max: upper end of the output.
        clip: clip to [b_min, b_max].

    Raises:
        ValueError: ``a_min`` equals ``a_max``; ``clip`` without an end to clip to.

    Example:
        >>> x = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2)
        >>> ScaleIntensityRange(0, 255, 0, 1).batch(x, torch.Generator()).tolist()
        [[[[0.0, 1.0]]]]
    """

    def __init__(
        self,
        a_min: float,
        a_max: float,
        b_min: float | None = None,
        b_max: float | None = None,
        clip: bool = False,
    ) -> None:
        if a_min == a_max:
            raise ValueError(
                f"a_min={a_min} equals a_max of {type(self).__name__}; the input range must have a "
                "width."
            )
        if clip and b_min is None and b_max is None:
            raise ValueError(
                f"clip=True of {type(self).__name__} needs b_min or b_max, an end to clip to."
            )
        super().__init__(a_min, a_max, b_min, b_max, clip)

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        """Transform one image (C, *spatial)."""
        return tensor_of(super().__call__(float_image(img)))

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Map each sample."""
        return functional.rescale_range(
            x,
            a_min=self.a_min,
            a_max=self.a_max,
            b_min=self.b_min,
            b_max=self.b_max,
            clip=self.clip,
            overwrite=overwrite,
        )
