"""Heads: build one of linear layers, find the last linear layer of a network, start it afresh."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from medmonai.distributed import take_from_first_rank

from .stems import check_shape_arguments


def mlp_head(
    in_features: int,
    num_classes: int,
    *,
    hidden: Sequence[int] = (512,),
    dropout: float | Sequence[float] = 0.5,
) -> nn.Sequential:
    """Build a head that maps features (B, in_features) to logits (B, num_classes).

    dropout - linear - ReLU for each hidden layer, then dropout - linear. `hidden=(512,)` gives
    dropout - linear(512) - ReLU - dropout - linear, `hidden=()` one linear layer with a dropout
    before it. A dropout of 0 stays in its place, so the names in a state dict do not depend on it.
    MONAI's heads are one linear layer.

    Args:
        in_features: features of a case.
        num_classes: logits per case: `Task.num_outputs`, so 1 for a binary task.
        hidden: outputs of the hidden layers.
        dropout: probability that a value is set to 0 in training, in [0, 1): one for all places, or
            one for each linear layer, first to last.

    Raises:
        ValueError: a count below 1, hidden that is not a list, or dropout of a wrong number or
            outside [0, 1).

    Example:
        >>> [type(layer).__name__ for layer in mlp_head(2048, 7, hidden=(512,), dropout=(0.0, 0.5))]
        ['Dropout', 'Linear', 'ReLU', 'Dropout', 'Linear']
    """
    if isinstance(hidden, (int, str)):
        raise ValueError(
            f"hidden={hidden!r}; a list of layers is needed, such as [512], or [] for one linear "
            "layer."
        )
    widths = [in_features, *hidden, num_classes]
    for width in widths:
        check_shape_arguments(2, in_features=in_features, num_classes=num_classes, hidden=width)
    rates = [dropout] * (len(widths) - 1) if isinstance(dropout, (int, float)) else list(dropout)
    if len(rates) != len(widths) - 1 or not all(0 <= rate < 1 for rate in rates):
        raise ValueError(
            f"dropout={dropout!r} is not possible with hidden={tuple(hidden)}; use one number in "
            f"[0, 1), or {len(widths) - 1} of them, one for each linear layer."
        )
    layers: list[nn.Module] = []
    for rate, before, after in zip(rates, widths[:-1], widths[1:]):
        layers += [nn.Dropout(rate), nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def head_of(network: nn.Module) -> nn.Linear:
    """Return the last `nn.Linear` of a network, also through DistributedDataParallel or
    `torch.compile`.

    Last means last registered, which is the classifier of every network here and of MONAI's ResNet,
    DenseNet, SEResNet and EfficientNet.

    Raises:
        ValueError: the network has no linear layer.

    Example:
        >>> head_of(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 2)))
        Linear(in_features=16, out_features=2, bias=True)
    """
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ValueError(
            f"{type(network).__name__} has no nn.Linear, so it has no head that could be found."
        )
    return linear[-1]


@torch.no_grad()
def reset_head(
    network: nn.Module, *, generator: torch.Generator | None = None, seed: int | None = None
) -> nn.Linear:
    """Start the last linear layer afresh, in place: weights uniform in +-1/sqrt(in_features),
    bias 0.

    That is how MONAI's ResNet and DenseNet start it (torch's default for the weights, zero for the
    bias). The parameters stay the same objects, so optimizers and DDP keep them. Between the two
    stages of deep AUC maximization the head is reset because its scale was learned for another
    loss.

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
    weight = nn.init.kaiming_uniform_(
        torch.empty(head.weight.shape), a=math.sqrt(5), generator=generator
    )
    head.weight.copy_(weight)
    if head.bias is not None:
        head.bias.zero_()
    take_from_first_rank([head.weight])
    return head
