"""Several trained networks as one."""
# No `from __future__ import annotations`: TorchScript reads those of the class as types.

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import nn


class Ensemble(nn.Module):
    """The mean of the logits of several networks of one make.

    logits(x) = 1/M sum_m (network_m(x) / T_m + b_m), with T = 1 and b = 0 by default. For a binary
    task this is the geometric mean of the odds. It is one module: its state dict holds every
    member, so checkpoints, inference, TorchScript and ONNX need nothing else. MONAI's
    `EnsembleEvaluator` and `MeanEnsemble` average the outputs of networks that an evaluator holds
    apart.

    Args:
        network: a network; each member is a copy of it.
        members: number of networks, from 1.
        temperatures: T of each member, which brings logits of different scales to one; None for 1.
        biases: b of each member, one or one for each output; None for 0.

    Raises:
        ValueError: `members` below 1; not one temperature or bias per member, or a temperature that
            is not positive.

    Example:
        >>> from medmonai.networks import resnet10
        >>> ensemble = Ensemble(resnet10(width=8), members=2)
        >>> ensemble(torch.zeros(3, 1, 16, 16)).shape
        torch.Size([3, 1])
    """

    temperatures: torch.Tensor
    biases: torch.Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        members: int,
        temperatures: Sequence[float] | None = None,
        biases: Sequence[Sequence[float]] | None = None,
    ) -> None:
        super().__init__()
        if isinstance(members, bool) or not isinstance(members, int) or members < 1:
            raise ValueError(f"members={members!r}; a whole number from 1 is needed.")
        self.members = nn.ModuleList(copy.deepcopy(network) for _ in range(members))
        scale = torch.tensor([1.0] * members if temperatures is None else list(temperatures))
        shift = torch.tensor([[0.0]] * members if biases is None else list(map(list, biases)))
        if len(scale) != members or len(shift) != members or not bool((scale > 0).all()):
            raise ValueError(
                f"temperatures={temperatures!r}, biases={biases!r}; {members} positive numbers and "
                f"{members} biases are needed, one for each member."
            )
        # of the config, not of the weights
        self.register_buffer("temperatures", scale.reshape(-1, 1, 1), persistent=False)
        self.register_buffer("biases", shift.reshape(members, 1, -1), persistent=False)

    def on_one_scale(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the logits of all members (M, B, outputs) after their temperatures and biases."""
        scale = self.temperatures.to(logits.dtype)
        return logits / scale + self.biases.to(logits.dtype)

    def forward(self, x: torch.Tensor, covariates: torch.Tensor | None = None) -> torch.Tensor:
        """Return the mean logits (B, outputs).

        Args:
            x: images (B, C, *spatial).
            covariates: (B, members, values), as each member encodes them; None where the members
                take none.
        """
        logits: list[torch.Tensor] = []
        # In float32 also under autocast: the mean is exact to a float32 rounding then.
        if torch.jit.is_scripting():  # TorchScript compiles no call that a member cannot take
            assert covariates is None, "an ensemble with covariates cannot be scripted"
            for member in self.members:
                logits.append(member(x).float())
        else:
            for i, member in enumerate(self.members):
                beside = () if covariates is None else (covariates[:, i],)
                logits.append(member(x, *beside).float())
        return self.on_one_scale(torch.stack(logits)).mean(dim=0)


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
