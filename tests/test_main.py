"""The commands that read predictions tables and data sets, as people type them."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from scored_tables import scored
from typer.testing import CliRunner

from medmonai.__main__ import app
from medmonai.metrics import average_seeds, choose_operating_point, decide
from medmonai.predictions import read_predictions, write_predictions


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def tables(tmp_path):
    """Two runs on the same cases, the first one better."""
    for name, signal in (("strong", 2.5), ("weak", 0.3)):
        (tmp_path / name).mkdir()
        write_predictions(scored("binary", signal=signal), tmp_path / name / "predictions_test.csv")
        write_predictions(
            scored("binary", 200, split="val", signal=signal),
            tmp_path / name / "predictions_val.csv",
        )
    return tmp_path


def test_evaluate_then_report(tables):
    run = tables / "strong"
    done = call(
        "evaluate",
        run / "predictions_test.csv",
        "--validation",
        run / "predictions_val.csv",
        "--output",
        run,
    )
    assert done.exit_code == 0, done.output
    for text in ("AUC 0.9", "chosen on 200 validation cases", "not for clinical use"):
        assert text in done.output
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["splits"]["test"]["decisions"]["locked"]["operating_point"]["n"] == 200
    stored = json.loads((run / "evaluation.json").read_text())
    assert (
        stored["tables"]["test"]["file"] == "predictions_test.csv"
        and len(stored["tables"]["validation"]["sha256"]) == 64
    )
    done = call("report", run, "--latex")
    assert done.exit_code == 0 and (run / "report.tex").is_file()
    page = (run / "report.html").read_text()
    assert (
        "python -m medmonai evaluate predictions_test.csv --validation predictions_val.csv "
        "--rule youden"
    ) in page


@pytest.mark.parametrize("metric", ["auc", "accuracy", "f1"])
def test_compare_gives_verdicts(metric, tables):
    paths = [tables / name / "predictions_test.csv" for name in ("strong", "weak")]
    done = call("compare", *paths, "--output", tables / "out", "--metric", metric)
    assert done.exit_code == 0, done.exception
    assert "strong - weak: +0." in done.output and done.output.splitlines()[0].endswith("better")
    with (tables / "out" / "comparison.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["a"], row["b"], row["metric"], row["verdict"]) == (
        "strong",
        "weak",
        metric,
        "better",
    )
    about = "these networks' scores on other patients, one training each; not the recipe"
    assert any(
        line.startswith(f"What the verdict is about: {about}") for line in done.output.splitlines()
    )
    written = [(tables / "out" / f"comparison.{suffix}").read_text() for suffix in ("json", "tex")]
    assert all(about in text for text in (row["verdict_is_about"], *written))
    assert {p.suffix for p in (tables / "out").iterdir()} == {
        ".csv",
        ".json",
        ".tex",
        ".png",
        ".pdf",
    }
    again = call("compare", *paths, "--output", tables / "out")
    assert isinstance(again.exception, FileExistsError)


def test_seeds_of_one_model_are_averaged_not_compared(tables):
    for seed in range(3):
        write_predictions(scored("binary", signal=1.0), tables / f"seed{seed}.csv")
    several = "many=" + ",".join(str(tables / f"seed{seed}.csv") for seed in range(3))
    done = call("compare", several, f"one={tables / 'seed0.csv'}", "--output", tables / "out")
    assert done.exit_code == 0 and "not distinguishable" in done.output
    row = json.loads((tables / "out" / "comparison.json").read_text())["comparisons"][0]
    assert (row["seeds_a"], row["seeds_b"], row["difference"]) == (3, 1, 0.0)
    assert "averaged over 1 to 3 trainings each; not the recipe" in done.output
    assert "many: AUC of 3 seeds" in done.output
    assert (
        json.loads((tables / "out" / "comparison.json").read_text())["seeds"]["many"]["n_seeds"]
        == 3
    )


def test_the_threshold_of_several_seeds_is_chosen_on_their_averaged_scores(tables):
    """One seed's threshold on averaged scores once turned a verdict round."""
    folders = [tables / f"seed{seed}" for seed in range(3)]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        for split, n in (("test", 300), ("val", 200)):
            write_predictions(
                scored("binary", n, signal=0.5 + seed, split=split),
                folder / f"predictions_{split}.csv",
            )
    several = "many=" + ",".join(str(folder / "predictions_test.csv") for folder in folders)
    words = (
        "compare",
        several,
        tables / "weak" / "predictions_test.csv",
        "--metric",
        "accuracy",
        "--output",
    )
    done = call(*words, tables / "out")
    assert done.exit_code == 0, done.exception
    row = json.loads((tables / "out" / "comparison.json").read_text())["comparisons"][0]
    averages = {
        split: average_seeds(
            [read_predictions(folder / f"predictions_{split}.csv") for folder in folders]
        )
        for split in ("test", "val")
    }
    weak = {
        split: read_predictions(tables / "weak" / f"predictions_{split}.csv")
        for split in ("test", "val")
    }
    right = [
        np.mean(decide(t["test"], choose_operating_point(t["val"])) == t["test"].y_true)
        for t in (averages, weak)
    ]
    assert row["difference"] == pytest.approx(right[0] - right[1], abs=1e-12)
    (folders[1] / "predictions_val.csv").unlink()
    done = call(*words, tables / "new")
    assert "seed1/predictions_val.csv does not exist; put it there" in str(done.exception)


def test_what_cannot_be_compared_is_said(tables):
    path = tables / "strong" / "predictions_test.csv"
    write_predictions(scored("binary", seed=1, split="other"), tables / "other.csv")
    for words, message in (
        ((path,), "at least two with different names"),
        ((path, f"other={tables / 'other.csv'}"), "test-000000"),
        (
            (f"a={path}", f"b={tables / 'other.csv'}", "--metric", "accuracy"),
            "needs a threshold chosen on validation",
        ),
        ((path, tables / "none.csv"), "no predictions table at"),
    ):
        done = call("compare", *words, "--output", tables / "out")
        assert message in str(done.exception), (words, done.exception)
    assert not (tables / "out").exists()


def test_data_check_on_real_data(real_data, tmp_path):
    """The official PneumoniaMNIST has 8 images of train in val; its exit status says so."""
    done = call(
        "data",
        "check",
        "pneumoniamnist",
        "--dataset_dir",
        real_data / "medmnist",
        "--output",
        tmp_path / "audit.json",
    )
    assert done.exit_code == 1 and "exact duplicates 8 (train/val 8)" in done.output
    assert json.loads((tmp_path / "audit.json").read_text())["leaks"] == ["exact duplicates"]
    done = call("data", "check", "vesselmnist3d", "--dataset_dir", real_data / "medmnist")
    assert done.exit_code == 0 and "no leakage found" in done.output


def test_data_describe_on_real_data(real_data, tmp_path):
    """The X-rays: validation too small to choose on is said; a mistyped option names the nearest
    one.
    """
    folder = real_data / "chest_xray"
    done = call(
        "data", "describe", folder, "--group_pattern", "^([^_]+)_", "--output", tmp_path / "out"
    )
    assert done.exit_code == 0 and "chest_xray: 256 cases, binary, 2 classes" in done.output
    assert (
        "validation has 16 cases" in done.output
        and "val_fraction=0.26 draws 51 of the 196" in done.output
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "describe.json",
        "figures",
    ]
    assert str(real_data) not in (tmp_path / "out" / "describe.json").read_text()
    done = call("data", "describe", folder, "--group_patern", "x")
    assert isinstance(done.exception, ValueError) and "did you mean --group_pattern?" in str(
        done.exception
    )


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["run"], "A bundle is a program"),
        (["init"], "A recipe becomes a program"),
        (["study", "run"], "A study is a program"),
    ],
)
def test_help_says_where_a_strangers_file_would_run(words, what):
    done = call(*words, "--help")
    assert what in " ".join(done.output.replace("│", " ").split())
