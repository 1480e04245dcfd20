"""The second stage of AUC maximisation: from cross-entropy to the AUC margin loss with PESG, and PESG's decay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ignite.engine import Engine, Events
from torch import nn

from medmonai.networks import reset_head
from medmonai.optimizers import PESG

from .weight_average import WeightAverage


class PESGStage:
    """Swap a trainer's loss and optimiser for the AUC margin loss and PESG from `start_epoch` on.

    At the start of the stage the head can be initialised anew, PESG's reference is set to the weights it begins with, and
    the running average of the weights begins again. At each of `decay_epochs` (counted within the stage, after that many
    of its epochs) PESG's regulariser is updated: reference = mean of the weights since the last update, learning rate
    divided by `decay_factor`. From scratch PESG needs far longer than after a warm-up (Yuan et al., ICCV 2021, section
    5.1: pre-train with cross-entropy, then maximise the AUC); `start_epoch=1` trains with it alone.

    The handler has no state of its own: the stage follows from the epoch, and everything else is in the optimiser's and
    the network's, so a resumed run goes on exactly and never replays an update.

    Args:
        start_epoch: the first epoch of the stage, from 1; beyond `max_epochs` the stage never begins.
        optimizer: the PESG, built on the parameters of the trainer's network.
        loss_function: the loss PESG was built with.
        network: the network, not wrapped for distributed training.
        reset_head: initialise the last linear layer anew when the stage begins.
        decay_epochs: epochs of the stage after which the regulariser is updated.
        decay_factor: what the learning rate is divided by at such an update.
        average: the handler of the running average, if there is one.

    Raises:
        ValueError: start_epoch below 1.
    """

    def __init__(
        self, start_epoch: int, *, optimizer: PESG, loss_function: nn.Module, network: nn.Module,
        reset_head: bool = False, decay_epochs: Sequence[int] = (), decay_factor: float = 10.0,
        average: WeightAverage | None = None,
    ) -> None:
        if start_epoch < 1:
            raise ValueError(f"start_epoch={start_epoch}; epochs count from 1.")
        self.start_epoch, self.optimizer, self.loss_function, self.network = start_epoch, optimizer, loss_function, network
        self.reset_head, self.decay_epochs, self.decay_factor = reset_head, tuple(decay_epochs), decay_factor
        self.average = average

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._decay)

    def name(self, engine: Any) -> str:
        """Return the stage the engine is in: "cross_entropy" or "auc"."""
        return "auc" if engine.state.epoch >= self.start_epoch else "cross_entropy"

    def _begin(self, engine: Engine) -> None:
        if engine.state.epoch < self.start_epoch:
            return
        engine.optimizer, engine.loss_function = self.optimizer, self.loss_function
        if engine.state.epoch == self.start_epoch:
            if self.reset_head:
                reset_head(self.network)
            self.optimizer.set_reference()
            if self.average is not None:
                self.average.restart()

    def _decay(self, engine: Engine) -> None:
        if engine.state.epoch - self.start_epoch + 1 in self.decay_epochs:
            self.optimizer.update_regularizer(decay_factor=self.decay_factor)
