"""A training ends when validation no longer improves, also after it was taken up again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ignite.engine import Engine, Events

from medmonai.handlers import EarlyStopping


def epochs_run(best_epochs, patience, *, first=0, max_epochs=10):
    """The epochs that a trainer runs whose evaluator says after epoch e that the best was best_epochs[e - 1]."""
    trainer = Engine(lambda engine, batch: None)
    evaluator = SimpleNamespace(state=SimpleNamespace(best_metric_epoch=-1))
    done = []

    def validate(engine):
        done.append(engine.state.epoch)
        evaluator.state.best_metric_epoch = best_epochs[engine.state.epoch - 1]

    trainer.add_event_handler(Events.EPOCH_COMPLETED, validate)
    EarlyStopping(evaluator, patience=patience).attach(trainer)
    if first:
        trainer.load_state_dict({"epoch": first, "epoch_length": 1, "max_epochs": max_epochs})
    trainer.run([0], max_epochs=max_epochs)
    return done


@pytest.mark.parametrize(("patience", "last"), [(1, 3), (2, 4), (4, 6), (8, 10), (9, 10), (None, 10)])
def test_stops_patience_epochs_after_the_best(patience, last):
    assert epochs_run([1, 2, 2, 2, 2, 2, 2, 2, 2, 2], patience)[-1] == last


def test_a_resumed_run_stops_where_an_uninterrupted_one_does():
    best = [1, 2, 3, 3, 3, 3, 3, 3, 3, 3]
    assert epochs_run(best, 3)[-1] == 6
    assert epochs_run(best, 3, first=4) == [5, 6]


def test_without_a_best_epoch_it_waits_and_a_new_stage_counts_anew():
    assert epochs_run([-1] * 10, 1)[-1] == 10
    assert epochs_run([1, 1, 1, 4, 4, 4, 4, 4, 4, 4], 4)[-1] == 8


@pytest.mark.parametrize("patience", [0, -1, 2.0, True])
def test_patience_that_is_no_number_of_epochs(patience):
    with pytest.raises(ValueError, match="a whole number of epochs from 1"):
        EarlyStopping(SimpleNamespace(), patience=patience)
