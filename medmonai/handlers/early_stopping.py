"""End a training that no longer improves on validation."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events


class EarlyStopping:
    """Stop the trainer when the best validation epoch lies `patience` epochs back.

    The handler has no state of its own: the best epoch is the evaluator's, kept by `RunCheckpoint`, so a resumed run stops
    where an uninterrupted one does. `monai.handlers.EarlyStopHandler` counts by itself, its count is lost when a run is
    taken up again, and it needs the trainer before there is one. A stage of PESG begins a new search for the best epoch,
    and so a new count.

    Args:
        evaluator: the validation engine.
        patience: epochs without a better key metric; None never stops.

    Raises:
        ValueError: patience below 1.
    """

    def __init__(self, evaluator: Any, *, patience: int | None = None) -> None:
        if patience is not None and (isinstance(patience, bool) or not isinstance(patience, int) or patience < 1):
            raise ValueError(f"patience={patience!r}; a whole number of epochs from 1 is needed, or null to train them all.")
        self.evaluator, self.patience = evaluator, patience

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer, after its ValidationHandler and its checkpoint."""
        if self.patience is not None:
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Stop if the best epoch is too long ago; before there is one, wait."""
        best = self.evaluator.state.best_metric_epoch
        if best >= 1 and engine.state.epoch - best >= self.patience:
            engine.logger.info("early stopping: no better validation epoch since %d.", best)
            engine.terminate()
