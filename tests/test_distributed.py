"""Ranks: alone, and two of them over gloo."""

from __future__ import annotations

import json
import subprocess
import sys

import torch

from medmonai import distributed

TWO = """
import json
from pathlib import Path

import torch
from medmonai import distributed

alone = (distributed.rank(), distributed.world_size(), distributed.together())
torch.distributed.init_process_group("gloo")
weight = torch.full((2,), 1.0 + distributed.rank(), requires_grad=True)
idle = torch.zeros(2, requires_grad=True)
distributed.average_gradients([weight, idle])
weight.grad = torch.full((2,), 1.0 + distributed.rank())
distributed.average_gradients([weight])
distributed.take_from_first_rank([weight])
distributed.wait_for_all()
found = [distributed.rank(), distributed.world_size(), distributed.together(), *alone]
found += [weight.tolist(), weight.grad.tolist()]
Path(__file__).with_name(f"{distributed.rank()}.json").write_text(json.dumps(found))
torch.distributed.destroy_process_group()
assert (distributed.rank(), distributed.world_size(), distributed.together()) == (0, 1, False)
"""


def test_alone_nothing_is_shared():
    assert (distributed.rank(), distributed.world_size(), distributed.together()) == (0, 1, False)
    weight = torch.ones(2, requires_grad=True)
    weight.grad = torch.full((2,), 3.0)
    distributed.average_gradients([weight])
    distributed.take_from_first_rank([weight])
    distributed.wait_for_all()
    assert weight.tolist() == [1, 1] and weight.grad.tolist() == [3, 3]


def test_two_agree_from_the_moment_there_is_a_group(tmp_path):
    (tmp_path / "two.py").write_text(TWO)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node=2",
            tmp_path / "two.py",
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    for rank in (0, 1):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == [
            rank,
            2,
            True,
            0,
            1,
            False,
            [1.0, 1.0],
            [1.5, 1.5],
        ]
