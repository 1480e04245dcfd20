"""Random rotation and random affine maps, resampled at the size of the input."""

from __future__ import annotations

from collections.abc import Sequence

import monai.transforms as mt
import numpy as np
import torch
from monai.config import NdarrayOrTensor
from monai.utils import ensure_tuple, issequenceiterable

from medmonai.transforms import functional
from medmonai.transforms.batch import (
    BatchTransform,
    Draws,
    check_prob,
    draw_parameters,
    warn_if_idle,
)
from medmonai.transforms.functional.affine import MODES, PADDING_MODES
from medmonai.transforms.functional.members import on_members

Range = Sequence[tuple[float, float] | float] | float | None
_PARTS = ("rotate", "shear", "translate", "scale")


def _limits(values: Range, name: str, *, neutral: float = 0.0) -> np.ndarray:
    """Read MONAI's range argument as (K, 2) limits: a number r is (-r, r), a pair is itself, None
    is left out.
    """
    rows = []
    for value in ensure_tuple(values):
        if issequenceiterable(value):
            if len(value) != 2:
                raise ValueError(
                    f"{name} holds {value}; use a number or a pair (low, high) for each axis."
                )
            rows.append(tuple(value))
        elif value is not None:
            rows.append((-value, value))
    return np.array(rows, dtype=np.float64).reshape(-1, 2) + neutral


def _check_sampling(mode: str, padding_mode: str, name: str) -> None:
    for given, allowed, argument in (
        (mode, MODES, "mode"),
        (padding_mode, PADDING_MODES, "padding_mode"),
    ):
        if str(given) not in allowed:
            raise ValueError(f"{argument}={given!r} of {name}; use one of {', '.join(allowed)}.")


def _resample_chosen(
    transform: mt.RandAffine | mt.RandRotate, x: torch.Tensor, draws: Draws, overwrite: bool
) -> torch.Tensor:
    index = draws["chosen"].nonzero().flatten()
    matrix = draws["matrix"][index]
    mode = str(transform.mode)
    padding_mode = str(transform.padding_mode)
    # Only the chosen ones are converted before they are resampled: on a CPU bytes are four times as
    # fast to pick.
    return on_members(
        x,
        index,
        lambda part: functional.resample(part, matrix, mode=mode, padding_mode=padding_mode),
        overwrite=overwrite,
    ).to(torch.float32)


class RandAffine(BatchTransform, mt.RandAffine):
    """Rotate, shear, shift and scale about the center with probability ``prob``; MONAI's RandAffine
    with a ``batch`` method.

    Every range is MONAI's: a number r means (-r, r) for one axis, a pair inside a sequence is (low,
    high), a sequence has one entry for each axis in turn (``(0.1, 0.2)`` is two axes, not a range),
    missing axes are left alone. The output has the size of the input (MONAI's ``spatial_size`` is
    not offered); the arithmetic is float32.

    Args:
        prob: probability for each sample.
        rotate_range: radians; in 3D about the first, second and third axis.
        shear_range: shear coefficients.
        translate_range: voxels.
        scale_range: 0.1 draws a factor in 0.9 .. 1.1 for that axis, from output to input (above 1
            shrinks).
        mode: "bilinear" (trilinear in 3D) or "nearest".
        padding_mode: "zeros", "border" or "reflection".

    Raises:
        ValueError: ``prob`` outside [0, 1]; a malformed range; an unknown mode.

    Example:
        >>> shift = RandAffine(prob=1, translate_range=[(0, 0), (1, 1)], padding_mode="zeros")
        >>> shift.batch(torch.ones(1, 1, 2, 2), torch.Generator())[0, 0].tolist()
        [[1.0, 0.0], [1.0, 0.0]]
    """

    def __init__(
        self,
        prob: float = 0.1,
        rotate_range: Range = None,
        shear_range: Range = None,
        translate_range: Range = None,
        scale_range: Range = None,
        *,
        mode: str = "bilinear",
        padding_mode: str = "reflection",
    ) -> None:
        name = type(self).__name__
        _check_sampling(mode, padding_mode, name)
        ranges = (rotate_range, shear_range, translate_range, scale_range)
        super().__init__(check_prob(prob, name), *ranges, mode=mode, padding_mode=padding_mode)
        self.limits = {
            part: _limits(values, f"{part}_range of {name}", neutral=float(part == "scale"))
            for part, values in zip(_PARTS, ranges)
        }
        ends = np.cumsum([len(limits) for limits in self.limits.values()])
        self._columns = {
            part: slice(end - len(self.limits[part]), end) for part, end in zip(_PARTS, ends)
        }
        self._all_limits = np.concatenate(list(self.limits.values()))
        moved = [
            bool((limits != float(part == "scale")).any()) for part, limits in self.limits.items()
        ]
        warn_if_idle(self, strength=any(moved))

    def randomize(self, data: NdarrayOrTensor | None = None) -> None:
        """Draw for one image from ``self.R``: twice, as a call of MONAI's RandAffine does, to stay
        equal to it.
        """
        super().randomize(data)
        if self._do_transform:
            self.rand_affine_grid.randomize()

    def __call__(
        self,
        img: NdarrayOrTensor,
        randomize: bool = True,
        lazy: bool | None = None,
        *,
        mode: str | None = None,
        padding_mode: str | None = None,
    ) -> torch.Tensor:
        """Transform one image (C, *spatial), if wanted with another ``mode`` or ``padding_mode``
        for it.
        """
        if randomize:
            self.randomize()
        # MONAI takes arrays too, though its annotation says tensors.
        return super().__call__(
            img,  # pyright: ignore[reportArgumentType]
            mode=mode,
            padding_mode=padding_mode,
            randomize=False,
            lazy=lazy,
        )

    def draw(self, x: torch.Tensor, generator: torch.Generator) -> Draws:
        """Draw ``chosen`` (B,) bool and ``matrix`` (B, d, d + 1), as ``functional.affine_matrix``
        defines it.
        """
        chosen, drawn = draw_parameters(self.prob, self._all_limits, x.shape[0], generator)
        parts = {part: drawn[:, columns] for part, columns in self._columns.items()}
        return {
            "chosen": torch.from_numpy(chosen),
            "matrix": functional.affine_matrix(x.ndim - 2, **parts),
        }

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Resample the chosen samples through their ``matrix``."""
        return _resample_chosen(self, x, draws, overwrite)


class RandRotate(BatchTransform, mt.RandRotate):
    """Rotate about the center with probability ``prob``; MONAI's RandRotate with a ``batch``
    method.

    The output has the size of the input; the arithmetic is float32.

    Args:
        range_x: radians, r for (-r, r) or (low, high): in the plane of a 2D image, about the first
            axis in 3D.
        range_y: about the second axis, 3D only.
        range_z: about the third axis, 3D only.
        prob: probability for each sample.
        keep_size: only True; MONAI's own RandRotate has the other.
        mode: "bilinear" (trilinear in 3D) or "nearest".
        padding_mode: "zeros", "border" or "reflection".

    Raises:
        ValueError: ``prob`` outside [0, 1]; ``keep_size=False``; an unknown mode.
    """

    def __init__(
        self,
        range_x: tuple[float, float] | float = 0.0,
        range_y: tuple[float, float] | float = 0.0,
        range_z: tuple[float, float] | float = 0.0,
        prob: float = 0.1,
        *,
        keep_size: bool = True,
        mode: str = "bilinear",
        padding_mode: str = "border",
    ) -> None:
        name = type(self).__name__
        _check_sampling(mode, padding_mode, name)
        if not keep_size:
            raise ValueError(
                f"keep_size=False of {name} would give images of several sizes; use "
                "monai.transforms' own."
            )
        super().__init__(
            range_x, range_y, range_z, check_prob(prob, name), mode=mode, padding_mode=padding_mode
        )
        self.limits = np.array([self.range_x, self.range_y, self.range_z], dtype=np.float64)
        warn_if_idle(self, strength=bool(self.limits.any()))

    def draw(self, x: torch.Tensor, generator: torch.Generator) -> Draws:
        """Draw ``chosen`` (B,) bool and ``matrix`` (B, d, d + 1)."""
        limits = self.limits if x.ndim == 5 else self.limits[:1]
        chosen, angles = draw_parameters(self.prob, limits, x.shape[0], generator)
        none = angles[:, :0]
        matrix = functional.affine_matrix(
            x.ndim - 2, rotate=angles, shear=none, translate=none, scale=none
        )
        return {"chosen": torch.from_numpy(chosen), "matrix": matrix}

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Resample the chosen samples through their ``matrix``."""
        return _resample_chosen(self, x, draws, overwrite)
