"""What a training iteration leaves behind: its loss, in the form that MONAI's handlers read."""

from __future__ import annotations

from typing import Any

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents


def loss_of(output: Any) -> torch.Tensor:
    """Return the loss of an engine's output, be it MONAI's dict or the list of dicts that decollating makes of it."""
    return (output[0] if isinstance(output, list) else output)["loss"].detach()


class LossOutput:
    """Make `[{"loss": loss}]` of a trainer's output after each step.

    MONAI's StatsHandler, TensorBoard and MLflow handlers read the list that decollating a batch into its cases makes,
    which costs more than a small network's step (`decollate=False` here). This list has one entry, and the images and
    logits of the step are freed.
    """

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI trainer."""
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Replace the output."""
        engine.state.output = [{"loss": loss_of(engine.state.output)}]
