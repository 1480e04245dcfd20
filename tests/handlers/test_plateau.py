"""The learning rate is lowered by validations that are no better, however far apart they lie."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from ignite.engine import Engine, Events

from medmonai.handlers import PlateauSchedule


def rates(interval, epochs, *, scores):
    """The learning rate after each epoch; the validation of epoch e gives scores[e]. Halved by the
    second that is no better.
    """
    trainer, state = (
        Engine(lambda engine, batch: None),
        SimpleNamespace(epoch=0, metrics={}, key_metric_name="auc"),
    )
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=1
    )
    seen = []

    @trainer.on(Events.EPOCH_COMPLETED(every=interval))
    def validate(engine):
        state.epoch, state.metrics = engine.state.epoch, {"auc": scores[engine.state.epoch]}

    PlateauSchedule(scheduler, evaluator=SimpleNamespace(state=state)).attach(trainer)
    trainer.add_event_handler(
        Events.EPOCH_COMPLETED, lambda _: seen.append(optimizer.param_groups[0]["lr"])
    )
    trainer.run([0], max_epochs=epochs)
    return seen


@pytest.mark.parametrize("interval", [1, 2, 3])
def test_patience_counts_validations(interval):
    scores = {epoch: 0.5 for epoch in range(1, 13)}
    expected = [1.0] * (3 * interval - 1) + [0.5]
    assert rates(interval, 3 * interval, scores=scores) == expected


def test_an_auc_that_grows_leaves_the_rate():
    assert rates(2, 12, scores={epoch: epoch / 20 for epoch in range(1, 13)}) == [1.0] * 12
