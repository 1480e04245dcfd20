"""The stage of AUC training: it swaps loss and optimiser at its epoch, and decays."""

from __future__ import annotations

import pytest
import torch
from handler_runs import trainer

from medmonai.handlers import PESGStage, RegularizerDecay
from medmonai.losses import AUCMarginLoss
from medmonai.networks import resnet10
from medmonai.optimizers import PESG


def stage_trainer(start_epoch, *, epochs, decay_epochs=(), reset_head=False):
    torch.manual_seed(0)
    network = resnet10(width=4)
    loss = AUCMarginLoss(1)
    optimizer = PESG(network.parameters(), loss_fn=loss, lr=0.1, epoch_decay=2e-3, weight_decay=0.0)
    stage = PESGStage(
        start_epoch, optimizer=optimizer, loss_function=loss, network=network, reset_head=reset_head
    )
    decay = RegularizerDecay(optimizer, epochs=decay_epochs, factor=10)
    engine = trainer(
        network,
        [stage, decay],
        epochs=epochs,
        optimizer=torch.optim.SGD(network.parameters(), lr=1e-3),
    )
    return engine, stage, optimizer, loss


def test_the_stage_swaps_loss_and_optimiser_at_its_epoch_and_decays():
    # 1 lies before the stage
    engine, stage, optimizer, loss = stage_trainer(2, epochs=4, decay_epochs=(1, 3))
    engine.run()
    assert engine.optimizer is optimizer and engine.loss_function is loss
    assert stage.name(engine) == "auc"
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)
    assert float(loss.alpha.detach().max()) >= 0


def test_a_stage_beyond_the_last_epoch_never_begins():
    engine, stage, optimizer, _ = stage_trainer(3, epochs=2)
    engine.run()
    assert engine.optimizer is not optimizer and stage.name(engine) == "cross_entropy"
    with pytest.raises(ValueError, match="epochs count from 1"):
        stage_trainer(0, epochs=1)
