"""The GPU run rehearsed on a CPU: the script works before a GPU is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


def rehearse(folder, *parts):
    """Run some parts, or all; return what they found."""
    chosen = ("--parts", *parts) if parts else ()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.gpu", "--device", "cpu", "--small"),
            *("--output", str(folder), "--minutes", "60", *chosen),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    del found["machine"]
    assert set(parts) <= set(found)
    assert all("result" in of_part for of_part in found.values()), found
    page = (folder / "summary.md").read_text()
    assert all(f"## {part} (" in page for part in found)
    return {part: of_part["result"] for part, of_part in found.items()}


def test_timed_parts(tmp_path):
    found = rehearse(tmp_path, "captured", "stacked", "optimizers")
    step = found["captured"]["ResNet-18 width 8"]["milliseconds a step"]
    assert step["eager"] > 0
    assert {"ResNet-18 width 8, K=1", "ResNet-18 width 8, K=2"} == set(found["stacked"])
    assert "medmonai PESG" in found["optimizers"]["ResNet-18"]["milliseconds"]


@pytest.mark.slow
def test_every_part(tmp_path):
    found = rehearse(tmp_path)
    for part in ("bundles", "ranks", "fit", "resume"):
        assert '"works": false' not in json.dumps(found[part]), found[part]
    assert found["resume"]["lesion_phantom_classification"]["bit-identical"]


def test_without_a_gpu_it_says_what_rehearses_it(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--output", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 2 and "--device cpu --small" in done.stderr
