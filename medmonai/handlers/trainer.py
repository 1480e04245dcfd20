"""MONAI's engine as handlers see it; Ignite's annotations omit what MONAI adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class RunState(Protocol):
    """The state of a run: `ignite.engine.State` with what `monai.engines.Workflow` adds."""

    rank: int
    epoch: int
    max_epochs: int
    epoch_length: int
    iteration: int
    batch: Any
    output: Any
    metrics: dict[str, Any]


class Trainer(Protocol):
    """A MONAI trainer or evaluator, as passed to its handlers; an evaluator has no optimizer, loss
    function or scaler.
    """

    state: RunState
    optimizer: Any
    loss_function: Any
    scaler: Any

    def remove_event_handler(self, handler: Callable[..., Any], event_name: Any) -> None:
        """Remove a handler from an event."""
        ...

    def terminate(self) -> None:
        """End the run after this iteration."""
        ...
