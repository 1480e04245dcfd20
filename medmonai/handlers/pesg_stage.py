"""The second stage of AUC maximization: from cross-entropy to the AUC margin loss with PESG, and
PESG's decay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from ignite.engine import Engine, Events
from torch import nn

from medmonai.networks import reset_head
from medmonai.optimizers import PESG

from .trainer import Trainer
from .weight_average import WeightAverage

KeepBest = Literal["run", "stage"]


class PESGStage:
    """Swap a trainer's loss and optimizer for the AUC margin loss and PESG from `start_epoch` on.

    When the stage begins, the head can be initialized again, PESG's reference is set to the weights
    it begins with, the running average of the weights begins again. The best epoch is that of the
    whole run, warm-up included, unless keep_best="stage" begins the search for it again: then the
    stage's own best is kept, however good the warm-up was, which is what a study of the stage
    itself needs. From scratch PESG needs far longer than after a warm-up (Yuan et al., ICCV 2021,
    section 5: pre-train with cross-entropy, then maximize the AUC); `start_epoch=1` trains with it
    alone.

    Federated learning runs the same trainer round after round, and its epochs go on counting: the
    stage follows the epochs of the whole job. In the stage, each round takes the weights that it is
    given as PESG's reference; a, b, alpha and the momentum stay the client's own.

    No state of the handler decides a resumed run: the stage follows from the epoch, everything else
    is in the optimizer and the network, so a resumed run goes on exactly.

    Args:
        start_epoch: the first epoch of the stage, from 1; beyond `max_epochs` the stage never
            begins.
        optimizer: the PESG, built on the parameters of the trainer's network.
        loss_function: the loss PESG was built with.
        network: the network, not wrapped for distributed training.
        reset_head: initialize the last linear layer again when the stage begins.
        average: the handler of the running average, if there is one.
        evaluator: the validation engine, if there is one.
        keep_best: "run" or "stage": whose best epoch is kept.

    Raises:
        ValueError: start_epoch below 1, or another word for keep_best.
    """

    def __init__(
        self,
        start_epoch: int,
        *,
        optimizer: PESG,
        loss_function: nn.Module,
        network: nn.Module,
        reset_head: bool = False,
        average: WeightAverage | None = None,
        evaluator: Any = None,
        keep_best: KeepBest = "run",
    ) -> None:
        if start_epoch < 1:
            raise ValueError(f"start_epoch={start_epoch}; epochs count from 1.")
        if keep_best not in get_args(KeepBest):
            raise ValueError(
                f"keep_best={keep_best!r} is unknown; use 'run' (the best epoch of the whole run) "
                "or 'stage' (the best of the AUC stage)."
            )
        self.start_epoch = start_epoch
        self.optimizer = optimizer
        self.loss_function = loss_function
        self.network = network
        self.reset_head = reset_head
        self.average = average
        self.evaluator = evaluator
        self.keep_best = keep_best
        self._run_before = False

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI trainer."""
        engine.add_event_handler(Events.STARTED, self._take_reference)
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)

    def name(self, engine: Any) -> str:
        """Return the stage the engine is in: "cross_entropy" or "auc"."""
        return "auc" if engine.state.epoch >= self.start_epoch else "cross_entropy"

    def _take_reference(self, engine: Trainer) -> None:
        if self._run_before and engine.state.epoch >= self.start_epoch:
            self.optimizer.set_reference()
        self._run_before = True

    def _begin(self, engine: Trainer) -> None:
        if engine.state.epoch < self.start_epoch:
            return
        engine.optimizer = self.optimizer
        engine.loss_function = self.loss_function
        if engine.state.epoch > self.start_epoch:
            return
        if self.reset_head:
            reset_head(self.network)
        self.optimizer.set_reference()
        if self.average is not None:
            self.average.restart()
        if self.evaluator is not None and self.keep_best == "stage":
            self.evaluator.state.best_metric = -1
            self.evaluator.state.best_metric_epoch = -1


class RegularizerDecay:
    """Update PESG's regularizer after the given epochs: reference = mean of the weights since the
    last update.

    The learning rate is divided by `factor` at the same time, as LibAUC's recipes do at 1/2 and 3/4
    of the stage. An update happens at the end of its epoch and is part of the optimizer's state: a
    resumed run never repeats one.

    Args:
        optimizer: the PESG.
        epochs: epochs of the trainer after which the update is made, from 1; each must lie in
            PESG's stage.
        factor: what the learning rate is divided by; None where a scheduler owns it.
    """

    def __init__(
        self, optimizer: PESG, *, epochs: Sequence[int], factor: float | None = 10.0
    ) -> None:
        self.optimizer, self.epochs, self.factor = optimizer, frozenset(epochs), factor

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Trainer) -> None:
        """Update if this epoch is one of them and PESG is what the trainer steps with."""
        if engine.state.epoch in self.epochs and engine.optimizer is self.optimizer:
            self.optimizer.update_regularizer(decay_factor=self.factor)
