"""Another size for all images of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import monai.transforms as mt
import torch
import torch.nn.functional as F
from monai.config import NdarrayOrTensor

from medmonai.transforms.batch import BatchTransform, Draws

_LINEAR = {2: "bilinear", 3: "trilinear"}
MODES = ("nearest", "nearest-exact", "area", "bilinear", "trilinear")


def linear_or(mode: str | None, spatial_dims: int) -> str:
    """Return a mode of interpolation that fits the number of axes; "bilinear" stands for linear in
    3D too.

    Raises:
        ValueError: an unknown mode.
    """
    if mode is not None and str(mode) not in MODES:
        raise ValueError(f"mode={mode!r} of Resize; use one of {', '.join(MODES)}.")
    return _LINEAR[spatial_dims] if mode is None or str(mode) in _LINEAR.values() else str(mode)


class Resize(BatchTransform, mt.Resize):
    """Interpolate to `spatial_size`, bilinear or trilinear if not told otherwise; MONAI's Resize
    with a ``batch`` method.

    A network that was trained on 224-pixel images may take 28-pixel ones so enlarged: on the device
    and after the augmentation, the set keeps its small size in memory, and the random transforms
    work on few pixels. Enlarging is what it is for; where an image shrinks nothing smooths it
    first, so decode it at the size it should have.

    Args:
        spatial_size: voxels along each axis.
        mode: "bilinear" (2D), "trilinear" (3D), "area", or for masks "nearest" or "nearest-exact";
            None: linear.

    Raises:
        ValueError: a size that is not two or three whole numbers of at least 1, or an unknown mode;
            in use: images with another number of spatial axes.

    Example:
        >>> Resize([4, 4]).batch(torch.zeros(1, 3, 2, 2), torch.Generator()).shape
        torch.Size([1, 3, 4, 4])
    """

    def __init__(self, spatial_size: Sequence[int], *, mode: str | None = None) -> None:
        size = tuple(spatial_size)
        if len(size) not in _LINEAR or any(
            isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in size
        ):
            raise ValueError(
                f"spatial_size={spatial_size!r} of Resize; two or three whole numbers of at least "
                "1 are needed."
            )
        super().__init__(size, mode=linear_or(mode, len(size)))
        self._size = size

    def __call__(
        self, img: NdarrayOrTensor, *, mode: str | None = None, lazy: bool | None = None
    ) -> torch.Tensor:
        """Transform one image (C, *spatial), if wanted with another ``mode`` for it; MONAI's
        `Compose` says with ``lazy`` whether it is put off.
        """
        self._check(img.ndim - 1)
        # MONAI takes arrays too, though its annotation says tensors.
        return super().__call__(
            img,  # pyright: ignore[reportArgumentType]
            mode=mode and linear_or(mode, len(self._size)),
            lazy=lazy,
        )

    def apply(self, x: torch.Tensor, draws: Draws, *, overwrite: bool = False) -> torch.Tensor:
        """Interpolate each sample; float32, or `x` itself where it has the size already."""
        self._check(x.ndim - 2)
        if tuple(x.shape[2:]) == self._size:
            return x
        mode = str(self.mode)
        corners = False if mode in _LINEAR.values() else None
        return F.interpolate(x.to(torch.float32), size=self._size, mode=mode, align_corners=corners)

    def _check(self, axes: int) -> None:
        if axes != len(self._size):
            raise ValueError(
                f"spatial_size={self._size} of Resize for images with {axes} spatial axes; give "
                "one number an axis."
            )
