"""What the ids of a training do: when it ends, which epoch is kept, which parts learn; and which
are refused.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from bundle_runs import BUNDLES, STILL, history, run, small, workflow, write_medmnist

from medmonai.engines import load_checkpoint
from medmonai.errors import one_line

DOCS = Path(__file__).resolve().parents[2] / "docs"
BOTH = ["lesion_phantom_classification", "lesion_phantom3d_classification"]


def test_leakage_between_the_splits_stops_the_training(tmp_path):
    data = write_medmnist(tmp_path, "pneumoniamnist", (28, 28), leak=3)
    settings = small("pneumoniamnist_classification", data, tmp_path / "out") | {
        "allow_leakage": False
    }
    with pytest.raises(RuntimeError) as caught:
        run("pneumoniamnist_classification", "train.json", **settings)
    assert (
        "exact duplicates 3 (train/test 3)" in one_line(caught.value)
        and not (tmp_path / "out").exists()
    )
    settings["allow_leakage"] = True
    run("pneumoniamnist_classification", "train.json", **settings)
    run("pneumoniamnist_classification", "train.json", "evaluate.json", **settings)
    assert (
        json.loads((tmp_path / "out" / "run.json").read_text())["audit"]["leakage_allowed"] is True
    )
    assert "explicitly allowed for this run" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("key", "nearest"), [("learning_rat", "learning_rate"), ("max_epoch", "max_epochs")]
)
def test_a_mistyped_id_stops_a_stock_run_before_anything_is_written(key, nearest, tmp_path):
    with pytest.raises(RuntimeError) as caught:
        run(BOTH[0], "train.json", **small(BOTH[0], None, tmp_path / "out"), **{key: 1})
    assert (
        f"config id '{key}' is not read by anything in this bundle; did you mean --{nearest}?"
        in one_line(caught.value)
    )
    assert not (tmp_path / "out").exists()


def test_the_overlay_of_the_docs_runs(tmp_path):
    (overlay,) = re.findall(
        r"```json\n(.*?)```", (DOCS / "how_to" / "change_a_recipe.md").read_text(), re.DOTALL
    )
    (tmp_path / "mine.json").write_text(overlay)
    # The AUC never moves: the sixth epoch without progress is epoch 7, and epoch 8 has half the
    # learning rate.
    settings = small(BOTH[0], None, tmp_path / "out") | {
        "max_epochs": 8,
        "warmup_epochs": 8,
        "learning_rate": 1e-7,
    }
    flow = workflow(BOTH[0], "train.json", str(tmp_path / "mine.json"), **settings)
    flow.initialize()
    flow.run()
    assert [float(row["learning_rate"]) for row in history(tmp_path / "out")] == [1e-7] * 7 + [5e-8]


@pytest.mark.parametrize("name", BOTH)
def test_training_ends_early_where_validation_stands_still(name, tmp_path):
    run(name, "train.json", **small(name, None, tmp_path) | STILL)
    record = json.loads((tmp_path / "run.json").read_text())
    assert (
        record["finished"]
        and len(history(tmp_path)) == record["best_epoch"] + 3 == record["stopped_early_at"] < 40
    )


def test_training_does_not_end_before_the_second_stage(tmp_path):
    change = STILL | {"auc_learning_rate": 1e-30, "warmup_epochs": 12, "patience": 1}
    run(BOTH[0], "train.json", **small(BOTH[0], None, tmp_path) | change)
    record, stages = (
        json.loads((tmp_path / "run.json").read_text()),
        [row["stage"] for row in history(tmp_path)],
    )
    assert stages.count("cross_entropy") == 12 and stages[-1] == "auc" and len(stages) < 40
    assert (
        len(stages)
        == record["best_epochs"]["stages"]["auc"]["epoch"] + 1
        == record["stopped_early_at"]
    )


@pytest.mark.parametrize(("keep_best", "kept"), [("run", "cross_entropy"), ("stage", "auc")])
def test_the_best_epoch_of_the_run_or_of_the_stage_is_kept(keep_best, kept, tmp_path):
    """With this learning rate the AUC stage ruins what the warm-up learned: the same history,
    another network kept.
    """
    change = {
        "max_epochs": 6,
        "warmup_epochs": 4,
        "train_cases": 256,
        "auc_learning_rate": 20.0,
        "keep_best": keep_best,
        "phantom_design#amplitude": 50.0,
    }
    run(BOTH[0], "train.json", **small(BOTH[0], None, tmp_path) | change)
    record, rows = json.loads((tmp_path / "run.json").read_text()), history(tmp_path)
    of_stage = [float(row["validation_auc"]) for row in rows if row["stage"] == kept]
    assert (
        record["best_validation_auc"]
        == max(of_stage)
        == record["best_epochs"]["stages"][kept]["validation_auc"]
    )
    assert max(float(row["validation_auc"]) for row in rows if row["stage"] == "auc") < max(
        float(row["validation_auc"]) for row in rows if row["stage"] == "cross_entropy"
    )
    assert rows[record["best_epoch"] - 1]["stage"] == kept
    flow = workflow(BOTH[0], "train.json", **small(BOTH[0], None, tmp_path / "again") | change)
    flow.initialize()
    evaluator = flow.parser.get_parsed_content("validate#evaluator")
    evaluator.network.load_state_dict(load_checkpoint(tmp_path / "models" / "model.pt"))
    evaluator.run()
    assert evaluator.state.metrics["auc"] == record["best_validation_auc"]


def test_a_plateau_waits_for_rarer_validations(sources, tmp_path):
    name = "ham10000_classification"
    change = {
        "max_epochs": 6,
        "val_interval": 2,
        "learning_rate": 1e-7,
        "lr_scheduler#patience": 0,
        "patience": None,
    }
    run(name, "train.json", **small(name, sources, tmp_path / "out") | change)
    rows = history(tmp_path / "out")
    assert [bool(row["validation_auc"]) for row in rows] == [False, True] * 3
    # The AUC never moves: the second validation is no better than the first.
    assert [float(row["learning_rate"]) for row in rows] == [1e-7] * 4 + [5e-8] * 2


def test_parts_of_the_backbone_are_unfrozen_by_an_id(sources, tmp_path):
    name, plan = "ham10000_classification", {"unfreeze": {"2": "layer4"}}
    flow = workflow(name, "train.json", **small(name, sources, tmp_path / "out") | plan)
    flow.initialize()
    network = flow.parser.get_parsed_content("network_def")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    flow.run()
    moved = {
        key for key, value in network.state_dict().items() if not torch.equal(value, before[key])
    }
    assert {key.split(".")[1] for key in moved if key.startswith("backbone")} == {"layer4"}
    with pytest.raises(RuntimeError) as caught:
        run(
            name,
            "train.json",
            **small(name, sources, tmp_path / "cached") | plan | {"cache_features": True},
        )
    assert "the features are cached, so the backbone cannot learn" in one_line(caught.value)
    assert not (tmp_path / "cached").exists()


@pytest.mark.parametrize("epochs", [0, 2.5])
def test_epochs_that_are_no_number_of_epochs(epochs, tmp_path):
    with pytest.raises(RuntimeError) as caught:
        run(
            BOTH[0], "train.json", **small(BOTH[0], None, tmp_path / "out") | {"max_epochs": epochs}
        )
    assert one_line(caught.value) == f"max_epochs={epochs}; a whole number from 1 is needed."
    assert not (tmp_path / "out").exists()


def test_the_plain_recipes_are_one_override_away(tmp_path):
    adam = {
        "_target_": "torch.optim.Adam",
        "params": "$@network.parameters()",
        "lr": "@learning_rate",
    }
    for number, change in enumerate(
        (
            {"warmup_epochs": "$@max_epochs"},
            {"warmup_epochs": 0},
            {"optimizer": adam},
            {"train#augmentation": []},
            {"normalization": []},
            {"train#balance#strategy": "dual"},
        )
    ):
        run(BOTH[0], "train.json", **small(BOTH[0], None, tmp_path / str(number)) | change)
    stages = [[row["stage"] for row in history(tmp_path / str(n))] for n in (0, 1)]
    assert stages == [["cross_entropy"] * 2, ["auc"] * 2]


def test_every_config_is_found_from_its_bundle():
    for name in BOTH:
        flow = workflow(name, "train.json")
        flow.initialize()
        assert flow.bundle_root == str(BUNDLES / name)
