"""The update of PESG on lists of tensors, in place and with as few passes over memory as torch allows."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, NamedTuple

import torch

# On a CPU the update is bound by memory: it is done piece by piece, so that a piece stays in the cache between the
# operations. 2^18 float32 values of five tensors are 5 MiB; 2^17 and the whole list at once are slower (measured).
PIECE = 2**18
SMALL = 2**13


class Tensors(NamedTuple):
    """What one step reads and writes: one entry a parameter in each list.

    `buffers` is empty unless `has_buffer(momentum)`; `references` and `sums` are empty without epoch decay.
    """

    params: list[torch.Tensor]
    grads: list[torch.Tensor]
    buffers: list[torch.Tensor]
    references: list[torch.Tensor]
    sums: list[torch.Tensor]


class Rates(NamedTuple):
    """The numbers of the update; `lr` may be a tensor on the parameters' device (for CUDA graphs)."""

    lr: float | torch.Tensor
    momentum: float
    weight_decay: float
    epoch_decay: float
    clip_value: float


def has_buffer(momentum: float) -> bool:
    """Say whether the update keeps a mean of directions: at 0 and at 1 it is the new direction itself."""
    return 0 < momentum < 1


def pesg_update_(tensors: Tensors, rates: Rates, *, first: bool) -> None:
    """Take one PESG step in place (Yuan et al., algorithm 1, as LibAUC 2.0 computes it).

        d = clamp(grad, -clip_value, clip_value) + epoch_decay (w - reference) + weight_decay w
        buffer = (1 - momentum) buffer + momentum d      (buffer = d in the first step of a tensor)
        w = w - lr buffer
        sum = sum + w

    `momentum` weighs the NEW direction, the reverse of torch: PESG's .9 is `SGD(momentum=.1, dampening=.1)`. torch's
    fused SGD kernel does decay, buffer and step in one pass, so four passes are left of eight; gradients are not
    changed. All tensors of one call share device and dtype. No storage moves and no value is read on the host.

    Args:
        tensors: the lists.
        rates: the numbers.
        first: whether the buffers are empty, not yet a mean of directions.
    """
    if not tensors.params:
        return
    low, high = -rates.clip_value, rates.clip_value
    if tensors.params[0].device.type != "cpu":
        grads = torch._foreach_clamp_min(tensors.grads, low)
        torch._foreach_clamp_max_(grads, high)
        _descend(tensors._replace(grads=grads), rates, first)
        return
    scratch = torch.empty(min(PIECE, sum(grad.numel() for grad in tensors.grads)), dtype=tensors.params[0].dtype)
    for piece in _pieces(tensors):
        _descend(piece._replace(grads=_clamped(piece.grads, low, high, scratch)), rates, first)


def _clamped(grads: list[torch.Tensor], low: float, high: float, scratch: torch.Tensor) -> list[torch.Tensor]:
    """Return clamped copies, the large ones in the scratch: fresh memory of that size costs page faults each time."""
    copies, start = [], 0
    for grad in grads:
        if grad.numel() < SMALL:
            copies.append(grad.clamp(low, high))
        else:
            copy = scratch.as_strided(grad.shape, grad.stride(), start)
            copies.append(torch.clamp(grad, low, high, out=copy))
            start += grad.numel()
    return copies


def _descend(tensors: Tensors, rates: Rates, first: bool) -> None:
    """Update with gradients that are clamped and may be overwritten."""
    if tensors.references:
        torch._foreach_add_(tensors.grads, tensors.references, alpha=-rates.epoch_decay)
    keep = 1.0 - rates.momentum
    torch._fused_sgd_(
        tensors.params, tensors.grads, tensors.buffers, lr=rates.lr, nesterov=False, maximize=False,
        weight_decay=rates.weight_decay + (rates.epoch_decay if tensors.references else 0.0),
        momentum=keep if tensors.buffers else 0.0, dampening=keep if tensors.buffers else 0.0, is_first_step=first,
    )
    if tensors.sums:
        torch._foreach_add_(tensors.sums, tensors.params)


def _pieces(tensors: Tensors) -> Iterator[Tensors]:
    """Yield the same work in pieces of about PIECE values: large tensors cut, small ones together."""
    small: list[int] = []
    values = 0
    for index, param in enumerate(tensors.params):
        count = param.numel()
        if count > PIECE:
            cut = [[_in_storage_order(column[index]).split(PIECE)] if column else [] for column in tensors]
            for number in range(len(cut[0][0])):
                yield Tensors(*[[column[0][number]] if column else [] for column in cut])
            continue
        if values + count > PIECE:
            yield _select(tensors, small)
            small, values = [], 0
        small.append(index)
        values += count
    if small:
        yield _select(tensors, small)


def _select(tensors: Tensors, indices: list[int]) -> Tensors:
    return Tensors(*[[column[index] for index in indices] if column else [] for column in tensors])


def _in_storage_order(tensor: torch.Tensor) -> torch.Tensor:
    """Return all values of a dense tensor as one line, whatever its memory format."""
    return tensor.as_strided((tensor.numel(),), (1,))


def with_layout_of(param: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor with the strides of a dense parameter: itself where it has them, as nearly always.

    The update goes by storage order, so a network that changed its memory format must not meet older buffers.

    Raises:
        RuntimeError: the parameter is a view with gaps.
    """
    if tensor.stride() == param.stride():
        return tensor
    moved = torch.empty_like(param, requires_grad=False).copy_(tensor)
    if moved.stride() != param.stride():
        raise RuntimeError(f"a parameter of shape {tuple(param.shape)} became a view with gaps; build PESG anew after "
                           f"such a change.")
    return moved


def gather(
    params: list[torch.Tensor],
    state: MutableMapping[torch.Tensor, dict[str, Any]],
    *,
    references: list[torch.Tensor] | None,
    sums: list[torch.Tensor] | None,
    momentum: float,
) -> dict[tuple[bool, torch.dtype], Tensors]:
    """Collect what has a gradient into one call of the update for each dtype, first steps apart.

    Missing momentum buffers are put into `state`, empty. Whatever is not in its parameter's memory layout is moved there
    (in `state`, `references` and `sums` too), as the update goes by storage order.

    Raises:
        TypeError: a sparse gradient.
        RuntimeError: see `with_layout_of`.
    """
    calls: dict[tuple[bool, torch.dtype], Tensors] = {}
    buffered, dense = has_buffer(momentum), torch.strided
    for index, param in enumerate(params):
        grad = param.grad
        if grad is None:
            continue
        if grad.layout is not dense:
            raise TypeError(f"parameter {index} has a {grad.layout} gradient; PESG needs dense ones.")
        own = state[param] if buffered else None
        first = buffered and "momentum_buffer" not in own
        key = (first, param.dtype)
        tensors = calls.get(key)
        if tensors is None:
            tensors = calls[key] = Tensors([], [], [], [], [])
        tensors.params.append(param)
        tensors.grads.append(with_layout_of(param, grad))
        if buffered:
            own["momentum_buffer"] = with_layout_of(param, torch.empty_like(param) if first else own["momentum_buffer"])
            tensors.buffers.append(own["momentum_buffer"])
        if references is not None:
            if references[index].stride() != param.stride():
                references[index] = with_layout_of(param, references[index])
                sums[index] = with_layout_of(param, sums[index])
            tensors.references.append(references[index])
            tensors.sums.append(sums[index])
    return calls
