"""Models of a small network that tells pixels, sides and channels apart, for any form of image."""

from __future__ import annotations

from dataclasses import replace

import torch
from mean_models import mean_model

from medmonai.engines import FlipAveragingInferer
from medmonai.metrics import OperatingPoint, Temperature
from medmonai.networks import Ensemble


class Tiny(torch.nn.Module):
    """A convolution, a mean over three parts of the image, and a linear layer that may see
    covariates.
    """

    def __init__(self, channels, outputs, dims, covariates=0):
        super().__init__()
        convolution = torch.nn.Conv2d if dims == 2 else torch.nn.Conv3d
        self.convolution = convolution(channels, 4, 3, padding=1)
        self.last = torch.nn.Linear(12 + covariates, outputs)
        self.last.weight.data *= 20

    def forward(self, x, covariates=None):
        x = torch.relu(self.convolution(x)).flatten(2)
        third = x.shape[2] // 3
        parts = [x[..., i * third : (i + 1) * third].mean(dim=2) for i in range(3)]
        return self.last(torch.cat(parts if covariates is None else [*parts, covariates], dim=1))


def tiny_model(kind="binary", *, size, channels=1, members=1, flips=(), covariates=None, **fields):
    """A `Model` of `Tiny`, with a temperature, biases and thresholds that change something."""
    names = ("normal", "lesion") if kind == "binary" else ("a", "b", "c")
    outputs = 1 if kind == "binary" else 3
    sigmoids = {"binary": 1, "multilabel": 3}.get(kind, 0)
    torch.manual_seed(len(size) + channels)
    values = 0 if covariates is None else covariates.num_values
    network = Tiny(channels, outputs, len(size), values)
    if members > 1:
        scales = [0.5 + i for i in range(members)]
        shifts = [[0.1 * i] * outputs for i in range(members)]
        network = Ensemble(network, members=members, temperatures=scales, biases=shifts)
        for member in network.members:
            member.convolution.reset_parameters()
    model = mean_model(
        kind,
        slopes=(0.0,) * outputs,
        shifts=(0.0,) * outputs,
        class_names=names,
        size=size,
        channels=channels,
        point=OperatingPoint((0.53, 0.5, 0.6)[:sigmoids], "youden", "validation", 9),
        temperature=Temperature(1.7, (0.3, -0.2, 0.1)[:sigmoids], 9),
        covariates=covariates,
        **fields,
    )
    return replace(model, network=network.eval(), inferer=FlipAveragingInferer(flips))
