"""The class of the three modalities is learned from all of them, and from none alone."""

from __future__ import annotations

import json

import pytest
from modality_files import write_modalities

from medmonai.bundle import run_bundle
from medmonai.planning import make_plan
from medmonai.planning.look import look
from medmonai.planning.plan import write_choices, write_planned_bundle
from medmonai.planning.recipe_source import data_overrides

pytestmark = pytest.mark.slow


def test_auc(tmp_path):
    missing = {(i, 2) for i in range(0, 480, 7)}
    table, _ = write_modalities(tmp_path / "in", cases=480, missing=missing)
    auc = {}
    for columns in (["t1", "t2", "flair"], "t1"):
        folder = tmp_path / f"{len(columns)}"
        folder.mkdir()
        seen = look(str(table), {"image_column": columns, "label_column": "y"})
        plan = make_plan(seen)
        write_choices(plan, folder)
        write_planned_bundle(plan.name, folder)
        run = {"val_fraction": 0.2, "test_fraction": 0.3, "max_epochs": 18, "warmup_epochs": 14}
        overrides = {**data_overrides(seen), **run}
        run_bundle(folder / "model", output_dir=folder / "run", overrides=overrides)
        metrics = json.loads((folder / "run" / "metrics.json").read_text())
        auc[len(seen.levels)] = metrics["splits"]["test"]["auc"]["estimate"]
    assert auc[3] > 0.9, auc
    assert 0.35 < auc[1] < 0.65, auc
