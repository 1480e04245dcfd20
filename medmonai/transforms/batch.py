"""The batch door: what a transform needs so that it also takes a whole batch, with a draw for each
sample.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import RandomizableTransform

Draws = dict[str, torch.Tensor]


class BatchTransform(ABC):
    """Mixin that adds ``batch`` to a MONAI array transform: draw, then apply.

    MONAI's transforms take one image at a time and draw from ``self.R``. A subclass names here what
    one draw for B samples is (``draw``) and how it is applied (``apply``, a call of
    ``medmonai.transforms.functional``); both are free of hidden state, so the same generator state
    gives the same batch.
    """

    def batch(
        self, x: torch.Tensor, generator: torch.Generator, *, overwrite: bool = False
    ) -> torch.Tensor:
        """Transform a batch, each sample with its own draw.

        Args:
            x: (B, C, H, W) or (B, C, D, H, W), on any device.
            generator: a CPU generator; all draws come from it.
            overwrite: whether ``x`` may be written to, which saves a copy. Otherwise it is never
                modified, though it may be the result itself where nothing changes.

        Returns:
            (B, C, *spatial): float32 from intensity and resampling transforms, the dtype of ``x``
            from the others.

        Raises:
            TypeError: ``x`` is not a tensor.
            ValueError: ``x`` has another number of dimensions.
        """
        x = check_batch(x, type(self).__name__)
        return self.apply(x, self.draw(x, generator), overwrite=overwrite)

    def draw(self, x: torch.Tensor, generator: torch.Generator) -> Draws:
        """Draw the parameters of a batch like ``x``: CPU tensors with one entry a sample. Nothing
        to draw: empty.
        """
        return {}

    @abstractmethod
    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Apply what was drawn."""


def check_batch(x: torch.Tensor, name: str) -> torch.Tensor:
    """Give ``x`` as a plain tensor if it is a batch.

    Raises:
        TypeError: it is not a tensor.
        ValueError: it has another number of axes.
    """
    if not isinstance(x, torch.Tensor):
        raise TypeError(
            f"{name}.batch got {type(x).__name__}; it needs a torch.Tensor (B, C, *spatial)."
        )
    if x.ndim not in (4, 5):
        raise ValueError(
            f"{name}.batch got a tensor of shape {tuple(x.shape)}; it needs (B, C, H, W) or (B, C, "
            "D, H, W)."
        )
    return x.as_tensor() if isinstance(x, MetaTensor) else x


def check_prob(prob: float, name: str) -> float:
    """Give ``prob`` if it is a probability (MONAI clips it silently).

    Raises:
        ValueError: it is below 0 or above 1.
    """
    if not 0 <= prob <= 1:
        raise ValueError(f"prob={prob} of {name} is not a probability; use 0 to 1.")
    return prob


def warn_if_idle(transform: RandomizableTransform, *, strength: bool = True) -> None:
    """Warn if ``transform`` can never act, and set its ``prob`` to 0 if its strength is zero: an
    exact identity.
    """
    name = type(transform).__name__
    reason = "prob is 0" if transform.prob == 0 else None if strength else "its range is zero"
    if reason:
        warnings.warn(f"{name} is a no-op: {reason}.", UserWarning, stacklevel=3)
        transform.prob = 0.0


def draw_chosen(prob: float, size: int, generator: torch.Generator) -> torch.Tensor:
    """Draw which of ``size`` samples are transformed: (size,) bool, each true with probability
    ``prob``.
    """
    return torch.rand(size, generator=generator) < prob


def draw_parameters(
    prob: float, limits: np.ndarray, size: int, generator: torch.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw for ``size`` samples whether they are transformed, and with what parameters.

    Args:
        prob: probability of each sample.
        limits: (K, 2) float64, low and high of each parameter.
        size: number of samples.
        generator: a CPU generator.

    Returns:
        (size,) bool, and (size, K) float64, column k uniform between ``limits[k]`` (for the samples
        that stay, too).
    """
    # One call of the generator, and NumPy for the few numbers: every call counts in a batch of
    # small images, and one of NumPy's costs a third of one of torch's.
    drawn = torch.rand(size, len(limits) + 1, generator=generator, dtype=torch.float64).numpy()
    low, high = limits.T
    return drawn[:, 0] < prob, low + (high - low) * drawn[:, 1:]
