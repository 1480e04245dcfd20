"""A progress bar over the whole training, with the time left and the AUC of each epoch."""

from __future__ import annotations

import sys
from typing import Any

from ignite.engine import Engine, Events
from tqdm import tqdm

from .best_epochs import BestEpochs
from .loss_output import EpochLoss
from .trainer import Trainer


class Progress:
    """Show one bar over all iterations with its ETA, and a line per epoch with its mean loss and
    validation AUC, on rank 0.

    Where the output is no terminal there is no bar, only the lines. Ignite's `ProgressBar` starts a
    new bar each epoch, so it never says when the training ends.

    Args:
        evaluator: the validation engine, whose key metric is shown.
        stage: an object with `name(engine)`; None shows no stage.
        best: the best epoch of each stage, shown beside that of the run, and in the end the epoch
            that is kept.
    """

    def __init__(
        self, *, evaluator: Any, stage: Any = None, best: BestEpochs | None = None
    ) -> None:
        self.evaluator = evaluator
        self.stage = stage
        self.best = best
        self._loss = EpochLoss()
        self._bar: tqdm | None = None

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer, after its ValidationHandler."""
        self._loss.attach(engine)
        engine.add_event_handler(Events.STARTED, self._open)
        engine.add_event_handler(
            Events.ITERATION_COMPLETED, lambda _: self._bar.update() if self._bar else None
        )
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._line)
        engine.add_event_handler(Events.COMPLETED, self._end)
        engine.add_event_handler(Events.COMPLETED | Events.EXCEPTION_RAISED, self._close)

    def _open(self, engine: Trainer) -> None:
        if engine.state.rank == 0:
            total = engine.state.max_epochs * engine.state.epoch_length
            self._bar = tqdm(
                total=total,
                initial=engine.state.iteration,
                unit="it",
                desc="training",
                disable=not sys.stderr.isatty(),
                dynamic_ncols=True,
            )

    def _line(self, engine: Trainer) -> None:
        if engine.state.rank != 0:
            return
        state = self.evaluator.state
        stage = f" [{self.stage.name(engine)}]" if self.stage else ""
        text = (
            f"epoch {engine.state.epoch}/{engine.state.max_epochs}{stage}  loss "
            f"{self._loss.mean():.4f}"
        )
        if state.epoch == engine.state.epoch and state.key_metric_name in state.metrics:
            text += (
                f"  validation AUC {state.metrics[state.key_metric_name]:.4f}{self._mark(engine)}"
            )
        tqdm.write(text)

    def _mark(self, engine: Trainer) -> str:
        """Say of the epoch whether it is the best so far, and of what."""
        epoch = engine.state.epoch
        state = self.evaluator.state
        best = self.best
        of_stage = best is not None and best.epoch_of(best.name(engine)) == epoch
        stage_counts = best is not None and len(best.found) > 1 and best.stage.keep_best == "stage"
        if state.best_metric_epoch == epoch and not stage_counts:
            return "  (best)"
        return "  (best of this stage)" if of_stage else ""

    def _end(self, engine: Trainer) -> None:
        if engine.state.rank == 0 and self.best is not None and self.best.line():
            tqdm.write(self.best.line())

    def _close(self, engine: Trainer, error: BaseException | None = None) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if error is not None:
            raise error
