"""Run a function only on the samples of a batch that drew it."""

from __future__ import annotations

from collections.abc import Callable

import torch


def upload(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Move small parameters to ``device`` without waiting for it (through pinned memory on
    CUDA).
    """
    if device.type == "cuda" and values.device.type == "cpu":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


def as_float32(x: torch.Tensor, *, overwrite: bool = False) -> torch.Tensor:
    """Give a float32 tensor that may be written to: ``x`` itself only where ``overwrite`` allows
    it.
    """
    if x.dtype != torch.float32:
        return x.to(torch.float32)
    return x if overwrite else x.clone()


def per_sample(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Shape (B,) or (B, C) parameters so that they broadcast over ``x`` (B, C, *spatial), on its
    device, in float32.
    """
    shape = (*values.shape, *([1] * (x.ndim - values.ndim)))
    return upload(values.to(torch.float32), x.device).view(shape)


def on_members(
    x: torch.Tensor,
    index: torch.Tensor,
    function: Callable[[torch.Tensor], torch.Tensor],
    *,
    overwrite: bool = False,
) -> torch.Tensor:
    """Replace the samples that ``index`` names by ``function`` of them: select, transform, copy
    back.

    The number of members is known on the host, so nothing waits for the device.

    Args:
        x: (B, C, *spatial).
        index: (n,) int64 on the CPU, each sample at most once.
        function: maps (n, C, *spatial) to a new tensor of the same shape.
        overwrite: whether ``x`` itself may be written to.

    Returns:
        (B, C, *spatial) in the dtype of ``function``'s result; ``x`` itself where ``index`` is
        empty.

    Example:
        >>> on_members(torch.ones(3, 1, 2, 2), torch.tensor([1]), lambda part: part * 5)[:, 0, 0, 0]
        tensor([1., 5., 1.])
    """
    count = index.numel()
    if count == 0:
        return x
    if count == x.shape[0]:
        return function(x)
    index = upload(index, x.device)
    changed = function(x.index_select(0, index))
    if changed.dtype != x.dtype:
        x = x.to(changed.dtype)
    elif not overwrite:
        x = x.clone()
    if x.element_size() < 4:
        words = _words(x)
        changed_words = _words(changed)
        if words is not None and changed_words is not None:
            words.index_copy_(0, index, changed_words)
            return x
    return x.index_copy_(0, index, changed)


def _words(x: torch.Tensor) -> torch.Tensor | None:
    """View the samples of ``x`` as 64-bit words where that is possible; copying byte by byte takes
    three times as long.
    """
    size = x.element_size()
    whole = x.stride(0) * size % 8 == 0 and x.storage_offset() * size % 8 == 0
    return x.view(x.shape[0], -1).view(torch.int64) if whole and x.is_contiguous() else None
