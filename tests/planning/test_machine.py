"""The machine as the look shows it."""

from __future__ import annotations

import pytest

from medmonai.planning import machine
from medmonai.planning.machine import Machine, this_machine


def test_this_machine():
    found = this_machine()
    assert found.cores >= 1 and found.memory_gb > 0 and 0 < found.free_gb <= found.memory_gb + 0.01


@pytest.mark.parametrize(("text", "limited"), [("1073741824", True), ("max", False), ("", False)])
def test_the_limit_of_a_control_group(text, limited, tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text(text)
    monkeypatch.setattr(machine, "_GROUPS", (str(tmp_path / "memory.max"), "/nothing/here"))
    found = this_machine()
    assert found.limited == limited and (found.memory_gb == 1.0) == limited


def test_lines():
    assert Machine(1, 8.0, 4.0, limited=True).line() == (
        "1 CPU core; 8.0 GB of memory (limit of the control group), 4.0 GB free; no GPU that torch "
        "can use"
    )
    line = Machine(2, None, 4.0, gpu="Card", gpu_gb=79.6).line()
    assert line == "2 CPU cores; 4.0 GB free; Card with 80 GB"
