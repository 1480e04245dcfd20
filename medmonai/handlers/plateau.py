"""Lower the learning rate when validation stands still."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events
from torch.optim.lr_scheduler import ReduceLROnPlateau

from .trainer import Trainer


class PlateauSchedule:
    """Give a `ReduceLROnPlateau` the evaluator's key metric, once a validation.

    In an epoch without a validation nothing happens, so the scheduler's `patience` counts
    validations. MONAI's `LrScheduleHandler` steps after every epoch: where validation is rarer, the
    same old metric would count again as one that is no better, and before the first validation
    there is none.

    Args:
        lr_scheduler: the scheduler, with mode="max".
        evaluator: the validation engine.
    """

    def __init__(self, lr_scheduler: ReduceLROnPlateau, *, evaluator: Any) -> None:
        self.lr_scheduler = lr_scheduler
        self.evaluator = evaluator

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer, after its ValidationHandler and before its checkpoint."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Trainer) -> None:
        """Step if this epoch was validated."""
        state = self.evaluator.state
        if state.epoch == engine.state.epoch:
            self.lr_scheduler.step(state.metrics[state.key_metric_name])
