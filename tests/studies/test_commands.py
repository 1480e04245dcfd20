"""From a study file to its verdicts: the whole way, in the process and through the script."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_bundle import write_study, write_tiny_bundle

from medmonai.studies import (
    Resources,
    plan_cells,
    read_study,
    run_study,
    status_lines,
    write_study_summary,
)
from medmonai.studies.runner import write_plan

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "run_ablation.py"


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_study_ends_in_verdicts(tmp_path, here):
    path = write_study(
        tmp_path,
        title="Effects",
        question="Does a stronger effect rank better?",
        overrides={"cases": 200},
        arms={"none": {}, "strong": {"effect": 3.0}, "forest": {"estimator": {"name": "majority"}}},
    )
    lines, complete = run_study(path, output=tmp_path / "out", backend="here")
    assert complete and lines[0] == "6 of 6 cells are finished"
    found = {row["variant"]: row for row in rows(tmp_path / "out" / "summary.csv")}
    assert found["strong"]["verdict"] == "better" and found["forest"]["verdict"] == "worse"
    assert found["strong"]["selected"] == "True" and not found["none"]["verdict"]
    page = (tmp_path / "out" / "summary.html").read_text()
    assert "Does a stronger effect rank better?" in page and "not for clinical use" in page
    assert len(rows(tmp_path / "out" / "seeds.csv")) == 6
    forest = next(
        p.parent
        for p in (tmp_path / "out" / "cells").glob("*/cell.json")
        if "majority" in p.read_text()
    )
    assert {"metrics.json", "report.html", "predictions_test.csv", "run.json"} <= {
        p.name for p in forest.iterdir()
    }
    assert not list((tmp_path / "out").rglob("*.pkl")) and not list(
        (tmp_path / "out").rglob("*.joblib")
    )


def test_folds_are_joined_and_every_case_is_in_one_validation_part(tmp_path, here):
    path = write_study(tmp_path, folds=3, seeds=[1], overrides={"cases": 90})
    lines, complete = run_study(path, output=tmp_path / "out", backend="here")
    assert complete and lines[0] == "6 of 6 cells are finished"
    tables = sorted((tmp_path / "out" / "predictions").rglob("predictions_oof_*.csv"))
    assert len(tables) == 2
    ids = [row["id"] for row in rows(tables[0])]
    assert len(ids) == len(set(ids)) == 180  # 90 of train and 90 of validation


def test_a_grid_is_chosen_on_validation(tmp_path, here):
    path = write_study(
        tmp_path, grid={"effect": [0.0, 1.0, 4.0]}, arms={"recipe": {}}, baseline=None
    )
    run_study(path, output=tmp_path / "out", backend="here")
    found = rows(tmp_path / "out" / "summary.csv")
    assert [row["variant"] for row in found if row["selected"] == "True"] == [
        "recipe, effect=4.0"
    ] and len(found) == 3


def test_what_failed_is_told_and_the_rest_summarised(tmp_path, here):
    path = write_study(tmp_path, arms={"none": {}, "bad": {"fail": True}}, seeds=[1])
    lines, complete = run_study(path, output=tmp_path / "out", backend="here")
    assert not complete and any(
        line.startswith("failed: tiny_classification: bad, seed 1: effect=1.0") for line in lines
    )
    assert "effect=1.0 is impossible" in (tmp_path / "out" / "summary.html").read_text()


def test_a_corrupt_result_is_named_and_not_counted_or_removed(tmp_path, here):
    path = write_study(tmp_path)
    run_study(path, output=tmp_path / "out", backend="here")
    folder = sorted((tmp_path / "out" / "cells").iterdir())[0]
    (folder / "predictions_test.csv").write_text("id,y_true\n")
    lines, complete = run_study(path, output=tmp_path / "out", backend="here")
    assert not complete and any(
        f"cell folder {folder}" in line and "move the folder away" in line for line in lines
    )
    assert (folder / "predictions_test.csv").read_text() == "id,y_true\n"
    assert sum(bool(row["test_auc"]) for row in rows(tmp_path / "out" / "seeds.csv")) == 3


def test_parts_leave_the_summary_to_a_command_of_its_own(tmp_path, here):
    path = write_study(tmp_path)
    for part in ("1/2", "2/2"):
        lines, complete = run_study(path, output=tmp_path / "out", backend="here", part=part)
        assert (
            complete
            and lines[0] == "2 of 2 cells are finished"
            and "medmonai study summary" in lines[-1]
        )
    assert not (tmp_path / "out" / "summary.csv").exists()
    assert (
        any("strong" in line for line in write_study_summary(tmp_path / "out"))
        and (tmp_path / "out" / "summary.csv").exists()
    )


def test_an_empty_study_and_an_unknown_backend(tmp_path):
    path = write_study(tmp_path)
    for options in ({"backend": "slurm"}, {"resources": Resources(num_gpus=0.5)}):
        with pytest.raises(
            ValueError, match=r"backend='.*' with num_gpus=.*; use one of loky, ray"
        ):
            run_study(path, output=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    study = read_study(path)
    write_plan(study, plan_cells(study), tmp_path / "out", settings={})
    assert write_study_summary(tmp_path / "out") == [
        "No cell is finished: there is nothing to summarize."
    ]
    assert status_lines(tmp_path / "out")[0] == "4 cells: 4 waiting"


def test_bundles_run_one_after_the_other_end_in_one_summary(tmp_path, here):
    write_tiny_bundle(tmp_path, "other_classification")
    path = write_study(tmp_path, bundles=["tiny_classification", "other_classification"], seeds=[1])
    for bundle in ("tiny_classification", "other_classification"):
        run_study(
            path, output=tmp_path / "out", backend="here", bundles=[bundle], settings={"cases": 100}
        )
    assert status_lines(tmp_path / "out") == ["4 cells: 4 finished"]
    assert {row["bundle"] for row in rows(tmp_path / "out" / "summary.csv")} == {
        "tiny_classification",
        "other_classification",
    }
    assert (
        "study run study.json --output DIR --set cases=100"
        in (tmp_path / "out" / "summary.html").read_text()
    )


def test_the_script(tmp_path):
    path = write_study(tmp_path, arms={"none": {}, "bad": {"fail": True}}, seeds=[1])
    command = [
        sys.executable,
        str(SCRIPT),
        str(path),
        "--output",
        str(tmp_path / "out"),
        "--set",
        "cases=100",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (
        done.returncode == 1
        and "1 of 2 cells are finished" in done.stdout
        and "cells |" not in done.stderr
    )
    assert json.loads((tmp_path / "out" / "plan.json").read_text())["settings"] == {"cases": 100}


def test_a_dry_run_evaluates_nothing(tmp_path):
    canary = tmp_path / "canary"
    stranger = {"cases": f"$open({str(canary)!r}, 'w').close() or 60"}
    path = write_study(tmp_path, arms={"none": {}, "stranger": stranger}, seeds=[1])
    lines, complete = run_study(path, output=tmp_path / "out", dry_run=True)
    assert complete and [line.split()[0] for line in lines] == ["waiting", "waiting"]
    assert not canary.exists() and not (tmp_path / "out").exists()
