"""What a handler sees of MONAI's engine: ignite's annotations leave out what MONAI adds to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class RunState(Protocol):
    """The state of a run, of `ignite.engine.State` and with what `monai.engines.Workflow` keeps in
    it.
    """

    rank: int
    epoch: int
    max_epochs: int
    epoch_length: int
    iteration: int
    batch: Any
    output: Any
    metrics: dict[str, Any]


class Trainer(Protocol):
    """A MONAI trainer or evaluator, as it calls its handlers; an evaluator has no optimizer, loss
    function and scaler.
    """

    state: RunState
    optimizer: Any
    loss_function: Any
    scaler: Any

    def remove_event_handler(self, handler: Callable[..., Any], event_name: Any) -> None:
        """Take a handler away from an event."""
        ...

    def terminate(self) -> None:
        """End the run after this iteration."""
        ...
