import functools
import os
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from monai.engines import SupervisedTrainer
from torch import nn

from medmonai.data import Balance, ResidentLoader, lesion_phantom
from medmonai.engines import RunCheckpoint, load_checkpoint, load_weights, save_atomically
from medmonai.engines.checkpoint import _random_state, _restore_random_state
from medmonai.handlers import LoaderEpoch


def test_a_checkpoint_comes_back_and_the_same_weights_are_the_same_bytes(tmp_path):
    path, other = tmp_path / "deep" / "model.pt", tmp_path / "last.pt"
    for target in (path, other):
        save_atomically({"w": torch.arange(3.0)}, target)
    assert torch.equal(load_checkpoint(path)["w"], torch.arange(3.0))
    assert path.read_bytes() == other.read_bytes()
    assert [p.name for p in path.parent.iterdir()] == ["model.pt"]


def test_a_failed_write_keeps_the_previous_file(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    save_atomically({"w": torch.ones(1)}, path)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_atomically({"w": torch.zeros(1)}, path)
    assert load_checkpoint(path)["w"].item() == 1
    assert [p.name for p in tmp_path.iterdir()] == ["model.pt"]


class Payload:
    def __reduce__(self):
        return os.system, ("touch /tmp/medmonai-was-here",)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    torch.save({"w": Payload()}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / "evil.pt")
    assert not os.path.exists("/tmp/medmonai-was-here")


def test_errors_name_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*nothing\.pt"):
        load_checkpoint(tmp_path / "nothing.pt")
    save_atomically(nn.Linear(2, 1).state_dict(), tmp_path / "cut.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "cut.pt").read_bytes()[:100])
    with pytest.raises(ValueError, match=r"cut\.pt is not a readable checkpoint"):
        load_checkpoint(tmp_path / "cut.pt")


@pytest.mark.parametrize("other", [nn.Linear(3, 1), nn.Sequential(nn.Linear(2, 1))])
def test_weights_of_another_network_are_refused_and_named(tmp_path, other):
    save_atomically(other.state_dict(), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="another network"):
        load_weights(nn.Linear(2, 1), tmp_path / "model.pt")


def test_weights_plain_or_under_model(tmp_path):
    source = nn.Linear(2, 1)
    for content in (source.state_dict(), {"model": source.state_dict()}):
        save_atomically(content, tmp_path / "model.pt")
        assert torch.equal(load_weights(nn.Linear(2, 1), tmp_path / "model.pt").weight, source.weight)


def test_random_states_come_back(tmp_path):
    save_atomically(_random_state(), tmp_path / "random.pt")
    drawn = random.random(), np.random.rand(), torch.rand(1).item()
    _restore_random_state(load_checkpoint(tmp_path / "random.pt"))
    assert drawn == (random.random(), np.random.rand(), torch.rand(1).item())


def scaled_trainer(folder, epochs):
    """A trainer with a GradScaler, as fp16 has one; it doubles its scale after every second step."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 1))
    loader = ResidentLoader(lesion_phantom(split="train", num_cases=24), batch_size=8, balance=Balance())
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-8)
    evaluator = SimpleNamespace(state=SimpleNamespace(best_metric=-1, best_metric_epoch=-1, epoch=0))
    checkpoint = RunCheckpoint(folder, network=network, evaluator=evaluator,
                               state={"network": network, "optimizer": optimizer})
    trainer = SupervisedTrainer(
        device=torch.device("cpu"), max_epochs=epochs, train_data_loader=loader, network=network, optimizer=optimizer,
        loss_function=lambda logits, labels: logits.square().mean(), decollate=False, amp=True,
        train_handlers=[LoaderEpoch(loader), checkpoint])
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
    assert resumed.scaler.state_dict() == whole.scaler.state_dict() and whole.scaler.get_scale() == 2.0 * 2**4
    resumed.state.max_epochs = 4  # the next run of the same trainer begins a scaler of its own
    resumed.run()
    assert resumed.scaler.get_scale() == 2.0 * 2
