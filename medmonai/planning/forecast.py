"""What a plan will cost, from a measured training step: minutes, memory, disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .division import Division
from .images_alone import sees_covariates
from .look import Look
from .measured_step import MeasuredStep
from .wording import about_minutes

_START = 12.0  # seconds: imports, audit, configs
_RESULTS = 15.0  # seconds for a member's figures, saliency and report
_BASE_GB = 0.9  # a process with torch, MONAI, scikit-learn and matplotlib
_COPIES = 8  # of the weights in memory: gradients, moments, average, best and last epoch
_FLOAT_BATCHES = 6  # batches in float32 on their way through the transforms
_FILES = 9  # of the size of the weights: checkpoints of a run, and its part of the model


@dataclass(frozen=True)
class Forecast:
    """What a plan will cost on this machine.

    Args:
        minutes: of the whole fit.
        memory_gb: the largest use of memory.
        disk_gb: decoded images and weights.
        step_seconds: the measured training step.
        smaller: another size and its training step, where the plan could take smaller images.
    """

    minutes: float
    memory_gb: float
    disk_gb: float
    step_seconds: float
    smaller: tuple[tuple[int, ...], float] | None = None

    def line(self) -> str:
        """Return the forecast for a person to read."""
        return (
            f"forecast: {about_minutes(self.minutes)}, {self.memory_gb:.1f} GB of memory, "
            f"{self.disk_gb:.2f} GB of disk (a training step takes {self.step_seconds:.2f} s"
            f"{self._at_smaller()})"
        )

    def _at_smaller(self) -> str:
        if self.smaller is None:
            return ""
        size, seconds = self.smaller
        return f", {seconds:.2f} s at {' x '.join(map(str, size))}"


def forecast(
    look: Look,
    recipe: Mapping[str, Any],
    size: list[int],
    division: Division,
    *,
    measured: MeasuredStep,
) -> Forecast:
    """Return what a plan will cost, from steps of its own trainer on this machine.

    minutes = start + members * (epochs * (steps * step + validation) + results), where step and
    forward pass are measured (`measure_step`); the start, the figures of a member and the memory of
    an idle process are constants.

    Args:
        look: at the data.
        recipe: of the bundle.
        size: of the images.
        division: of the cases.
        measured: a step of the recipe's trainer, see `measure_step`.
    """
    batch = recipe["batch_size"]
    train, val, test = cases_of_a_member(look, division)
    forward = measured.forward_seconds / batch  # of a case
    epoch = max(train // batch, 1) * measured.seconds + val * forward
    scored = (val + test) * forward * 2 ** len(recipe["flip_axes"])
    baseline = (train + val + test) * measured.texture_seconds
    trained = recipe["epochs"] * epoch + scored + _RESULTS
    networks = 1 + sees_covariates(recipe)  # a second one sees the images alone
    member = networks * trained + baseline
    weights = division.members * _FILES * measured.weight_bytes
    cases = sum(look.description.cases.values())
    image = look.in_channels * float(np.prod(size))
    batches = _FLOAT_BATCHES * 4 * batch * image
    memory = cases * image + batches + measured.kept_bytes + _COPIES * measured.weight_bytes
    return Forecast(
        minutes=(_START + cases * look.decode_seconds + division.members * member) / 60,
        memory_gb=_BASE_GB + memory / 2**30,
        disk_gb=(cases * image + networks * weights) / 2**30,
        step_seconds=measured.seconds,
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
