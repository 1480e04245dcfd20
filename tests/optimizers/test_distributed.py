"""PESG on two gloo processes: the ranks agree, whatever their seeds and whenever the optimiser was
built.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Both cases in one pair of processes: starting them costs more than the training."""
    folder = tmp_path_factory.mktemp("ranks")
    script = Path(__file__).parent / "two_ranks.py"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node=2",
            script,
            folder,
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("case", ["random_start", "built_before_the_group"])
def test_two_ranks_agree(case, folder):
    first, second = (
        torch.load(folder / f"{case}-{rank}.pt", weights_only=True) for rank in range(2)
    )
    for key, tensors in first.items():
        for one, two in zip(tensors, second[key]):
            assert torch.equal(one, two), key
    assert first["abc"][2] > 0
