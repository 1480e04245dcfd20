"""Several trained networks as one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import nn


class Ensemble(nn.Module):
    """The mean of the logits of several networks of one make.

    logits(x) = 1/M sum_m network_m(x). For a binary task this is the geometric mean of the odds.
    It is one module: its state dict holds every member, so checkpoints, inference, TorchScript and
    ONNX need nothing else. MONAI's `EnsembleEvaluator` and `MeanEnsemble` average the outputs of
    networks that an evaluator holds apart.

    Args:
        network: a network; each member is a copy of it.
        members: number of networks, from 1.

    Raises:
        ValueError: `members` below 1.

    Example:
        >>> from medmonai.networks import resnet10
        >>> ensemble = Ensemble(resnet10(width=8), members=2)
        >>> ensemble(torch.zeros(3, 1, 16, 16)).shape
        torch.Size([3, 1])
    """

    def __init__(self, network: nn.Module, *, members: int) -> None:
        super().__init__()
        if isinstance(members, bool) or not isinstance(members, int) or members < 1:
            raise ValueError(f"members={members!r}; a whole number from 1 is needed.")
        self.members = nn.ModuleList(copy.deepcopy(network) for _ in range(members))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mean logits (B, outputs)."""
        # In float32 also under autocast: the mean is exact to a float32 rounding then.
        return torch.stack([member(x).float() for member in self.members]).mean(dim=0)


def ensemble_state(states: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return the state dict of an `Ensemble` from those of its members.

    Args:
        states: one state dict per member, in order.
    """
    return {
        f"members.{member}.{name}": value
        for member, state in enumerate(states)
        for name, value in state.items()
    }
