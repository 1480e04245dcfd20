"""Files of weights: whole or refused, and nothing in them is run."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from medmonai.engines import load_checkpoint, load_weights, save_atomically


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
        assert torch.equal(
            load_weights(nn.Linear(2, 1), tmp_path / "model.pt").weight, source.weight
        )


@pytest.mark.parametrize(
    "network", [nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)), nn.Conv3d(1, 2, 3)]
)
def test_flipped_bits_are_refused_or_change_no_weight(network, tmp_path):
    path = tmp_path / "model.pt"
    save_atomically(network.state_dict(), path)
    whole, content = load_checkpoint(path), path.read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(150):
        damaged = bytearray(content)
        for at in rng.integers(len(content), size=rng.integers(1, 4)):
            damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            found = load_checkpoint(path)
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            refused += 1
        else:
            assert all(torch.equal(whole[name], found[name]) for name in whole)
    assert refused > 30  # padding between the parts is most of so small a file


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused_by_name(value, tmp_path):
    source, target = (nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)) for _ in range(2))
    with torch.no_grad():
        source[0].weight[1, 0, 2, 2] = value
    save_atomically({"model": source.state_dict()}, tmp_path / "model.pt")
    before = target[0].weight.clone()
    with pytest.raises(
        ValueError, match=r"model\.pt: 0\.weight holds 1 values of 18 that are NaN or infinite"
    ):
        load_weights(target, tmp_path / "model.pt")
    assert torch.equal(before, target[0].weight)


def test_masks_may_be_infinite_and_statistics_may_not_be_nan(tmp_path):
    network = nn.BatchNorm1d(2)
    network.register_buffer("mask", torch.tensor([0.0, -float("inf")]))
    save_atomically(network.state_dict(), tmp_path / "model.pt")
    load_weights(network, tmp_path / "model.pt")
    network.running_var[0] = float("nan")
    save_atomically(network.state_dict(), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="running_var holds 1 values of 2"):
        load_weights(network, tmp_path / "model.pt")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of a process are those of POSIX")
def test_a_full_disk_leaves_the_earlier_checkpoint_and_says_so(tmp_path):
    path = tmp_path / "last.pt"
    save_atomically({"w": torch.ones(3)}, path)
    code = (
        "import resource, sys, torch; from medmonai.engines import save_atomically\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000,) * 2)\n"
        "save_atomically({'w': torch.ones(10**6)}, sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert (
        f"DiskFull: {path} could not be written: File too large. Finished"
        in done.stderr.splitlines()[-1]
    )
    assert os.listdir(tmp_path) == ["last.pt"] and torch.equal(
        load_checkpoint(path)["w"], torch.ones(3)
    )
