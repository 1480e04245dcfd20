"""Commands of medmonai and of stock MONAI on the device, as a user gives them."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from .setting import Setting

ROOT = Path(__file__).resolve().parents[2]
PHANTOM = "lesion_phantom_classification"
PHANTOM_3D = "lesion_phantom3d_classification"


def environment() -> dict[str, str]:
    """Return the environment in which another folder's Python finds this medmonai."""
    path = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "MPLBACKEND": "Agg",
        "PYTHONWARNINGS": "ignore",
    }


def command(arguments: list[str], *, limit: float = 240) -> dict[str, object]:
    """Run `python -m ...`; return whether it worked, its seconds, and the end of what
    it said if not.
    """
    began = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            capture_output=True,
            text=True,
            timeout=limit,
            env=environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"works": False, "seconds": limit, "said": [f"not done after {limit:.0f} s"]}
    found: dict[str, object] = {
        "works": done.returncode == 0,
        "seconds": round(time.perf_counter() - began, 2),
    }
    if done.returncode:
        found["said"] = (done.stdout + done.stderr).strip().splitlines()[-60:]
    return found


def train_bundle(
    bundle: str, output: Path, *, configs: str = "train", limit: float = 240, **ids: object
) -> dict[str, object]:
    """Train a bundle by stock MONAI's own command."""
    folder = ROOT / "bundles" / bundle
    files = [str(folder / "configs" / f"{name}.json") for name in configs.split("+")]
    given = [f"--{name}={value}" for name, value in ids.items()]
    return command(
        [
            "monai.bundle",
            "run",
            f"--config_file={files[0] if len(files) == 1 else files}",
            f"--bundle_root={folder}",
            f"--output_dir={output}",
            *given,
        ],
        limit=limit,
    )


def history(output: Path) -> list[dict[str, str]]:
    """Return the rows of a run's history."""
    with (output / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_auc(output: Path) -> float:
    """Return the AUC that `evaluate` found on the test split."""
    said = json.loads((output / "metrics.json").read_text())
    return float(said["splits"]["test"]["auc"]["estimate"])


def evaluate_bundle(bundle: str, output: Path, **ids: object) -> dict[str, object]:
    """Evaluate a trained run by stock MONAI's own command."""
    return train_bundle(bundle, output, configs="train+evaluate", **ids)


def killed_after_epoch(
    bundle: str, output: Path, epoch: int, *, limit: float = 200, **ids: object
) -> bool:
    """Train a bundle and kill it (SIGKILL) when the history holds `epoch`; False if it ended
    before.
    """
    folder = ROOT / "bundles" / bundle
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "monai.bundle",
            "run",
            f"--config_file={folder / 'configs' / 'train.json'}",
            f"--bundle_root={folder}",
            f"--output_dir={output}",
            *(f"--{name}={value}" for name, value in ids.items()),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    until = time.monotonic() + limit
    while process.poll() is None and time.monotonic() < until:
        if (output / "models" / "last.pt").is_file() and len(history(output)) >= epoch:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.02)
    process.kill()
    process.wait()
    return False


def data_of(setting: Setting, name: str) -> Path | None:
    """Return the folder that holds a MedMNIST file, None without it."""
    folder = setting.data / "medmnist" if setting.data else None
    return folder if folder and (folder / f"{name}.npz").is_file() else None
