"""Processes that train together under torch.distributed: their ranks, and what they must agree on.

Ignite's `idist` answers the same questions, but starts a collective operation on the first query
for a rank and still answers for a destroyed process group; torch's own functions raise if there is
no group.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import distributed


def together() -> bool:
    """Return whether several ranks work together now (not when an object was built)."""
    return world_size() > 1


def rank() -> int:
    """Return the rank of this process, 0 if there is only one."""
    return distributed.get_rank() if _grouped() else 0


def world_size() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if _grouped() else 1


def wait_for_all() -> None:
    """Wait until every rank has reached this point."""
    if together():
        distributed.barrier()


def average_gradients(parameters: Sequence[torch.Tensor]) -> None:
    """Average the gradients of parameters of one shape over the ranks; parameters without a
    gradient are skipped.
    """
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not together() or len(grads) < len(parameters):
        return
    stacked = torch.stack(grads)
    distributed.all_reduce(stacked)
    stacked /= distributed.get_world_size()
    for grad, mean in zip(grads, stacked):
        grad.copy_(mean)


def take_from_first_rank(tensors: Sequence[torch.Tensor]) -> None:
    """Copy the values of rank 0 to every rank."""
    if together():
        for tensor in tensors:
            value = tensor.detach().contiguous()
            distributed.broadcast(value, 0)
            tensor.detach().copy_(value)


def _grouped() -> bool:
    return distributed.is_available() and distributed.is_initialized()
