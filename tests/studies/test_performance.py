"""What arms reach beside the AUC: decisions on averaged scores at a threshold from validation, ROC
curves in one figure.
"""

from __future__ import annotations

import csv

import numpy as np
import pytest
from cell_folders import study, table
from matplotlib.text import Text
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    precision_score,
    recall_score,
)

from medmonai.metrics import average_seeds, choose_operating_point
from medmonai.studies.performance import performance_rows, roc_curves
from medmonai.studies.summary import summarize_study
from medmonai.studies.summary_writer import write_summary

ARMS = {"none": 1.0, "strong": 2.5}


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_metrics_are_scikit_learns_at_the_threshold_of_validation(kind, tmp_path):
    cells, folders = study(tmp_path, ARMS, kind=kind)
    found = list(performance_rows(summarize_study(cells, folders, baseline="none")))
    assert [row["variant"] for row in found] == list(ARMS)
    for arm, row in enumerate(found):
        test, val = (
            average_seeds(
                [table(s, ARMS[row["variant"]], seed, arm=arm, kind=kind) for seed in (1, 2, 3)]
            )
            for s in ("test", "val")
        )
        if kind == "binary":
            called = (test.y_score[:, 1] > choose_operating_point(val).thresholds[0]).astype(int)
            expected = {
                "precision": precision_score(test.y_true, called),
                "recall": recall_score(test.y_true, called),
                "f1": f1_score(test.y_true, called),
                "average_precision": average_precision_score(test.y_true, test.y_score[:, 1]),
            }
        else:
            called = test.y_score.argmax(axis=1)
            expected = {"macro_f1": f1_score(test.y_true, called, average="macro")}
        expected["accuracy"] = accuracy_score(test.y_true, called)
        assert {name: row[name] for name in expected} == pytest.approx(expected)
        assert all(row[f"{name}_low"] < row[name] < row[f"{name}_high"] for name in expected)
        assert (row["n"], row["n_seeds"], row["decided"]) == (
            300,
            3,
            "youden on validation" if kind == "binary" else "highest score",
        )


def test_an_arm_without_a_finished_seed_is_empty(tmp_path):
    cells, folders = study(tmp_path, ARMS)
    folders = {cell.key: folders[cell.key] for cell in cells if cell.variant == "none"}
    summary = summarize_study(cells, folders, baseline="none")
    write_summary(summary, tmp_path / "out")
    with (tmp_path / "out" / "performance_metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["variant"] == "strong" and rows[1]["f1"] == "" and float(rows[0]["f1"]) > 0


def test_roc_curves_of_the_arms_stand_in_one_figure(tmp_path):
    arms = {f"arm {i}": float(strength) for i, strength in enumerate(np.linspace(0.2, 2, 9))}
    cells, folders = study(tmp_path, arms, seeds=(1,))
    (bundle,) = summarize_study(cells, folders, baseline="arm 8").bundles
    named = " ".join(text.get_text() for text in roc_curves(bundle).findobj(Text))
    shown = [name for name in arms if name in named]
    assert len(shown) == 6 and "arm 8" in shown and bundle.selected in shown
    assert roc_curves(summarize_study(cells, {}, baseline="arm 8").bundles[0]) is None
