"""The last linear layer of a network: find it, start it afresh."""

from __future__ import annotations

import math

import torch
from torch import nn

from medmonai.ranks import take_from_first_rank


def head_of(network: nn.Module) -> nn.Linear:
    """Return the last `nn.Linear` of a network, also through DistributedDataParallel or `torch.compile`.

    Last means last registered, which is the classifier of every network here and of MONAI's ResNet, DenseNet,
    SEResNet and EfficientNet.

    Raises:
        ValueError: the network has no linear layer.

    Example:
        >>> head_of(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 2)))
        Linear(in_features=16, out_features=2, bias=True)
    """
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ValueError(f"{type(network).__name__} has no nn.Linear, so it has no head that could be found.")
    return linear[-1]


@torch.no_grad()
def reset_head(
    network: nn.Module, *, generator: torch.Generator | None = None, seed: int | None = None
) -> nn.Linear:
    """Start the last linear layer afresh, in place: weights uniform in +-1/sqrt(in_features), bias 0.

    That is how MONAI's ResNet and DenseNet start it (torch's default for the weights, zero for the bias). The
    parameters stay the same objects, so optimisers and DDP keep them. Between the two stages of deep AUC maximisation
    the head is reset because its scale was learned for another loss.

    Under torch.distributed all ranks must call it; they take the values of rank 0.

    Args:
        network: network, bare or wrapped.
        generator: a CPU generator to draw from.
        seed: used to make one instead. With neither, torch's global generator is used.

    Returns:
        The layer.

    Raises:
        ValueError: both generator and seed are given, or the network has no linear layer.

    Example:
        >>> network = nn.Linear(4, 1)
        >>> bool(reset_head(network, seed=0).bias == 0)
        True
    """
    if generator is not None and seed is not None:
        raise ValueError("generator and seed are both given; give one of them.")
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
    head = head_of(network)
    # Drawn on the CPU in float32, so that the values do not depend on device or precision.
    weight = nn.init.kaiming_uniform_(torch.empty(head.weight.shape), a=math.sqrt(5), generator=generator)
    head.weight.copy_(weight)
    if head.bias is not None:
        head.bias.zero_()
    take_from_first_rank([head.weight])
    return head
