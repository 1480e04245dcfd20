"""What a command loads: those that read tables, headers and recipes run without torch, MONAI,
scikit-learn and scipy.stats.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from scored_tables import scored

from medmonai.predictions import write_predictions

# The command line in a process of its own; the last line on stderr says what it loaded.
CODE = """
import sys
from medmonai.__main__ import app
from medmonai.errors import run_in_words
try:
    run_in_words(lambda: app(sys.argv[1:], standalone_mode=False))
finally:
    heavy = {"torch", "monai", "ignite", "sklearn", "pandas", "medmnist", "scipy.stats"}
    heavy &= set(sys.modules)
    print("loaded:", *sorted(heavy), file=sys.stderr)
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place, rng = tmp_path_factory.mktemp("light"), np.random.default_rng(0)
    for name in ("healthy", "ill"):
        (place / "images" / name).mkdir(parents=True)
        for case in range(6):
            Image.fromarray(rng.integers(0, 255, (16, 16), dtype=np.uint8)).save(
                place / "images" / name / f"{name}{case}.png"
            )
    for name, signal in (("a", 2.0), ("b", 0.5)):
        write_predictions(scored("binary", 60, signal=signal), place / f"{name}.csv")
    write_predictions(scored("multiclass", 90), place / "nine.csv")
    (place / "recipe.json").write_text(json.dumps(RECIPE))
    return place


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "a.csv", "--output", "evaluated"],
        ["evaluate", "nine.csv", "--output", "nine"],
        ["compare", "a.csv", "b.csv", "--output", "compared"],
        ["data", "describe", "images", "--output", "described"],
        ["data", "check", "images"],
        ["init", "mine_classification", "recipe.json", "--folder", "made"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_light_commands_load_neither_torch_nor_monai(words, folder):
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].split() == ["loaded:"]


def test_a_report_and_the_state_of_a_study_load_neither():
    code = (
        "import sys; from medmonai.report import write_report; from medmonai.studies import "
        "status_lines, write_study_summary; sys.exit(any(name in sys.modules for name in "
        "('torch', 'monai', 'sklearn')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
