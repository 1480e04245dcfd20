"""What a plan will cost, from a measured training step: minutes, memory, disk."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pydoc import locate
from typing import Any

import numpy as np

from .division import Division
from .look import Look

_STEPS = 3  # measured after one of warm-up
_INPUT = 1.12  # augmentation, loss and weight average beside the bare step
_FORWARD = 0.35  # of a training step: the share of a pass without gradients
_START = 12.0  # seconds: imports, audit, configs
_RESULTS = 25.0  # seconds for a member's figures, saliency and report
_BASE_GB = 0.9  # an idle process with torch and MONAI


@dataclass(frozen=True)
class Forecast:
    """What a plan will cost on this machine.

    Args:
        minutes: of the whole fit.
        memory_gb: the largest use of memory.
        disk_gb: decoded images and weights.
        step_seconds: the measured training step.
    """

    minutes: float
    memory_gb: float
    disk_gb: float
    step_seconds: float

    def line(self) -> str:
        """Return the forecast for a person to read."""
        return (
            f"forecast: about {self.minutes:.0f} minutes, {self.memory_gb:.1f} GB of memory, "
            f"{self.disk_gb:.2f} GB of disk (a training step takes {self.step_seconds:.2f} s)"
        )


def forecast(
    look: Look, recipe: Mapping[str, Any], size: list[int], division: Division
) -> Forecast:
    """Return what a plan will cost, after measuring four training steps of its network.

    The other constants of the forecast are estimates that have not been compared with measured
    plans yet. Augmented volumes take longer.

    Args:
        look: at the data.
        recipe: of the bundle.
        size: of the images.
        division: of the cases.
    """
    batch = recipe["batch_size"]
    step, parameters = _measured_step(look, recipe["network"], size, batch)
    train, val, test = cases_of_a_member(look, division)
    flips = 2 ** len(recipe["flip_axes"])
    epoch = max(train // batch, 1) * step * _INPUT + val / batch * step * _FORWARD
    results = (val + test) / batch * step * _FORWARD * flips
    seconds = recipe["epochs"] * epoch + results + _RESULTS
    images = look.description.cases
    voxels = sum(images.values()) * look.in_channels * float(np.prod(size))
    # Activations: a ResNet-18 keeps about 25 maps of the first block's size for the way back.
    stem = {"small": 1, "small_stride2": 2, "standard": 4}[recipe["network"]["stem"]]
    maps = batch * recipe["network"]["width"] * float(np.prod([n / stem for n in size]))
    return Forecast(
        minutes=(_START + division.members * seconds) / 60,
        memory_gb=_BASE_GB + (25 * 4 * maps + voxels + 20 * parameters) / 2**30,
        disk_gb=(voxels + division.members * 24 * parameters) / 2**30,
        step_seconds=step,
    )


def cases_of_a_member(look: Look, division: Division) -> tuple[int, int, int]:
    """Return how many cases a member is trained, validated and tested on."""
    given = look.description.cases
    if division.kind == "given":
        return given["train"], given.get("val", 0), given.get("test", 0)
    others = look.training_cases
    part = others // division.members
    if division.kind == "folds":
        return others - part, part, given.get("test", 0)
    return others - 2 * part, part, part


def _measured_step(
    look: Look, network: Mapping[str, Any], size: list[int], batch: int
) -> tuple[float, int]:
    import torch

    build = locate(network["_target_"])
    assert callable(build)  # one of ours
    arguments = {name: value for name, value in network.items() if name != "_target_"}
    model = build(
        spatial_dims=look.spatial_dims,
        in_channels=look.in_channels,
        num_classes=look.task.num_outputs,
        **arguments,
    )
    assert isinstance(model, torch.nn.Module)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    x = torch.rand(batch, look.in_channels, *size)
    seconds = []
    for _ in range(_STEPS + 1):
        begun = time.perf_counter()
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:]), sum(p.numel() for p in model.parameters())
