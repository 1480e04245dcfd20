"""The plan of PESG's step: which tensors go into which call of the update. It is made once and
reused.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, NamedTuple

import torch

from .update import Piece, Tensors, cut, has_buffer


class Call(NamedTuple):
    """One call of the update: the parameters' indices, their pieces, and whether it is their first
    step.
    """

    indices: list[int]
    pieces: list[Piece]
    first: bool


def signature(params: list[torch.Tensor]) -> list[tuple]:
    """Return what a plan depends on: where each parameter lies, in which layout, and the kind of
    its gradient.
    """
    return [(p.data_ptr(), p.stride(), None if p.grad is None else p.grad.layout) for p in params]


def with_layout_of(param: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor with the strides of a dense parameter: itself where it has them, as nearly
    always.

    The update goes by storage order, so a network that changed its memory format must not meet
    older buffers.

    Raises:
        RuntimeError: the parameter is a view with gaps.
    """
    if tensor.stride() == param.stride():
        return tensor
    moved = torch.empty_like(param, requires_grad=False).copy_(tensor)
    if moved.stride() != param.stride():
        raise RuntimeError(
            f"a parameter of shape {tuple(param.shape)} became a view with gaps; build PESG again "
            "after such a change."
        )
    return moved


def plan(
    params: list[torch.Tensor],
    state: MutableMapping[torch.Tensor, dict[str, Any]],
    *,
    references: list[torch.Tensor] | None,
    sums: list[torch.Tensor] | None,
    momentum: float,
) -> list[Call]:
    """Put what has a gradient into one call for each dtype, first steps apart.

    Missing momentum buffers are put into `state`, empty. Whatever is not in its parameter's memory
    layout is moved there (in `state`, `references` and `sums` too).

    Raises:
        TypeError: a sparse gradient.
        RuntimeError: see `with_layout_of`.
    """
    groups: dict[tuple[torch.dtype, bool], list[int]] = {}
    buffered = has_buffer(momentum)
    for index, param in enumerate(params):
        if param.grad is None:
            continue
        if param.grad.layout != torch.strided:
            raise TypeError(
                f"parameter {index} has a {param.grad.layout} gradient; PESG needs dense ones."
            )
        first = buffered and "momentum_buffer" not in state[param]
        groups.setdefault((param.dtype, first), []).append(index)
        if buffered:
            buffer = torch.empty_like(param) if first else state[param]["momentum_buffer"]
            state[param]["momentum_buffer"] = with_layout_of(param, buffer)
        for column in (references, sums):
            if column is not None:
                column[index] = with_layout_of(param, column[index])
    calls = []
    for (_, first), indices in groups.items():
        tensors = Tensors(
            params=[params[index] for index in indices],
            grads=[],
            buffers=[state[params[index]]["momentum_buffer"] for index in indices]
            if buffered
            else [],
            references=[] if references is None else [references[index] for index in indices],
            sums=[] if sums is None else [sums[index] for index in indices],
        )
        calls.append(Call(indices, list(cut(tensors)), first))
    return calls
