"""What a training iteration leaves behind: its loss, in the form that MONAI's handlers read, and
its mean over an epoch.
"""

from __future__ import annotations

from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

from .trainer import Trainer


def loss_of(output: Any) -> torch.Tensor:
    """Return the loss of an engine's output, be it MONAI's dict or the list of dicts that
    decollating makes of it.
    """
    return (output[0] if isinstance(output, list) else output)["loss"].detach()


class LossOutput:
    """Make `[{"loss": loss}]` of a trainer's output after each step.

    MONAI's StatsHandler, TensorBoard and MLflow handlers read the list that decollating a batch
    into its cases makes, which costs more than a small network's step (`decollate=False` here).
    This list has one entry, and the images and logits of the step are freed.
    """

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI trainer."""
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self)

    def __call__(self, engine: Trainer) -> None:
        """Replace the output."""
        engine.state.output = [{"loss": loss_of(engine.state.output)}]


class EpochLoss:
    """The mean of a trainer's loss over the iterations of an epoch, on this rank."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._count = 0

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)

    def mean(self) -> float:
        """Return the mean since the epoch began."""
        return float(self._sum) / self._count

    def _begin(self, engine: Trainer) -> None:
        self._sum = 0.0
        self._count = 0

    def _add(self, engine: Trainer) -> None:
        # Added on the device: reading the value here would make a GPU wait in every iteration.
        self._sum = self._sum + loss_of(engine.state.output)
        self._count += 1
