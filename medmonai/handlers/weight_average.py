"""A running average of the weights, updated after each step."""

from __future__ import annotations

from ignite.engine import Engine, Events
from torch import nn
from torch.optim.swa_utils import AveragedModel

from medmonai.distributed import take_from_first_rank

from .trainer import Trainer


class WeightAverage:
    """Update a torch `AveragedModel` with the network's weights after every iteration.

    With `get_ema_multi_avg_fn(decay)` the average is w_avg = decay * w_avg + (1 - decay) * w,
    batch-norm statistics included (`use_buffers=True`). `restart()` begins again from the next
    weights, as a new training stage needs. Ignite's `EMAHandler` does the same parameter by
    parameter in Python; torch's does it in a few operations.

    Under torch.distributed every rank's batch-norm statistics are its own; before a validation
    those of rank 0 are given to all, so that all ranks evaluate the same network.

    When the same trainer is run a second time, as federated learning does round after round, the
    average begins again from the weights of that round: before it they were other weights. A
    resumed run is a first one and goes on with its average.

    Args:
        average: the averaged model.
        network: the network in training, not wrapped for distributed training.
    """

    def __init__(self, average: AveragedModel, network: nn.Module) -> None:
        self.average = average
        self.network = network
        self._run_before = False

    def restart(self) -> None:
        """Forget the average; the next iteration's weights begin it."""
        self.average.n_averaged.zero_()

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(Events.STARTED, self._begin)
        engine.add_event_handler(
            Events.ITERATION_COMPLETED, lambda _: self.average.update_parameters(self.network)
        )
        engine.add_event_handler(
            Events.EPOCH_COMPLETED, lambda _: take_from_first_rank([*self.average.buffers()])
        )

    def _begin(self, engine: Trainer) -> None:
        if self._run_before:
            self.restart()
        self._run_before = True
