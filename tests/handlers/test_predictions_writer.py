"""Predictions that a run leaves: with labels, and without labels decided at the stored point."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from handler_runs import TASK, Mean, cohort, evaluator
from monai.engines import SupervisedEvaluator

from medmonai.data import ImageSet, ResidentLoader
from medmonai.handlers import PredictionsCollector, PredictionsWriter
from medmonai.predictions import read_predictions


def test_predictions_are_written_with_labels(tmp_path):
    cases = cohort()
    writer = PredictionsWriter(PredictionsCollector(cases), tmp_path / "new" / "predictions.csv")
    evaluator(cases, Mean(), [writer])[0].run()
    table = read_predictions(tmp_path / "new" / "predictions.csv")
    assert np.array_equal(table.y_true, cases.labels) and table.ids.tolist() == cases.ids.tolist()
    with pytest.raises(FileExistsError, match="is left alone"):
        evaluator(cases, Mean(), [writer])[0].run()
    writer.overwrite = True
    evaluator(cases, Mean(), [writer])[0].run()


def test_unlabelled_cases_are_decided_at_the_stored_point(tmp_path):
    cases = ImageSet(cohort().images, ids=cohort().ids)
    options = {"task": TASK, "class_names": ("a", "b")}
    point = {"thresholds": [0.7], "rule": "youden", "chosen_on": "validation", "n": 9}
    stored = {"class_names": ["a", "b"], "operating_point": point}
    (tmp_path / "decision.json").write_text(json.dumps(stored))
    (tmp_path / "other.json").write_text(json.dumps(stored | {"class_names": ["a", "c"]}))
    for name, threshold in (("decision.json", 0.7), ("none.json", 0.5)):
        collector = PredictionsCollector(cases, **options)
        writer = PredictionsWriter(collector, tmp_path / f"{name}.csv", decision=tmp_path / name)
        unlabelled(cases, writer).run()
        with (tmp_path / f"{name}.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [r["predicted"] for r in rows] == [
            "ab"[float(r["score_b"]) > threshold] for r in rows
        ]
        assert {r["predicted"] for r in rows} == ({"a", "b"} if threshold == 0.7 else {"b"})
    with pytest.raises(ValueError, match=r"is for the classes \['a', 'c'\], not \['a', 'b'\]"):
        unlabelled(
            cases,
            PredictionsWriter(
                PredictionsCollector(cases, **options),
                tmp_path / "x.csv",
                decision=tmp_path / "other.json",
            ),
        ).run()


def unlabelled(cases, handler):
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=ResidentLoader(cases, batch_size=16),
        network=Mean(),
        val_handlers=[handler],
        decollate=False,
    )
