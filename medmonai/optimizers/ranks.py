"""What ranks that train together must agree on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import distributed


def together() -> bool:
    """Return whether several ranks train together, now (not when an optimiser was built)."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def average_gradients(parameters: Sequence[torch.Tensor]) -> None:
    """Make the gradients of parameters of one shape the mean over the ranks; nothing to do for one that has none."""
    if not together() or any(parameter.grad is None for parameter in parameters):
        return
    stacked = torch.stack([parameter.grad for parameter in parameters])
    distributed.all_reduce(stacked)
    stacked /= distributed.get_world_size()
    for parameter, mean in zip(parameters, stacked):
        parameter.grad.copy_(mean)


def take_from_first_rank(tensors: Sequence[torch.Tensor]) -> None:
    """Give every rank the values of rank 0."""
    if together():
        for tensor in tensors:
            value = tensor.detach().contiguous()
            distributed.broadcast(value, 0)
            tensor.detach().copy_(value)
