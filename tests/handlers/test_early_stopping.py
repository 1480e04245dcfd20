"""A training ends when validation no longer improves, also after it was taken up again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ignite.engine import Engine, Events

from medmonai.handlers import EarlyStopping


def epochs_run(best_epochs, patience, *, first=0, max_epochs=10, interval=1, stage=None):
    """The epochs that a trainer runs whose evaluator says after epoch e that the best was
    best_epochs[e - 1].
    """
    trainer = Engine(lambda engine, batch: None)
    state = SimpleNamespace(best_metric_epoch=-1, epoch=0)
    done = []

    def validate(epoch):
        state.epoch, state.best_metric_epoch = epoch, best_epochs[epoch - 1]

    trainer.add_event_handler(
        Events.EPOCH_COMPLETED, lambda engine: done.append(engine.state.epoch)
    )
    trainer.add_event_handler(
        Events.EPOCH_COMPLETED(every=interval), lambda engine: validate(engine.state.epoch)
    )
    EarlyStopping(SimpleNamespace(state=state), patience=patience, stage=stage).attach(trainer)
    if first:
        trainer.load_state_dict({"epoch": first, "epoch_length": 1, "max_epochs": max_epochs})
        validate(first)
    trainer.run([0], max_epochs=max_epochs)
    return done


@pytest.mark.parametrize(
    ("patience", "last"), [(1, 3), (2, 4), (4, 6), (8, 10), (9, 10), (None, 10)]
)
def test_stops_patience_epochs_after_the_best(patience, last):
    assert epochs_run([1, 2, 2, 2, 2, 2, 2, 2, 2, 2], patience)[-1] == last


def test_a_resumed_run_stops_where_an_uninterrupted_one_does():
    best = [1, 2, 3, 3, 3, 3, 3, 3, 3, 3]
    assert epochs_run(best, 3)[-1] == 6
    assert epochs_run(best, 3, first=4) == [5, 6]
    assert epochs_run(best, 3, first=6) == []


def test_without_a_best_epoch_it_waits_and_a_new_stage_counts_anew():
    assert epochs_run([-1] * 10, 1)[-1] == 10
    assert epochs_run([1, 1, 1, 4, 4, 4, 4, 4, 4, 4], 4)[-1] == 8


@pytest.mark.parametrize(("start_epoch", "last"), [(7, 9), (10, 10), (11, 3)])
def test_nothing_stops_before_a_stage_that_is_to_come(start_epoch, last):
    best = [1] * 6 + [7] * 4
    assert epochs_run(best, 2, stage=SimpleNamespace(start_epoch=start_epoch))[-1] == last


def test_only_a_validation_can_stop():
    assert epochs_run([-1, 2, 2, 2, 2, 2, 2, 2, 2, 2], 1, interval=2)[-1] == 4
    assert epochs_run([-1, -1, 3, 3, 3, 3, 3, 3, 3, 3], 4, interval=3)[-1] == 9


def test_a_trainer_that_runs_on_with_other_weights_is_not_held_back():
    """Federated learning: the same trainer, round after round."""
    trainer, state = (
        Engine(lambda engine, batch: None),
        SimpleNamespace(best_metric_epoch=1, epoch=0),
    )
    trainer.add_event_handler(
        Events.EPOCH_COMPLETED, lambda engine: setattr(state, "epoch", engine.state.epoch)
    )
    EarlyStopping(SimpleNamespace(state=state), patience=1).attach(trainer)
    for rounds in (1, 2, 3, 4):
        trainer.run([0], max_epochs=rounds)
        assert state.epoch == rounds


def test_it_says_so(caplog):
    with caplog.at_level("INFO", logger="medmonai.handlers"):
        epochs_run([1, 2, 2, 2, 2, 2, 2, 2, 2, 2], 2)
    assert (
        "early stopping after epoch 4 of 10: no better validation since epoch 2 (patience 2)"
        in caplog.text
    )


@pytest.mark.parametrize("patience", [0, -1, 2.0, True])
def test_patience_that_is_no_number_of_epochs(patience):
    with pytest.raises(ValueError, match="a whole number of epochs from 1"):
        EarlyStopping(SimpleNamespace(), patience=patience)
