"""A running average of the weights, updated after each step."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events
from torch import nn
from torch.optim.swa_utils import AveragedModel

from medmonai.distributed import take_from_first_rank

from .trainer import Trainer

Pairs = tuple[list[torch.Tensor], list[torch.Tensor]]


class WeightAverage:
    """Update a torch `AveragedModel` with the network's weights after every iteration.

    With `get_ema_multi_avg_fn(decay)` the average is w_avg = decay * w_avg + (1 - decay) * w,
    batch-norm statistics included (`use_buffers=True`); whole numbers, such as the batches that a
    normalization has counted, are taken over as they are. `restart()` begins again from the next
    weights, as a new training stage needs.

    All other values are those of `AveragedModel.update_parameters`. That sorts all tensors again in
    each step and averages each whole number by itself, 1.3 ms of the host's time for a ResNet-18
    where this takes .1, and waits for a GPU twice. Ignite's `EMAHandler` goes parameter by
    parameter in Python.

    Under torch.distributed every rank's batch-norm statistics are its own; before a validation
    those of rank 0 are given to all, so that all ranks evaluate the same network.

    When the same trainer is run a second time, as federated learning does round after round, the
    average begins again from the weights of that round: before it they were other weights. A
    resumed run is a first one and goes on with its average.

    Args:
        average: the averaged model; with `multi_avg_fn`, as `get_ema_multi_avg_fn` gives it, or
            without for the plain mean.
        network: the network in training, not wrapped for distributed training.

    Raises:
        ValueError: an average with `avg_fn`, which works on one tensor at a time.

    Example:
        >>> from torch.optim.swa_utils import get_ema_multi_avg_fn
        >>> network = nn.Linear(1, 1)
        >>> average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
        >>> handler = WeightAverage(average, network)
        >>> for weight in (1.0, 2.0):
        ...     _ = nn.init.constant_(network.weight, weight)
        ...     handler.update()
        >>> round(float(average.module.weight.detach()), 3)
        1.1
    """

    def __init__(self, average: AveragedModel, network: nn.Module) -> None:
        if average.avg_fn is not None:
            raise ValueError(
                "average has avg_fn, which works on one tensor at a time; give it as multi_avg_fn "
                "(torch.optim.swa_utils.get_ema_multi_avg_fn)."
            )
        self.average = average
        self.network = network
        self._run_before = False
        self._averaged: list[Pairs] = []
        self._copied: Pairs = ([], [])

    def restart(self) -> None:
        """Forget the average; the next iteration's weights begin it."""
        self.average.n_averaged.zero_()

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(Events.STARTED, self._begin)
        engine.add_event_handler(Events.EPOCH_STARTED, lambda _: self._collect())
        engine.add_event_handler(Events.ITERATION_COMPLETED, lambda _: self.update())
        engine.add_event_handler(
            Events.EPOCH_COMPLETED, lambda _: take_from_first_rank([*self.average.buffers()])
        )

    @torch.no_grad()
    def update(self) -> None:
        """Take the network's weights into the average."""
        if not self._averaged:
            self._collect()
        # The count lies on the CPU (AveragedModel without `device`): reading it waits for nothing.
        count = self.average.n_averaged
        first = not bool(count)
        for mine, theirs in self._averaged:
            if first:
                torch._foreach_copy_(mine, theirs)
            else:
                self._mean(mine, theirs, count)
        if self._copied[0]:
            torch._foreach_copy_(*self._copied)
        count += 1

    def _mean(
        self, mine: list[torch.Tensor], theirs: list[torch.Tensor], count: torch.Tensor
    ) -> None:
        function = self.average.multi_avg_fn
        if function is not None:
            function(mine, theirs, count)
        else:
            torch._foreach_lerp_(mine, theirs, 1 / (int(count) + 1))

    def _collect(self) -> None:
        """Note which tensors belong together: a layer that is replaced has others, and so have the
        buffers of a network that moved to another device.
        """
        averaged = list(zip(self.average.module.parameters(), self.network.parameters()))
        buffers = list(zip(self.average.module.buffers(), self.network.buffers()))
        copied = buffers
        if self.average.use_buffers:
            averaged += [pair for pair in buffers if pair[0].is_floating_point()]
            copied = [pair for pair in buffers if not pair[0].is_floating_point()]
        groups: dict[tuple[torch.device, torch.dtype], Pairs] = {}
        for mine, theirs in averaged:
            group = groups.setdefault((mine.device, mine.dtype), ([], []))
            group[0].append(mine)
            group[1].append(theirs)
        self._averaged = list(groups.values())
        self._copied = ([mine for mine, _ in copied], [theirs for _, theirs in copied])

    def _begin(self, engine: Trainer) -> None:
        if self._run_before:
            self.restart()
        self._run_before = True
