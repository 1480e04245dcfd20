"""Random flips, 90-degree rotations and axis permutations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import monai.transforms as mt
import numpy as np
import torch
from monai.data import MetaTensor
from monai.data.meta_obj import get_track_meta
from monai.utils import TraceKeys, convert_to_tensor, ensure_tuple

from medmonai.transforms import functional
from medmonai.transforms.batch import BatchTransform, Draws, check_prob, draw_chosen, warn_if_idle


class RandFlip(BatchTransform, mt.RandFlip):
    """Mirror along spatial axes with probability ``prob``; MONAI's RandFlip with a ``batch``
    method.

    Args:
        prob: probability for each sample.
        spatial_axis: the axes mirrored, 0 the first after the channel; None: all of them.

    Raises:
        ValueError: ``prob`` outside [0, 1]; an axis that the batch lacks.

    Example:
        >>> x = torch.arange(3, dtype=torch.uint8).view(1, 1, 1, 3)
        >>> RandFlip(prob=1, spatial_axis=1).batch(x, torch.Generator()).tolist()
        [[[[2, 1, 0]]]]
    """

    def __init__(self, prob: float = 0.1, spatial_axis: Sequence[int] | int | None = None) -> None:
        super().__init__(check_prob(prob, type(self).__name__), spatial_axis)
        warn_if_idle(self, strength=spatial_axis is None or len(ensure_tuple(spatial_axis)) > 0)

    def draw(self, x: torch.Tensor, generator: torch.Generator) -> Draws:
        """Draw ``chosen`` (B,) bool."""
        return {"chosen": draw_chosen(self.prob, x.shape[0], generator)}

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Mirror the chosen samples."""
        axes = self.flipper.spatial_axis
        return functional.flip(x, draws["chosen"], spatial_axis=axes, overwrite=overwrite)


class RandRotate90(BatchTransform, mt.RandRotate90):
    """Rotate by 1 to ``max_k`` times 90 degrees with probability ``prob``; MONAI's RandRotate90
    with a ``batch`` method.

    Args:
        prob: probability for each sample.
        max_k: the most quarter turns; their number is uniform in 1 .. max_k.
        spatial_axes: the plane; a batch needs both axes of one size.

    Raises:
        ValueError: ``prob`` outside [0, 1]; ``max_k`` below 1; not two axes; axes of a batch differ
            in size.
    """

    def __init__(
        self, prob: float = 0.1, max_k: int = 3, spatial_axes: tuple[int, int] = (0, 1)
    ) -> None:
        if max_k < 1:
            raise ValueError(
                f"max_k={max_k} of {type(self).__name__}; use 1 or more quarter turns."
            )
        if len(spatial_axes) != 2 or spatial_axes[0] == spatial_axes[1]:
            raise ValueError(
                f"spatial_axes={spatial_axes} of {type(self).__name__}; name two different axes."
            )
        super().__init__(check_prob(prob, type(self).__name__), max_k, spatial_axes)
        warn_if_idle(self)

    def draw(self, x: torch.Tensor, generator: torch.Generator) -> Draws:
        """Draw ``k`` (B,) int64, 0 for unchanged samples."""
        k = torch.randint(1, self.max_k + 1, (x.shape[0],), generator=generator)
        return {"k": k * draw_chosen(self.prob, x.shape[0], generator)}

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Rotate each sample by its ``k`` quarter turns."""
        return functional.rotate90(
            x, draws["k"], spatial_axes=self.spatial_axes, overwrite=overwrite
        )


class RandAxisPermute(BatchTransform, mt.RandomizableTransform, mt.InvertibleTransform):
    """Permute equal-sized spatial axes with probability ``prob``: transposes in 2D, with flips all
    48 poses in 3D.

    One of the permutations other than the identity is drawn, each as likely. MONAI has only
    ``Transpose``, with fixed axes and no randomness; RandRotate90 reaches a plane at a time. The
    affine of a MetaTensor follows the axes, and ``inverse`` takes the permutation back, as with
    MONAI's spatial transforms.

    Args:
        prob: probability for each sample.
        spatial_axes: the axes that change places; None: all.

    Raises:
        ValueError: ``prob`` outside [0, 1]; repeated axes; axes that differ in size.

    Example:
        >>> x = torch.arange(4).view(1, 1, 2, 2)
        >>> RandAxisPermute(prob=1).batch(x, torch.Generator()).tolist()
        [[[[0, 2], [1, 3]]]]
    """

    def __init__(self, prob: float = 0.1, spatial_axes: Sequence[int] | None = None) -> None:
        if spatial_axes is not None and len(set(spatial_axes)) != len(spatial_axes):
            raise ValueError(
                f"spatial_axes={tuple(spatial_axes)} of {type(self).__name__}; name each axis once."
            )
        super().__init__(check_prob(prob, type(self).__name__))
        self.spatial_axes = None if spatial_axes is None else tuple(spatial_axes)
        self.choice = 0
        warn_if_idle(self, strength=spatial_axes is None or len(spatial_axes) > 1)

    def _count(self, spatial_dims: int) -> int:
        return math.factorial(spatial_dims if self.spatial_axes is None else len(self.spatial_axes))

    def randomize(self, data: torch.Tensor) -> None:
        """Draw for one image (C, *spatial) from ``self.R``."""
        super().randomize(None)
        self.choice = (
            int(self.R.randint(1, self._count(data.ndim - 1))) if self._do_transform else 0
        )

    def __call__(self, img: torch.Tensor, randomize: bool = True) -> torch.Tensor:
        """Transform one image (C, *spatial)."""
        img = convert_to_tensor(img, track_meta=get_track_meta())
        if randomize:
            self.randomize(img)
        order = functional.axis_order(img[None], self.choice, spatial_axes=self.spatial_axes)
        out = _permuted(img, order)
        if isinstance(out, MetaTensor):
            self.push_transform(out, extra_info={"order": order})
        return out

    def inverse(self, data: torch.Tensor) -> torch.Tensor:
        """Take back the permutation that the MetaTensor records last.

        Raises:
            RuntimeError: its last record is of another transform.
        """
        order = self.pop_transform(data)[TraceKeys.EXTRA_INFO]["order"]
        return _permuted(data, np.argsort(order).tolist())

    def draw(self, x: torch.Tensor, generator: torch.Generator) -> Draws:
        """Draw ``choice`` (B,) int64, the number of the permutation, 0 for the samples that
        stay.
        """
        choice = torch.randint(
            1, max(2, self._count(x.ndim - 2)), (x.shape[0],), generator=generator
        )
        return {"choice": choice * draw_chosen(self.prob, x.shape[0], generator)}

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Permute the axes of each sample by its ``choice``."""
        return functional.permute_axes(
            x, draws["choice"], spatial_axes=self.spatial_axes, overwrite=overwrite
        )


def _permuted(img: torch.Tensor, order: Sequence[int]) -> torch.Tensor:
    """Return an image (C, *spatial) whose spatial axis i is the old axis ``order[i]``; the affine
    and the record go along.
    """
    plain = img.as_tensor() if isinstance(img, MetaTensor) else img
    out = plain.permute(0, *(1 + axis for axis in order)).contiguous()
    if not isinstance(img, MetaTensor):
        return out
    out = MetaTensor(out).copy_meta_from(img)
    places = [*order, *range(len(order), out.affine.shape[-1])]
    # a step along the new axis i is one along the old axis order[i]
    out.affine = img.affine[:, places]
    return out
