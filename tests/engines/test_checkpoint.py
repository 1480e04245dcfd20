import functools
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from torch import nn

from medmonai.data import Balance, ResidentLoader, lesion_phantom
from medmonai.engines import RunCheckpoint, load_checkpoint, save_atomically
from medmonai.engines.checkpoint import _random_state, _restore_random_state
from medmonai.handlers import LoaderEpoch


def test_random_states_come_back(tmp_path):
    save_atomically(_random_state(), tmp_path / "random.pt")
    drawn = random.random(), np.random.rand(), torch.rand(1).item()
    _restore_random_state(load_checkpoint(tmp_path / "random.pt"))
    assert drawn == (random.random(), np.random.rand(), torch.rand(1).item())


def scaled_trainer(folder, epochs):
    """A trainer with a GradScaler, as fp16 has one; it doubles its scale after every second
    step.
    """
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 1))
    loader = ResidentLoader(
        lesion_phantom(split="train", num_cases=24), batch_size=8, balance=Balance()
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-8)
    evaluator = SimpleNamespace(
        state=SimpleNamespace(best_metric=-1, best_metric_epoch=-1, epoch=0)
    )
    checkpoint = RunCheckpoint(
        folder,
        network=network,
        evaluator=evaluator,
        state={"network": network, "optimizer": optimizer},
    )
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=loader,
        network=network,
        optimizer=optimizer,
        loss_function=lambda logits, labels: logits.square().mean(),
        decollate=False,
        amp=True,
        train_handlers=[LoaderEpoch(loader), checkpoint],
    )
    return trainer, checkpoint


def test_the_scale_of_fp16_goes_on_where_it_was(tmp_path, monkeypatch):
    scaler = functools.partial(torch.amp.GradScaler, "cpu", init_scale=2.0, growth_interval=2)
    monkeypatch.setattr("torch.cuda.amp.GradScaler", scaler)
    whole, _ = scaled_trainer(tmp_path / "whole", 3)
    whole.run()
    scaled_trainer(tmp_path / "cut", 2)[0].run()
    resumed, checkpoint = scaled_trainer(tmp_path / "cut", 3)
    assert checkpoint.resume(resumed) == 2
    resumed.run()
    assert (
        resumed.scaler.state_dict() == whole.scaler.state_dict()
        and whole.scaler.get_scale() == 2.0 * 2**4
    )
    resumed.state.max_epochs = 4  # the next run of the same trainer begins a scaler of its own
    resumed.run()
    assert resumed.scaler.get_scale() == 2.0 * 2


def same(first, second):
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def test_a_damaged_last_checkpoint_falls_back_one_epoch_and_ends_the_same(tmp_path, caplog):
    whole, _ = scaled_trainer(tmp_path / "whole", 4)
    whole.run()
    cut, _ = scaled_trainer(tmp_path / "cut", 4)

    @cut.on(Events.EPOCH_STARTED(once=4))
    def stop(engine):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut.run()
    last, previous = tmp_path / "cut" / "last.pt", tmp_path / "cut" / "previous.pt"
    flip_a_bit(last)
    resumed, checkpoint = scaled_trainer(tmp_path / "cut", 4)
    assert checkpoint.resume(resumed) == load_checkpoint(previous)["epoch"] == 2
    assert (
        f"{last} is not a readable checkpoint" in caplog.text
        and f"goes on from {previous}, epoch 2" in caplog.text
    )
    resumed.run()
    assert (
        same(load_checkpoint(tmp_path / "whole" / "last.pt"), load_checkpoint(last))
        and not previous.exists()
    )


def test_where_no_whole_checkpoint_is_left_the_file_is_named(tmp_path):
    trainer, checkpoint = scaled_trainer(tmp_path, 2)
    trainer.run()
    flip_a_bit(tmp_path / "last.pt")
    with pytest.raises(
        ValueError,
        match=r"last\.pt is not .* \(CRC\) does not fit\); and there is no sound previous",
    ):
        checkpoint.resume(trainer)
    save_atomically({"epoch": 3}, tmp_path / "last.pt")
    with pytest.raises(ValueError, match=r"last\.pt is damaged \(no best_metric in it\)"):
        checkpoint.resume(trainer)
    save_atomically([1], tmp_path / "last.pt")
    with pytest.raises(ValueError, match=r"last\.pt is damaged"):
        checkpoint.resume(trainer)


def test_a_damaged_best_epoch_is_noticed_when_the_run_goes_on(tmp_path):
    trainer, checkpoint = scaled_trainer(tmp_path, 2)
    trainer.run()
    save_atomically(checkpoint.network.state_dict(), tmp_path / "model.pt")
    flip_a_bit(tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"model\.pt is not a readable checkpoint"):
        checkpoint.resume(trainer)
