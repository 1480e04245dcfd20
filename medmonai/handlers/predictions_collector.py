"""Collect what an evaluator predicts for every case, from all ranks, in the order of the cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events

from medmonai.distributed import together, world_size
from medmonai.predictions import Predictions
from medmonai.task import Task

from .trainer import Trainer


class PredictionsCollector:
    """Keep an evaluator's logits over an epoch and turn them into `Predictions`.

    Under torch.distributed the cases of all ranks are gathered and ordered by their number, so
    every rank ends with the same table and no case counts twice.

    Args:
        cases: the Cohort or ImageSet that the evaluator's loader goes through; its batches must
            carry "index".
        task: what is predicted; the cohort's own by default.
        class_names: one per class; the cohort's own by default.
    """

    def __init__(
        self, cases: Any, *, task: Task | None = None, class_names: tuple[str, ...] | None = None
    ) -> None:
        self.cases = cases
        self.task = task if task is not None else cases.task
        self.class_names = tuple(class_names if class_names is not None else cases.class_names)
        self._parts: list[tuple[torch.Tensor, torch.Tensor]] = []

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI evaluator."""
        engine.add_event_handler(Events.EPOCH_STARTED, lambda _: self._parts.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)

    def _collect(self, engine: Trainer) -> None:
        self._parts.append(
            (engine.state.batch["index"], engine.state.output["pred"].detach().float())
        )

    def _gathered(self) -> tuple[np.ndarray, torch.Tensor]:
        index = (
            torch.cat([i for i, _ in self._parts])
            if self._parts
            else torch.empty(0, dtype=torch.int64)
        )
        logits = (
            torch.cat([z for _, z in self._parts]).cpu()
            if self._parts
            else torch.empty(0, self.task.num_outputs)
        )
        if together():
            everyone: list[Any] = [None] * world_size()
            torch.distributed.all_gather_object(everyone, (index, logits))
            index, logits = (torch.cat([part[k] for part in everyone]) for k in (0, 1))
        order = torch.argsort(index)
        return index[order].numpy(), logits[order]

    def predictions(self) -> Predictions:
        """Return the table of the last epoch. Every rank must call it.

        Raises:
            RuntimeError: a case was shown twice or not at all.
        """
        index, logits = self._gathered()
        if not np.array_equal(index, np.arange(len(self.cases))):
            raise RuntimeError(
                f"{len(index)} predictions for {len(self.cases)} cases: an evaluation shows each "
                "case once; use a ResidentLoader without balance."
            )
        return Predictions(
            ids=self.cases.ids,
            y_true=getattr(self.cases, "labels", None),
            y_score=self.task.probabilities(logits).double().numpy(),
            task=self.task,
            class_names=self.class_names,
            groups=getattr(self.cases, "groups", None),
        )
