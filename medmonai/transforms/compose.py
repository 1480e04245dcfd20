"""A chain of transforms with both doors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import monai.transforms as mt
import torch
from monai.transforms import Randomizable
from monai.utils import convert_to_tensor

from medmonai.transforms.batch import BatchTransform, check_batch


class BatchCompose(mt.Compose):
    """Apply array transforms in turn, to an image (MONAI's Compose) or to a whole batch.

    In ``batch`` a transform without a batch door (any array transform of MONAI) is applied to one
    sample after the other, its random state seeded from the generator: slow, but it works, and as
    reproducible as the rest.

    Args:
        transforms: array transforms; None or empty: the identity.

    Example:
        >>> from medmonai.transforms import RandFlip, ScaleIntensityRange
        >>> chain = BatchCompose([RandFlip(prob=0.5), ScaleIntensityRange(0, 255)])
        >>> chain.batch(
        ...     torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.Generator().manual_seed(0)
        ... ).shape
        torch.Size([4, 1, 8, 8])
    """

    def __init__(self, transforms: Sequence[Callable] | Callable | None = None) -> None:
        super().__init__(transforms)
        for transform in self.transforms:
            if not callable(transform):
                raise TypeError(f"BatchCompose got {transform!r}; it needs transforms.")

    def batch(
        self, x: torch.Tensor, generator: torch.Generator, *, overwrite: bool = False
    ) -> torch.Tensor:
        """Transform a batch; every draw comes from ``generator``.

        Args:
            x: (B, C, H, W) or (B, C, D, H, W), on any device.
            generator: a CPU generator.
            overwrite: whether ``x`` may be written to, which saves a copy.

        Returns:
            (B, C, *spatial), a plain tensor; ``x`` itself where nothing changes it.

        Raises:
            TypeError: ``x`` is not a tensor.
            ValueError: ``x`` has another number of dimensions, or a transform does not fit it.
        """
        x = check_batch(x, type(self).__name__)
        for transform in self.transforms:
            if isinstance(transform, (BatchTransform, BatchCompose)):
                out = transform.batch(x, generator, overwrite=overwrite)
                # What one transform has made, the next may overwrite.
                overwrite = (
                    overwrite or out.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
                )
                x = out
            elif hasattr(transform, "batch"):
                x = transform.batch(x, generator)
                overwrite = False
            else:
                x = _each(transform, x, generator)
                overwrite = True
        return x


def _each(transform: Callable, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Apply ``transform`` to each sample of ``x``; it gets copies, since some of MONAI's write into
    their input.
    """
    _seed(transform, generator)
    if len(x) == 0:
        return x.clone()
    return torch.stack(
        [convert_to_tensor(transform(sample.clone()), track_meta=False) for sample in x]
    )


def _seed(transform: object, generator: torch.Generator) -> None:
    if isinstance(transform, Randomizable):
        transform.set_random_state(seed=int(torch.randint(2**32 - 1, (), generator=generator)))
