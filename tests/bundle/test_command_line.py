"""The commands as people type them, each in a process of its own and from another directory."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from bundle_runs import BUNDLES, small, write_medmnist
from forks import Process
from PIL import Image
from typer.testing import CliRunner

from medmonai.__main__ import app
from medmonai.metrics import auc_score
from medmonai.predictions import read_predictions

ON_TWO_RANKS = ("torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m")
PHANTOM = BUNDLES / "lesion_phantom_classification"


def call(*words, cwd, expect=0, **environment):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=1200,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout, done.stderr


def options(overrides):
    return [
        word
        for key, value in overrides.items()
        for word in (
            f"--{key}",
            value if isinstance(value, str) else json.dumps(value).replace("false", "False"),
        )
    ]


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def test_run_trains_evaluates_and_says_what_it_did(elsewhere, tmp_path):
    overrides = small(PHANTOM.name, None, tmp_path / "out", evaluate=True)
    out, _ = call("medmonai", "run", PHANTOM, *options(overrides), cwd=elsewhere)
    assert out.count("python -m monai.bundle run") == 2
    assert "Setting logging" not in out and "- INFO -" not in out
    assert "test AUC 0." in out and "ideal observer 0." in out and "not for clinical use" in out
    assert str(tmp_path / "out") in out
    assert not list(elsewhere.iterdir())
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    table = read_predictions(tmp_path / "out" / "predictions_test.csv")
    found = auc_score(table.y_true, table.y_score[:, 1])
    assert metrics["splits"]["test"]["auc"]["estimate"] == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", BUNDLES / "lesion_fantom_classification"], "did you mean"),
        (
            ["run", PHANTOM, "--learning_rat", "1"],
            "config id 'learning_rat' does not exist in lesion_phantom_classification; "
            "did you mean --learning_rate?",
        ),
        (["run", PHANTOM, "--seed"], "--seed has no value"),
        (["run", PHANTOM, "--seed", "-3"], "seed=-3; a whole number"),
        (
            ["run", BUNDLES / "vesselmnist3d_classification", "--dataset_name", "vesselmnist"],
            (
                "does not exist in vesselmnist3d_classification; no other set of MedMNIST has the "
                "classes of this bundle"
            ),
        ),
        (["run", BUNDLES / "vesselmnist3d_classification", "--image_size", "32"], "32"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(words, message, elsewhere, tmp_path):
    words = [*map(str, words), "--output_dir", str(tmp_path / "out")]
    process = Process(words, elsewhere, log=tmp_path / "log.txt")
    code, out = process.end()
    assert code == 1 and message in out.splitlines()[-1]
    assert out.splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "out").exists() and not list(elsewhere.iterdir())


@pytest.mark.parametrize("name", ["None", "null", "1e5", "true"])
@pytest.mark.parametrize("option", ["--positive_class", "--positive-class="])
def test_a_class_is_called_as_it_is_typed(name, option, tmp_path):
    for folder in (name, "x"):
        (tmp_path / "set" / folder).mkdir(parents=True)
        for i in range(2):
            Image.fromarray(np.full((8, 8), 50 * i, np.uint8)).save(
                tmp_path / "set" / folder / f"{i}.png"
            )
    words = [option + name] if option.endswith("=") else [option, name]
    done = CliRunner().invoke(app, ["data", "describe", str(tmp_path / "set"), *words])
    assert done.exit_code == 0 and f"positive class: {name} (class 1, against x)" in done.output, (
        done.output
    )


def test_help_does_not_wait_for_torch():
    code = "import sys, medmonai.__main__; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_stock_command_on_real_pneumoniamnist(real_data, elsewhere, tmp_path):
    configs = BUNDLES / "pneumoniamnist_classification" / "configs"
    common = [
        "--dataset_dir",
        real_data / "medmnist",
        "--output_dir",
        tmp_path / "out",
        "--max_epochs",
        2,
        "--seed",
        1,
        "--network_def#width",
        4,
    ]
    call("monai.bundle", "run", "--config_file", configs / "train.json", *common, cwd=elsewhere)
    both = str([str(configs / "train.json"), str(configs / "evaluate.json")])
    call("monai.bundle", "run", "--config_file", both, *common, cwd=elsewhere)
    assert not list(elsewhere.iterdir())
    table = read_predictions(tmp_path / "out" / "predictions_test.csv")
    assert np.bincount(table.y_true).tolist() == [234, 390]
    assert auc_score(table.y_true, table.y_score[:, 1]) > 0.8


def test_two_processes_give_the_metrics_of_one(elsewhere, tmp_path):
    """19 validation cases over 2 ranks: nothing is padded, and every rank sees the same AUC."""
    data = write_medmnist(
        tmp_path, "vesselmnist3d", (28, 28, 28), size={"train": 40, "val": 19, "test": 11}
    )
    configs = BUNDLES / "vesselmnist3d_classification" / "configs"
    overrides = small("vesselmnist3d_classification", data, tmp_path / "two") | {
        "batch_size": 8,
        "precision": "fp32",
    }
    state = (
        "[@validate#evaluator.state.metrics['auc'], [p.detach() for p in "
        "@network_def.parameters()], @auc_loss.state_dict()]"
    )
    probe = {
        "finalize": [
            f"$torch.save({state}, '{tmp_path}/rank' + str(torch.distributed.get_rank()) + '.pt')",
            "$torch.distributed.barrier()",
            "$torch.distributed.destroy_process_group()",
        ]
    }
    collector = {"_target_": "medmonai.handlers.PredictionsCollector", "cases": "@validate#dataset"}
    probe["validate::handlers"] = [
        {
            "_target_": "medmonai.handlers.PredictionsWriter",
            "collector": collector,
            "path": str(tmp_path / "ranks.csv"),
            "overwrite": True,
        }
    ]
    (tmp_path / "probe.json").write_text(json.dumps(probe))
    files = str(
        [
            str(configs / "train.json"),
            str(configs / "multi_gpu_train.json"),
            str(tmp_path / "probe.json"),
        ]
    )
    call(
        *ON_TWO_RANKS,
        "monai.bundle",
        "run",
        "--config_file",
        files,
        *options(overrides),
        cwd=elsewhere,
    )
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    both = [str(configs / "train.json"), str(configs / "evaluate.json")]
    call(
        "monai.bundle",
        "run",
        "--config_file",
        str(both),
        *options(overrides),
        "--flip_axes",
        "[]",
        cwd=elsewhere,
    )
    on_two = options(overrides | {"output_dir": str(tmp_path / "evaluated")})
    call(
        *ON_TWO_RANKS,
        "monai.bundle",
        "run",
        "--config_file",
        str([*both, str(configs / "multi_gpu_train.json")]),
        *on_two,
        "--flip_axes",
        "[]",
        "--ckpt_path",
        tmp_path / "two" / "models" / "model.pt",
        cwd=elsewhere,
    )
    for file in ("predictions_val.csv", "predictions_test.csv", "metrics.json"):
        assert (tmp_path / "two" / file).read_text() == (
            tmp_path / "evaluated" / file
        ).read_text(), file
    table = read_predictions(tmp_path / "two" / "predictions_val.csv")
    with (tmp_path / "two" / "history.csv").open() as file:
        aucs = [float(row["validation_auc"]) for row in csv.DictReader(file)]
    ranks = read_predictions(tmp_path / "ranks.csv")
    assert len(table.ids) == len(ranks.ids) == 19 and table.ids.tolist() == ranks.ids.tolist()
    assert auc_score(ranks.y_true, ranks.y_score[:, 1]) == pytest.approx(aucs[-1], abs=1e-12)
    assert np.allclose(table.y_score, ranks.y_score, atol=1e-5)  # the same weights in one process


def test_tracking_with_mlflow(elsewhere, tmp_path):
    pytest.importorskip("mlflow")
    overrides = small(PHANTOM.name, None, tmp_path / "out")
    call(
        "monai.bundle",
        "run",
        "--config_file",
        PHANTOM / "configs" / "train.json",
        *options(overrides),
        "--tracking",
        "mlflow",
        cwd=elsewhere,
    )
    assert list((tmp_path / "out").glob("mlruns.db"))
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize(
    ("name", "cases", "margin"),
    [
        ("lesion_phantom_classification", 6000, 0.03),
        *(
            pytest.param(name, cases, 0.02, marks=pytest.mark.slow)
            for name, cases in (
                ("lesion_phantom_classification", 20_000),
                ("lesion_phantom3d_classification", 24_000),
            )
        ),
    ],
)
def test_the_default_network_comes_close_to_the_ideal_observer(
    name, cases, margin, elsewhere, tmp_path
):
    """And does not beat it by more than chance: that would be a leak of the label."""
    words = ["run", BUNDLES / name, "--output_dir", tmp_path / "out", "--train_cases", cases]
    call("medmonai", *words, cwd=elsewhere)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    network, ideal = (
        metrics["splits"]["test"]["auc"],
        metrics["references"]["ideal_observer"]["auc"],
    )
    assert ideal["estimate"] - margin <= network["estimate"]
    tables = [
        read_predictions(tmp_path / "out" / f)
        for f in ("predictions_test.csv", "predictions_test_ideal_observer.csv")
    ]
    assert z_of_difference(*tables) < 3


def z_of_difference(first, second):
    from medmonai.metrics import delong_covariance

    scores = np.stack([first.y_score[:, 1], second.y_score[:, 1]], axis=1)
    aucs = [auc_score(first.y_true, s) for s in scores.T]
    covariance = delong_covariance(first.y_true, scores)
    return (aucs[0] - aucs[1]) / np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
