"""The best epoch of the run and of each stage: which is kept, and what is said of the others."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from ignite.engine import Engine, Events

from medmonai.handlers import BestEpochs, EarlyStopping, PESGStage, Progress
from medmonai.losses import AUCMarginLoss
from medmonai.networks import resnet10
from medmonai.optimizers import PESG


def trained(aucs, *, start_epoch, keep_best="run", patience=None, stage=True):
    """Run a trainer whose validation AUC in epoch e is aucs[e - 1]; None where there is no
    validation.
    """
    network, loss = resnet10(width=4), AUCMarginLoss(1)
    state = SimpleNamespace(
        epoch=0, metrics={}, key_metric_name="auc", best_metric=-1, best_metric_epoch=-1
    )
    evaluator, trainer, epochs = (
        SimpleNamespace(state=state),
        Engine(lambda engine, batch: {"loss": loss.a.detach()}),
        [],
    )
    stage = (
        PESGStage(
            start_epoch,
            optimizer=PESG(network.parameters(), loss_fn=loss, lr=0.1),
            loss_function=loss,
            network=network,
            evaluator=evaluator,
            keep_best=keep_best,
        )
        if stage
        else None
    )
    best = BestEpochs(evaluator=evaluator, stage=stage)

    def validate(engine):
        epochs.append(engine.state.epoch)
        value = aucs[engine.state.epoch - 1]
        if value is not None:  # as MONAI's evaluator compares
            state.epoch, state.metrics = engine.state.epoch, {"auc": value}
            if state.best_metric_epoch == -1 or value > state.best_metric:
                state.best_metric, state.best_metric_epoch = value, state.epoch

    trainer.state.rank = 0
    if stage:
        stage.attach(trainer)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, validate)
    best.attach(trainer)
    Progress(evaluator=evaluator, stage=stage, best=best).attach(trainer)
    EarlyStopping(evaluator, patience=patience, stage=stage, best=best).attach(trainer)
    trainer.run([0], max_epochs=len(aucs))
    return best, state, epochs


def marks(text):
    return [
        (re.search(r"\((best.*)\)$", line) or [None, ""])[1]
        for line in text.splitlines()
        if line.startswith("epoch ")
    ]


def test_a_stage_that_does_not_improve_leaves_the_warm_up(capsys):
    best, state, _ = trained([0.9, 0.9355, 0.91, 0.92, 0.9271], start_epoch=4)
    assert (state.best_metric_epoch, state.best_metric) == (2, 0.9355)
    assert best.summary() == {
        "stages": {
            "cross_entropy": {"epoch": 2, "validation_auc": 0.9355},
            "auc": {"epoch": 5, "validation_auc": 0.9271},
        },
        "kept": (
            "kept: epoch 2 of the warm-up, validation AUC 0.9355; the AUC stage did not improve on "
            "it (best 0.9271, epoch 5)"
        ),
    }
    said = capsys.readouterr().out
    assert marks(said) == ["best", "best", "", "best of this stage", "best of this stage"]
    assert said.splitlines()[-1] == best.line()


def test_a_stage_that_improves_is_kept(capsys):
    best, state, _ = trained([0.9, 0.8, 0.85, 0.95], start_epoch=3)
    assert state.best_metric_epoch == 4
    assert best.line() == (
        "kept: epoch 4 of the AUC stage, validation AUC 0.9500 (best of the warm-up: 0.9000, "
        "epoch 1)"
    )
    assert marks(capsys.readouterr().out) == ["best", "", "best of this stage", "best"]


def test_a_study_may_ask_for_the_stage(capsys):
    best, state, _ = trained([0.9355, 0.9, 0.92, 0.91], start_epoch=3, keep_best="stage")
    assert state.best_metric_epoch == 3
    assert best.line() == (
        "kept: epoch 3 of the AUC stage, validation AUC 0.9200, as keep_best='stage' asks; the "
        "warm-up was as good or better (0.9355, epoch 1)"
    )
    assert marks(capsys.readouterr().out) == ["best", "", "best of this stage", ""]
    with pytest.raises(ValueError, match=r"keep_best='last' is unknown; use 'run' .* or 'stage'"):
        trained([0.9], start_epoch=2, keep_best="last")


def test_equal_epochs_and_those_without_a_validation():
    assert trained([None, 0.9, None, 0.9], start_epoch=3)[1].best_metric_epoch == 2
    assert (
        trained([0.5, 0.5, 0.5], start_epoch=9)[0].line() == "kept: epoch 1, validation AUC 0.5000"
    )
    assert trained([None, None], start_epoch=9)[0].line() == ""
    assert (
        trained([float("-inf"), 0.5], start_epoch=2)[0]
        .line()
        .endswith("(best of the warm-up: undefined, epoch 1)")
    )
    found = trained([0.5, 0.75], start_epoch=2, stage=False)[0]
    assert found.summary()["stages"] == {"train": {"epoch": 2, "validation_auc": 0.75}}


def test_early_stopping_counts_within_the_stage_whichever_epoch_is_kept():
    aucs = [0.95, 0.9, 0.9, 0.5, 0.6, 0.7, 0.6, 0.6, 0.6, 0.6]
    for keep_best in ("run", "stage"):
        # the stage's best is epoch 6
        assert trained(aucs, start_epoch=4, patience=2, keep_best=keep_best)[2][-1] == 8


def test_a_resumed_run_knows_the_best_epochs_of_before():
    best, *_ = trained([0.9, 0.8, 0.7], start_epoch=3)
    again = BestEpochs(evaluator=best.evaluator, stage=best.stage)
    again.load_state_dict(best.state_dict())
    assert again.summary() == best.summary()
