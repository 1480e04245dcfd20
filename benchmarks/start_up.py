"""CPU seconds of each command on tiny inputs, beside what importing torch and MONAI costs.

    OMP_NUM_THREADS=1 python -m benchmarks.start_up [--rounds 5] [--only run init]

Each command runs in a process of its own, all in turn in every round; user and system time of the
process and its children (`resource.RUSAGE_CHILDREN`), medians. CPU time, so that other work on the
machine matters little; it still counts somewhat, because cores share caches and clock. "run to its
first batch" ends where the training asks its loader for the first one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
BUNDLE = str(ROOT / "bundles" / "lesion_phantom_classification")
FIRST_BATCH = """
import os, sys
from medmonai.__main__ import app
import medmonai.data.resident_loader as loader
def stop(self):
    sys.stdout.flush()
    os._exit(0)
loader.ResidentLoader.__iter__ = stop
app(sys.argv[1:])
"""
RECIPE = {
    "title": "Mine",
    "network": {"_target_": "medmonai.networks.resnet18"},
    "dataset": {
        "listing": {
            "_target_": "medmonai.data.list_class_folders",
            "root": "@dataset_dir",
            "name": "mine",
        },
        "task": "binary",
        "class_names": ["healthy", "ill"],
        "in_channels": 1,
        "size": [32, 32],
        "source": "drawn",
        "splits": {"val_fraction": 0.2, "test_fraction": 0.2},
    },
}
SMALL = [
    "--max_epochs",
    "1",
    "--warmup_epochs",
    "1",
    "--train_cases",
    "128",
    "--spatial_size",
    "[16,16]",
]


def commands() -> dict[str, list[str]]:
    """Return name -> words after `python`; OUT stands for a folder that is new in each round."""
    medmonai = ["-m", "medmonai"]
    bundle = [BUNDLE, "--spatial_size", "[16,16]", "--train_cases", "128"]
    return {
        "import torch": ["-c", "import torch"],
        "import monai": ["-c", "import monai"],
        "--help": [*medmonai, "--help"],
        "init": [*medmonai, "init", "mine_classification", "recipe.json", "--folder", "OUT"],
        "data describe FOLDER": [*medmonai, "data", "describe", "images"],
        "data check FOLDER": [*medmonai, "data", "check", "images"],
        "data describe BUNDLE": [*medmonai, "data", "describe", *bundle],
        "evaluate": [*medmonai, "evaluate", "a.csv", "--output", "OUT"],
        "compare": [*medmonai, "compare", "a.csv", "b.csv", "--output", "OUT"],
        "report": [*medmonai, "report", "evaluated", "--output", "OUT.html"],
        "study status": [*medmonai, "study", "status", "study"],
        "cache": [*medmonai, "cache"],
        "run to its first batch": ["-c", FIRST_BATCH, "run", BUNDLE, "--output_dir", "OUT", *SMALL],
    }


def write_inputs(folder: Path, *, study_too: bool) -> None:
    """Write twelve pictures in two classes, two predictions tables, a recipe, an evaluation and,
    where wanted, a study.
    """
    rng = np.random.default_rng(0)
    for name in ("healthy", "ill"):
        (folder / "images" / name).mkdir(parents=True)
        for case in range(6):
            pixels = rng.integers(0, 255, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / name / f"{name}{case}.png")
    for name, signal in (("a", 2.0), ("b", 0.5)):
        labels = np.arange(60) % 2
        p = 1 / (1 + np.exp(-rng.normal(size=60) - signal * (labels - 0.5)))
        rows = [
            f"case-{i},{label},{1 - score},{score}"
            for i, (label, score) in enumerate(zip(labels, p))
        ]
        (folder / f"{name}.csv").write_text(
            "\n".join(["id,y_true,score_healthy,score_ill", *rows]) + "\n"
        )
    (folder / "recipe.json").write_text(json.dumps(RECIPE))
    study = {
        "bundles": [BUNDLE],
        "seeds": [1],
        "baseline": "majority",
        "arms": {
            name: {"estimator": {"name": name}} for name in ("majority", "logistic_regression")
        },
        "overrides": {"spatial_size": [16, 16], "train_cases": 128},
    }
    (folder / "study.json").write_text(json.dumps(study))
    made = [
        ["evaluate", "a.csv", "--output", "evaluated"],
        ["study", "run", "study.json", "--output", "study"],
    ]
    for words in made[: 1 + study_too]:
        subprocess.run(
            [sys.executable, "-m", "medmonai", *words], cwd=folder, check=True, capture_output=True
        )


def cpu_seconds(words: list[str], folder: Path) -> float:
    """Run `python WORDS` in a folder and return its user and system seconds.

    Raises:
        RuntimeError: the command failed; with what it said.
    """

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = used()
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode and "check" not in words:  # an audit that finds something ends with 1
        raise RuntimeError(
            f"{' '.join(words[:4])} ended with {done.returncode}: {done.stderr[-500:]}"
        )
    return used() - before


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[], help="parts of names")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    chosen = {
        name: words
        for name, words in commands().items()
        if not options.only or any(part in name for part in options.only)
    }
    seconds: dict[str, list[float]] = {name: [] for name in chosen}
    with tempfile.TemporaryDirectory() as place:
        os.environ["MEDMONAI_CACHE"] = str(Path(place) / "cache")
        write_inputs(Path(place), study_too="study status" in chosen)
        for number in range(options.rounds):
            for name, words in chosen.items():
                own = [word.replace("OUT", f"out{number}-{len(name)}") for word in words]
                seconds[name].append(cpu_seconds(own, Path(place)))
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}; Python {platform.python_version()}, torch {version('torch')}, "
        f"MONAI {version('monai')}; {options.rounds} rounds"
    )
    print(f"{'CPU seconds':<24} {'median':>7} {'least':>7} {'most':>7}")
    for name, found in seconds.items():
        print(f"{name:<24} {statistics.median(found):7.2f} {min(found):7.2f} {max(found):7.2f}")


if __name__ == "__main__":
    main()
