import os
import random

import numpy as np
import pytest
import torch
from torch import nn

from medmonai.engines import load_checkpoint, load_weights, save_atomically
from medmonai.engines.checkpoint import _random_state, _restore_random_state


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
