"""The reference that PESG pulls the weights towards, and the running sums that the next one is
made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

Reference = Literal["initial", "libauc"]


def first_references(params: Sequence[torch.Tensor], reference: Reference) -> list[torch.Tensor]:
    """Return the weights as they are ("initial"), or draws from N(0, 0.01) as in LibAUC."""
    references = [param.detach().clone() for param in params]
    if reference == "libauc":
        for ref in references:
            ref.copy_(torch.empty(ref.shape).normal_(0, 0.01))
    return references


def empty_sums(params: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return sums over no step."""
    return [torch.zeros_like(param, requires_grad=False) for param in params]


def add_idle_(sums: list[torch.Tensor], params: Sequence[torch.Tensor]) -> None:
    """Add the parameters without a gradient to their sums: their mean is that of an unchanged
    weight, not 0.
    """
    idle = [index for index, param in enumerate(params) if param.grad is None]
    if idle:
        torch._foreach_add_([sums[i] for i in idle], [params[i] for i in idle])


def average_into_(references: list[torch.Tensor], sums: list[torch.Tensor], steps: int) -> None:
    """Make the mean over the steps the reference, and begin the sums again."""
    torch._foreach_copy_(references, sums)
    torch._foreach_div_(references, float(steps))
    torch._foreach_zero_(sums)
