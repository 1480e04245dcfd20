"""Processes that train together under torch.distributed: who is who, and what they must agree on.

Ignite's `idist` answers the same questions, but starts a collective operation the first time it is
asked for a rank and still answers for a process group that was destroyed; torch's own functions
raise where there is no group.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import distributed


def together() -> bool:
    """Return whether several ranks work together, now (not when an object was built)."""
    return world_size() > 1


def rank() -> int:
    """Return the number of this process, 0 where there is only one."""
    return distributed.get_rank() if _grouped() else 0


def world_size() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if _grouped() else 1


def wait_for_all() -> None:
    """Return when every rank has come here."""
    if together():
        distributed.barrier()


def average_gradients(parameters: Sequence[torch.Tensor]) -> None:
    """Make the gradients of parameters of one shape the mean over the ranks; nothing to do for one
    that has none.
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
    """Give every rank the values of rank 0."""
    if together():
        for tensor in tensors:
            value = tensor.detach().contiguous()
            distributed.broadcast(value, 0)
            tensor.detach().copy_(value)


def _grouped() -> bool:
    return distributed.is_available() and distributed.is_initialized()
