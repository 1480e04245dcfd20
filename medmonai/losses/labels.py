"""Logits and labels as a loss gets them: plain tensors of one shape, checked."""

from __future__ import annotations

import torch
from torch._C._functorch import is_functorch_wrapped_tensor


def plain(x: torch.Tensor) -> torch.Tensor:
    """Return a MetaTensor as the plain tensor it is (each operation on a MetaTensor costs extra
    time).

    Raises:
        TypeError: x is not a tensor.
    """
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"a {type(x).__name__} was given to the loss; it takes tensors.")
    return x if type(x) is torch.Tensor else x.as_subclass(torch.Tensor)


def values_can_be_read(x: torch.Tensor) -> bool:
    """Say whether looking at the values is free: on the CPU, outside tracing, compiling and
    `vmap`.
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    return x.device.type == "cpu" and not is_functorch_wrapped_tensor(x)


def check_logits(logits: torch.Tensor, num_outputs: int) -> None:
    """Raise ValueError if the logits are not a non-empty floating (B, num_outputs)."""
    if logits.ndim != 2 or logits.shape[1] != num_outputs or not logits.is_floating_point():
        raise ValueError(
            f"logits have shape {tuple(logits.shape)} and dtype {logits.dtype}; this loss needs "
            f"floating (B, {num_outputs})."
        )
    if logits.shape[0] == 0:
        raise ValueError(
            f"logits have shape {tuple(logits.shape)}: the batch is empty; give at least one case."
        )


def check_finite(logits: torch.Tensor) -> None:
    """Raise ValueError if CPU logits hold NaN or infinity (elsewhere reading them would stop the
    host).
    """
    if values_can_be_read(logits) and not bool(torch.isfinite(logits).all()):
        raise ValueError(
            f"logits hold {int((~torch.isfinite(logits)).sum())} NaN or infinite values; lower the "
            f"learning rate or look for NaN in the images."
        )


def class_numbers(labels: torch.Tensor, *, batch: int, num_classes: int) -> torch.Tensor:
    """Return the labels (B,) or (B, 1) as int64 (B,).

    Raises:
        ValueError: another shape, or (on the CPU, where looking is free) values other than
            0..num_classes-1.
    """
    labels = plain(labels)
    if labels.shape not in ((batch,), (batch, 1)):
        raise ValueError(
            f"labels have shape {tuple(labels.shape)}; {batch} logits need ({batch},) or ({batch}, "
            "1)."
        )
    labels = labels.reshape(-1)
    numbers = labels.long()
    if values_can_be_read(labels):
        wrong = (numbers < 0) | (numbers >= num_classes)
        if labels.is_floating_point():
            wrong |= numbers != labels
        if bool(wrong.any()):
            raise ValueError(
                f"labels hold {labels[wrong][0].item()}; whole numbers from 0 to "
                f"{num_classes - 1} are needed (no soft or missing labels)."
            )
    return numbers


def zeros_and_ones(labels: torch.Tensor, *, shape: torch.Size, dtype: torch.dtype) -> torch.Tensor:
    """Return labels of that shape as a floating tensor of exactly 0 and 1.

    Raises:
        ValueError: another shape, or (on the CPU) another value. Elsewhere another value becomes
            NaN.
    """
    labels = plain(labels)
    if labels.shape != shape:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)}; these logits need {tuple(shape)}."
        )
    valid = (labels == 0) | (labels == 1)
    if values_can_be_read(labels):
        if not bool(valid.all()):
            raise ValueError(
                f"labels hold {labels[~valid][0].item()}; only 0 and 1 are possible here (no soft "
                "or missing labels)."
            )
        return labels.to(dtype)
    return torch.where(valid, labels.to(dtype), torch.nan)


def targets_of(
    labels: torch.Tensor, logits: torch.Tensor, *, exclusive: bool = False
) -> torch.Tensor:
    """Return what each output should say, (B, L) of 0 and 1, in the dtype of the logits.

    One output takes labels (B,) or (B, 1). Several take class numbers (B,) or (B, 1), each class
    against the rest, or (B, L) of 0 and 1, which `exclusive=True` refuses.

    Raises:
        ValueError: see `class_numbers` and `zeros_and_ones`.
    """
    batch, outputs = logits.shape
    labels = plain(labels)
    if outputs == 1:
        if labels.ndim == 1:
            labels = labels.unsqueeze(1)
        return zeros_and_ones(labels, shape=logits.shape, dtype=logits.dtype)
    if labels.ndim == 2 and labels.shape[1] > 1 and not exclusive:
        return zeros_and_ones(labels, shape=logits.shape, dtype=logits.dtype)
    numbers = class_numbers(labels, batch=batch, num_classes=outputs)
    # A comparison instead of one_hot: no look at the values. A number outside the classes must not
    # pass for "the rest".
    hot = (numbers.unsqueeze(1) == torch.arange(outputs, device=numbers.device)).to(logits.dtype)
    if values_can_be_read(labels):
        return hot
    whole = (numbers >= 0) & (numbers < outputs) & (numbers == labels.reshape(-1))
    return torch.where(whole.unsqueeze(1), hot, torch.nan)
