"""What goes into a saliency map: images, classes, and the logit of a class; checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn


def as_images(images: torch.Tensor | np.ndarray) -> torch.Tensor:
    """Return images as a new float32 tensor (N, C, *spatial), or say what is wrong with them."""
    x = torch.as_tensor(images).detach().to(torch.float32, copy=True)
    if x.ndim not in (4, 5) or 0 in x.shape:
        raise ValueError(
            f"images have shape {tuple(x.shape)}; (N, C, H, W) or (N, C, A, B, D) is needed."
        )
    if not torch.isfinite(x).all():
        raise ValueError("images hold NaN or infinite voxels; repair them or leave them out.")
    return x


def class_indices(
    network: nn.Module, x: torch.Tensor, class_index: int | Sequence[int]
) -> list[int]:
    """Return one class an image after checking the network's output and the range of the
    classes.

    Raises:
        ValueError: an index outside the classes, or not one for each image.
    """
    with torch.no_grad():
        outputs = logits_of(network(x[:1])).shape[1]
    given = np.atleast_1d(np.asarray(class_index))
    count = max(2, outputs)
    if (
        given.ndim != 1
        or given.dtype.kind not in "iu"
        or len(given) not in (1, len(x))
        or not ((given >= 0) & (given < count)).all()
    ):
        raise ValueError(
            f"class_index={class_index!r}; whole numbers from 0 to {count - 1} are needed for a "
            f"network with {outputs} logit{'s' * (outputs > 1)}, one for all or one for each of "
            f"the {len(x)} images."
        )
    return [int(c) for c in np.broadcast_to(given, (len(x),))]


def logits_of(output: Any) -> torch.Tensor:
    """Return the output of a network, or say why it is not logits (B, outputs)."""
    if not isinstance(output, torch.Tensor):
        raise TypeError(
            f"the network returns {type(output).__name__}; a tensor of logits (B, outputs) is "
            "needed."
        )
    if output.ndim != 2:
        raise ValueError(
            f"the network returns shape {tuple(output.shape)}; logits (B, outputs) are needed."
        )
    return output


def class_score(logits: torch.Tensor, class_index: int) -> torch.Tensor:
    """Return the logit of a class, (B,); of one logit, its negative speaks for class 0."""
    if logits.shape[1] == 1:
        return logits[:, 0] if class_index == 1 else -logits[:, 0]
    return logits[:, class_index]
