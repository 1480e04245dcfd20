"""A trained network as programs of others run it: flips and both classes inside."""
# No `from __future__ import annotations`: TorchScript reads those of the class as types.

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn


class ClassLogits(nn.Module):
    """One logit for each class from a trained network, averaged over flips.

    logits(x) = mean over S of network(flip(x, S)), S every combination of the flipped axes. A
    network of a binary task has one output z, whose sigmoid is the probability of class 1. It
    becomes the two logits (0, z), whose softmax is (1 - sigmoid(z), sigmoid(z)). So the probability
    of class c is in column c for every task with exclusive classes, as programs that read a bundle
    expect it. They run the network without our inferer, so the flips are inside, too.

    The state dict is that of the network itself: a model.pt of a training fits.

    Args:
        network: with one input, images (B, C, *spatial), and logits (B, outputs) as its result.
        num_classes: classes of the task, or labels of a multilabel one.
        flip_axes: axes of the image that are flipped, 0 for the first after the channel.

    Example:
        >>> from medmonai.networks import resnet10
        >>> network = ClassLogits(resnet10(width=8, num_classes=1), num_classes=2, flip_axes=[1])
        >>> network.eval()(torch.zeros(3, 1, 16, 16)).shape
        torch.Size([3, 2])
    """

    flipped: list[list[int]]

    def __init__(
        self, network: nn.Module, *, num_classes: int, flip_axes: Sequence[int] = ()
    ) -> None:
        super().__init__()
        self.network = network
        self.num_classes = num_classes
        self.flip_axes = tuple(flip_axes)
        # of the batch; the first combination, of no axis, is the image as it is
        self.flipped = [
            [axis + 2 for axis in subset]
            for k in range(len(self.flip_axes) + 1)
            for subset in itertools.combinations(self.flip_axes, k)
        ][1:]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (B, num_classes).

        Args:
            x: images (B, C, *spatial).
        """
        # float32 also under autocast, so that the mean is exact to a rounding
        logits = self.network(x).float()
        for axes in self.flipped:
            logits = logits + self.network(torch.flip(x, axes)).float()
        logits = logits / (len(self.flipped) + 1)
        if self.num_classes == 2 and logits.shape[1] == 1:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        return logits

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the state of the network itself, without a prefix."""
        return self.network.state_dict(*args, **kwargs)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Load the state of the network itself."""
        return self.network.load_state_dict(state_dict, strict=strict, assign=assign)
