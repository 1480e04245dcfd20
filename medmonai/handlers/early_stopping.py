"""End a training that no longer improves on validation."""

from __future__ import annotations

import logging
from typing import Any

from ignite.engine import Engine, Events

from .best_epochs import BestEpochs
from .trainer import Trainer

logger = logging.getLogger("medmonai.handlers")


class EarlyStopping:
    """Stop the trainer after a validation if the best validated epoch lies `patience` epochs back.

    The handler has no state of its own: the best epoch is the evaluator's, kept by `RunCheckpoint`,
    so a resumed run stops where an uninterrupted one does, at once if it had come that far.
    `monai.handlers.EarlyStopHandler` counts by itself, its count is lost when a run is taken up
    again, and it needs the trainer before there is one.

    A stage of PESG begins a new count, from its own best epoch, whichever epoch of the run is kept.
    As long as it is to come, nothing stops: a warm-up that has converged is where the stage starts
    from, not the end of the training.

    Args:
        evaluator: the validation engine.
        patience: epochs without a better key metric; None never stops.
        stage: the `PESGStage`, if there is one.
        best: the best epoch of each stage; default: the evaluator's best epoch counts.

    Raises:
        ValueError: patience below 1.
    """

    def __init__(
        self,
        evaluator: Any,
        *,
        patience: int | None = None,
        stage: Any = None,
        best: BestEpochs | None = None,
    ) -> None:
        if patience is not None and (
            isinstance(patience, bool) or not isinstance(patience, int) or patience < 1
        ):
            raise ValueError(
                f"patience={patience!r}; a whole number of epochs from 1 is needed, or null to "
                "train them all."
            )
        self.evaluator = evaluator
        self.patience = patience
        self.stage = stage
        self.best = best

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer, after its ValidationHandler and its checkpoint."""
        if self.patience is not None:
            engine.add_event_handler(Events.STARTED, self._take_up)
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Trainer) -> None:
        """Stop if the best epoch is too long ago; before there is one, wait."""
        epoch = engine.state.epoch
        state = self.evaluator.state
        to_come = (
            self.stage is not None and epoch < self.stage.start_epoch <= engine.state.max_epochs
        )
        best = (
            state.best_metric_epoch
            if self.best is None
            else self.best.epoch_of(self.best.name(engine))
        )
        if self.patience is None or to_come or state.epoch != epoch or best < 1:
            return
        if epoch - best >= self.patience:
            logger.info(
                "early stopping after epoch %d of %d: no better validation since epoch %d "
                "(patience %d)",
                epoch,
                engine.state.max_epochs,
                best,
                self.patience,
            )
            engine.terminate()

    def _take_up(self, engine: Trainer) -> None:
        # A run that was killed after the checkpoint of its last epoch has nothing left to train.
        # Only the first start can be one: federated learning runs the same trainer round after
        # round, each time with new weights.
        engine.remove_event_handler(self._take_up, Events.STARTED)
        if engine.state.epoch:
            self(engine)
