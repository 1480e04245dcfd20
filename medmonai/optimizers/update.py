"""The update of PESG on lists of tensors, in place and with as few passes over memory as torch
allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch

# On a CPU the update is bound by memory: it is done piece by piece, so that a piece stays in the
# shared cache between the operations. 2^19 float32 values of five tensors are 10 MiB; a quarter of
# it is slower, the whole list at once much slower.
PIECE = 2**19
# Below this many values a fresh tensor costs less than a view of the scratch memory.
SMALL = 2**13


class Tensors(NamedTuple):
    """What one step reads and writes: one entry a parameter in each list.

    `buffers` is empty unless `has_buffer(momentum)`; `references` and `sums` are empty without
    epoch decay.
    """

    params: list[torch.Tensor]
    grads: list[torch.Tensor]
    buffers: list[torch.Tensor]
    references: list[torch.Tensor]
    sums: list[torch.Tensor]


class Piece(NamedTuple):
    """A part of a step small enough for the cache: some parameters, or part number `part` of one
    (their `indices`).

    Its `tensors.grads` is empty: gradients are new tensors in each step, the rest stays.
    """

    tensors: Tensors
    indices: list[int]
    part: int | None


class Rates(NamedTuple):
    """The numbers of the update; `lr` may be a tensor on the parameters' device (for CUDA
    graphs).
    """

    lr: float | torch.Tensor
    momentum: float
    weight_decay: float
    epoch_decay: float
    clip_value: float


def has_buffer(momentum: float) -> bool:
    """Say whether the update keeps a mean of directions: at 0 and at 1 it is the new direction
    itself.
    """
    return 0 < momentum < 1


def pesg_update_(tensors: Tensors, rates: Rates, *, first: bool) -> None:
    """Take one PESG step in place (Yuan et al., algorithm 1, as LibAUC 2.0 computes it).

        d = clamp(grad, -clip_value, clip_value) + epoch_decay (w - reference) + weight_decay w
        buffer = (1 - momentum) buffer + momentum d      (buffer = d in the first step of a tensor)
        w = w - lr buffer
        sum = sum + w

    `momentum` weighs the NEW direction, the reverse of torch: PESG's .9 is
    `SGD(momentum=.1, dampening=.1)`. torch's fused SGD kernel does decay, buffer and step in one
    pass, so four passes are left of eight. Gradients are not changed, no storage moves and no value
    is read on the host.

    Args:
        tensors: the lists, all of one device and dtype, all in the memory layout of their
            parameter.
        rates: the numbers.
        first: whether the buffers are empty, not yet a mean of directions.
    """
    update_pieces_(cut(tensors), tensors.grads, rates, first=first)


def update_pieces_(
    pieces: Iterable[Piece], grads: list[torch.Tensor], rates: Rates, *, first: bool
) -> None:
    """Do the same on a step that was cut before; `grads` in the order of the parameters that were
    cut.
    """
    if not grads:
        return
    low = -rates.clip_value
    high = rates.clip_value
    on_cpu = grads[0].device.type == "cpu"
    parts: Sequence[torch.Tensor] = ()
    scratch = grads[0].new_empty(min(PIECE, sum(grad.numel() for grad in grads)) if on_cpu else 0)
    for piece in pieces:
        if piece.part is None:
            own = [grads[index] for index in piece.indices]
        else:
            if piece.part == 0:
                parts = _in_storage_order(grads[piece.indices[0]]).split(PIECE)
            own = [parts[piece.part]]
        if on_cpu:
            own = _clamped(own, low, high, scratch)
        else:
            own = list(torch._foreach_clamp_min(own, low))
            torch._foreach_clamp_max_(own, high)
        _descend(piece.tensors, own, rates, first)


def _clamped(
    grads: list[torch.Tensor], low: float, high: float, scratch: torch.Tensor
) -> list[torch.Tensor]:
    """Return clamped copies, the large ones in the scratch: fresh memory of that size costs page
    faults each time.
    """
    copies = []
    start = 0
    for grad in grads:
        count = grad.numel()
        if count < SMALL:
            copies.append(grad.clamp(low, high))
        else:
            copy = scratch.as_strided(grad.shape, grad.stride(), start)
            copies.append(torch.clamp(grad, low, high, out=copy))
            start += count
    return copies


def _descend(tensors: Tensors, grads: list[torch.Tensor], rates: Rates, first: bool) -> None:
    """Update with gradients that are clamped and may be overwritten."""
    if tensors.references:
        torch._foreach_add_(grads, tensors.references, alpha=-rates.epoch_decay)
    keep = 1.0 - rates.momentum if tensors.buffers else 0.0
    torch._fused_sgd_(
        tensors.params,
        grads,
        tensors.buffers,
        lr=rates.lr,
        momentum=keep,
        dampening=keep,
        is_first_step=first,
        weight_decay=rates.weight_decay + (rates.epoch_decay if tensors.references else 0.0),
        nesterov=False,
        maximize=False,
    )
    if tensors.sums:
        torch._foreach_add_(tensors.sums, tensors.params)


def cut(tensors: Tensors) -> Iterator[Piece]:
    """Yield the work in pieces of about PIECE values: large tensors cut, small ones together. On a
    GPU: in one piece.
    """
    tensors = tensors._replace(grads=[])
    if tensors.params and tensors.params[0].device.type != "cpu":
        yield Piece(tensors, list(range(len(tensors.params))), None)
        return
    small: list[int] = []
    values = 0
    for index, param in enumerate(tensors.params):
        count = param.numel()
        if count > PIECE:
            columns = [
                _in_storage_order(column[index]).split(PIECE) if column else ()
                for column in tensors
            ]
            for part in range(len(columns[0])):
                yield Piece(
                    Tensors(*[[column[part]] if column else [] for column in columns]),
                    [index],
                    part,
                )
            continue
        if values + count > PIECE:
            yield Piece(_select(tensors, small), small, None)
            small = []
            values = 0
        small.append(index)
        values += count
    if small:
        yield Piece(_select(tensors, small), small, None)


def _select(tensors: Tensors, indices: list[int]) -> Tensors:
    return Tensors(*[[column[index] for index in indices] if column else [] for column in tensors])


def _in_storage_order(tensor: torch.Tensor) -> torch.Tensor:
    """Return all values of a dense tensor as one line, whatever its memory format."""
    return tensor.as_strided((tensor.numel(),), (1,))
