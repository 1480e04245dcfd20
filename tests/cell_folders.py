"""Folders of finished cells, as small as they can be: two tables and metrics.json."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medmonai.atomic_files import write_json
from medmonai.metrics import summarize
from medmonai.predictions import Predictions, write_predictions
from medmonai.studies.cell import Cell
from medmonai.task import Task

LABELS = {"test": np.tile([0, 1, 1], 100), "val": np.tile([0, 1, 1, 0], 40)}


def table(split, strength, seed, *, arm=0, kind="binary"):
    """Scores of 300 test or 160 validation cases; the noise of the cases is shared by all arms and
    seeds.
    """
    y_true, classes = LABELS[split], 2
    if kind != "binary":
        y_true, classes = np.arange(len(y_true)) % 3, 3
    shared = np.random.default_rng(len(split)).normal(size=(len(y_true), classes))
    own = np.random.default_rng([len(split), 10 * arm + seed]).normal(size=(len(y_true), classes))
    raw = np.exp(strength * np.eye(classes)[y_true] + shared + 0.4 * own)
    ids = [f"{split}-{i:04d}" for i in range(len(y_true))]
    return Predictions(
        ids,
        y_true,
        raw / raw.sum(axis=1, keepdims=True),
        Task(kind, classes),
        tuple("abc"[:classes]),
    )


def rows(predictions, chosen):
    """The chosen cases of a table."""
    p = predictions
    return replace(
        p,
        ids=p.ids[chosen],
        y_true=p.y_true[chosen],
        y_score=p.y_score[chosen],
        groups=None if p.groups is None else p.groups[chosen],
    )


def write_cell(folder, validation, test, *, balanced_accuracy=0.8, seconds=12.5):
    """Write what a finished run leaves, as far as a summary reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_predictions(validation, folder / "predictions_val.csv", overwrite=True)
    write_predictions(test, folder / "predictions_test.csv", overwrite=True)
    decided = {"overall": {"balanced_accuracy": {"estimate": balanced_accuracy}}}
    splits = {
        "validation": summarize(validation),
        "test": {**summarize(test), "decisions": {"locked": decided}},
    }
    write_json({"splits": splits}, folder / "metrics.json")
    write_json({"state": "finished", "seconds": seconds}, folder / "outcome.json")
    return folder


def study(root, strengths, *, seeds=(1, 2, 3), bundles=("bundles/one",), kind="binary", without=()):
    """Cells of arms with that strength of signal (test, or (validation, test)), and the folders of
    the finished ones.
    """
    cells, folders = [], {}
    for bundle in bundles:
        for seed in seeds:
            for arm, (name, strength) in enumerate(strengths.items()):
                cell = Cell(bundle, name, seed, key=f"{len(cells):04x}")
                cells.append(cell)
                if (name, seed) in without:
                    continue
                on_val, on_test = strength if isinstance(strength, tuple) else (strength, strength)
                folders[cell.key] = write_cell(
                    root / cell.folder_name,
                    table("val", on_val, seed, arm=arm, kind=kind),
                    table("test", on_test, seed, arm=arm, kind=kind),
                )
    return cells, folders
