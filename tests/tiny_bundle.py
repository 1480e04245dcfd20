"""A bundle of nothing but predictions: cells of a study in milliseconds, with everything a real
cell leaves that counts.
"""

from __future__ import annotations

import json
from pathlib import Path

MODULE = """
import os, time
from pathlib import Path
import numpy as np
from medmonai.predictions import Predictions, write_predictions
from medmonai.report import evaluate
from medmonai.atomic_files import write_json

def train(output_dir, *, seed, effect, fail, die):
    folder = Path(output_dir)
    with open(folder / "starts.txt", "a") as file:
        file.write("start\\n")
    if fail:
        raise ValueError(f"effect={effect} is impossible")
    if die and len((folder / "starts.txt").read_text().split()) <= die:
        os.kill(os.getpid(), 9)

def write(output_dir, *, seed, effect, validation, test):
    folder, tables = Path(output_dir), {}
    for name, cohort in (("val", validation), ("test", test)):
        noise = np.random.default_rng([seed, len(name)]).normal(size=len(cohort))
        p = 1 / (1 + np.exp(-noise - effect * (cohort.labels - 0.5)))
        tables[name] = Predictions(
            cohort.ids, cohort.labels, np.stack([1 - p, p], 1), cohort.task, cohort.class_names
        )
        write_predictions(tables[name], folder / f"predictions_{name}.csv", overwrite=True)
    metrics = evaluate(tables["test"], validation=tables["val"]).metrics
    validation = evaluate(tables["val"]).metrics
    (folder / "report.html").write_text("a report")
    splits = {"validation": validation, "test": metrics}
    write_json({"splits": splits, "references": {}}, folder / "metrics.json")
    return {"splits": {"test": metrics}}
"""


def cases(split: str) -> dict:
    return {
        "_target_": "medmonai.data.lesion_phantom",
        "split": split,
        "num_cases": "@cases",
        "seed": 0,
    }


TRAIN = {
    "imports": ["$import tiny_cell"],
    "bundle_root": "$medmonai.bundle.bundle_root()",
    "output_dir": "output",
    "seed": 1,
    "cases": 60,
    "effect": 1.0,
    "fail": False,
    "die": 0,
    "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1},
    "train": {"dataset": cases("train"), "augmentation": []},
    "validate": {"dataset": cases("val")},
    "test": {"dataset": cases("test")},
    "run": ["$tiny_cell.train(@output_dir, seed=@seed, effect=@effect, fail=@fail, die=@die)"],
}
EVALUATE = {
    "run": [
        "$tiny_cell.write(@output_dir, seed=@seed, effect=@effect, validation=@validate#dataset, "
        "test=@test#dataset)"
    ]
}


def write_tiny_bundle(folder: Path, name: str = "tiny_classification") -> Path:
    """Write the bundle and return its folder."""
    configs = folder / name / "configs"
    configs.mkdir(parents=True)
    (configs / "train.json").write_text(json.dumps(TRAIN))
    (configs / "evaluate.json").write_text(json.dumps(EVALUATE))
    (configs / "metadata.json").write_text("{}")
    (folder / name / "tiny_cell.py").write_text(MODULE)
    return folder / name


def write_study(folder: Path, **content) -> Path:
    """Write a study file of the tiny bundle, with two arms unless others are given."""
    if not (folder / "tiny_classification").is_dir():
        write_tiny_bundle(folder)
    study = {
        "bundles": ["tiny_classification"],
        "seeds": [1, 2],
        "baseline": "none",
        "arms": {"none": {}, "strong": {"effect": 3.0}},
    } | content
    path = folder / "study.json"
    path.write_text(json.dumps({key: value for key, value in study.items() if value is not None}))
    return path
