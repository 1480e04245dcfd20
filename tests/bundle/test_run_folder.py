"""What a run folder guards: resuming, other runs in it, the test split, mistyped ids. One 2D and
one 3D bundle.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import torch
from bundle_runs import BUNDLES, run, small, workflow, write_medmnist
from ignite.engine import Events

from medmonai.bundle import run_bundle
from medmonai.engines import load_checkpoint
from medmonai.errors import one_line

DOCS = Path(__file__).resolve().parents[2] / "docs"
BOTH = ["lesion_phantom_classification", "lesion_phantom3d_classification"]


def history(folder):
    with (folder / "history.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def same(first, second) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


class Killed(Exception):
    pass


def kill_after(epoch, flow):
    def kill(engine):
        if engine.state.epoch == epoch and engine.state.iteration % engine.state.epoch_length == 1:
            raise Killed

    flow.parser.get_parsed_content("train#trainer").add_event_handler(
        Events.ITERATION_COMPLETED, kill
    )


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("killed_in", [2, 4])
def test_a_resumed_run_ends_with_the_same_bits(name, killed_in, tmp_path):
    settings = small(name, None, tmp_path / "whole") | {"max_epochs": 4}
    run(name, "train.json", **settings)
    settings["output_dir"] = str(tmp_path / "killed")
    flow = workflow(name, "train.json", **settings)
    flow.initialize()
    kill_after(killed_in, flow)
    with pytest.raises(Exception) as caught:
        flow.run()
    assert isinstance(caught.value.__cause__, Killed)
    run(name, "train.json", **settings)
    whole, resumed = tmp_path / "whole", tmp_path / "killed"
    assert json.loads((resumed / "run.json").read_text())["resumed_from_epoch"] == killed_in - 1
    assert history(whole) == history(resumed) and len(history(whole)) == 4
    for file in ("model.pt", "model_final.pt", "last.pt"):
        assert same(
            load_checkpoint(whole / "models" / file), load_checkpoint(resumed / "models" / file)
        ), file


# Nothing but batch norm's statistics moves, so that validation soon stands still.
STILL = {
    "learning_rate": 1e-30,
    "average_decay": 0.0,
    "max_epochs": 40,
    "warmup_epochs": 40,
    "patience": 3,
}


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("change", [{"max_epochs": 3}, STILL, STILL | {"val_interval": 2}])
def test_a_run_that_was_killed_after_its_last_epoch_trains_no_more(name, change, tmp_path):
    settings = small(name, None, tmp_path) | change
    run(name, "train.json", **settings)
    files = [tmp_path / "history.csv", *(tmp_path / "models").iterdir()]
    before, whole = (
        {path: path.read_bytes() for path in files},
        json.loads((tmp_path / "run.json").read_text()),
    )
    # What a kill between the last checkpoint and the end leaves.
    (tmp_path / "models" / "model_final.pt").unlink()
    (tmp_path / "run.json").write_text(json.dumps(whole | {"finished": False}))
    run(name, "train.json", **settings)
    resumed = json.loads((tmp_path / "run.json").read_text())
    assert before == {path: path.read_bytes() for path in files}
    assert (
        resumed["resumed_from_epoch"]
        == len(history(tmp_path))
        == (resumed["stopped_early_at"] or 3)
    )
    times = ("started", "ended", "resumed_from_epoch")
    assert {k: v for k, v in whole.items() if k not in times} == {
        k: v for k, v in resumed.items() if k not in times
    }


def test_a_folder_with_another_run_or_a_finished_one_is_left_alone(tmp_path, capsys):
    settings = small(BOTH[0], None, tmp_path)
    run(BOTH[0], "train.json", **settings)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(RuntimeError) as caught:
        run(BOTH[0], "train.json", **settings | {"learning_rate": 0.5})
    assert re.search(
        r"holds another run: it differs in learning_rate \(0.002 there, 0.5 now\)",
        one_line(caught.value),
    )
    run(BOTH[0], "train.json", **settings)
    assert re.search(
        r"holds this training, finished .*; nothing was trained. Evaluate it",
        capsys.readouterr().out,
    )
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


def test_a_run_that_broke_off_before_its_evaluation_is_only_evaluated(tmp_path, capsys):
    settings = small(BOTH[0], None, tmp_path / "out", evaluate=True)
    settings.pop("output_dir")
    run(BOTH[0], "train.json", **small(BOTH[0], None, tmp_path / "out"))
    before = {
        name: (tmp_path / "out" / name).read_bytes()
        for name in ("history.csv", "run.json", "models/model.pt")
    }
    with pytest.raises(ValueError, match="holds another run: it differs in learning_rate"):
        run_bundle(
            BUNDLES / BOTH[0],
            output_dir=tmp_path / "out",
            overrides=settings | {"learning_rate": 0.5},
        )
    # test::dataset is the evaluation's own id and no part of what was trained
    run_bundle(BUNDLES / BOTH[0], output_dir=tmp_path / "out", overrides=settings)
    assert (tmp_path / "out" / "report.html").is_file()
    assert before == {name: (tmp_path / "out" / name).read_bytes() for name in before}
    capsys.readouterr()
    whole = contents(tmp_path / "out")
    metrics = run_bundle(BUNDLES / BOTH[0], output_dir=tmp_path / "out", overrides=settings)
    assert metrics == json.loads(
        (tmp_path / "out" / "metrics.json").read_text()
    ) and whole == contents(tmp_path / "out")
    assert f"{tmp_path / 'out'} is evaluated already; nothing was run.\n" in capsys.readouterr().out
    lost = tmp_path / "out" / "models" / "model.pt"
    lost.unlink()
    assert run_bundle(BUNDLES / BOTH[0], output_dir=tmp_path / "out", overrides=settings) == metrics
    said = (
        f"{lost} is missing: put back a copy of it, or choose another --output_dir to train it "
        "again."
    )
    assert f"is evaluated already; nothing was run. {said}\n" in capsys.readouterr().out
    run(BOTH[0], "train.json", **small(BOTH[0], None, tmp_path / "out"))
    assert f"nothing was trained. {said}\n" in capsys.readouterr().out
    for name in ("metrics.json", "test_opened.json"):
        (tmp_path / "out" / name).unlink()
    with pytest.raises(RuntimeError) as caught:
        run_bundle(BUNDLES / BOTH[0], output_dir=tmp_path / "out", overrides=settings)
    assert one_line(caught.value) == f"{tmp_path / 'out'} holds a finished training. {said}"


def contents(folder):
    """Bytes and times of all files."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", BOTH)
def test_a_finished_evaluation_is_not_run_again_and_a_missing_report_is_written(
    name, tmp_path, capsys
):
    settings = small(name, None, tmp_path, evaluate=True)
    run(name, "train.json", **small(name, None, tmp_path))
    run(name, "train.json", "evaluate.json", **settings)
    whole = contents(tmp_path)
    (tmp_path / "report.html").unlink()  # what a kill between metrics.json and the report leaves
    capsys.readouterr()
    metrics = run(name, "train.json", "evaluate.json", **settings)[-1]
    said = capsys.readouterr().out
    assert (
        "is evaluated already; nothing was run.\ntest AUC 0." in said
        and metrics["splits"]["test"]["n"] == 48
    )
    assert whole.pop(tmp_path / "report.html") and (tmp_path / "report.html").is_file()
    assert whole == {
        path: found for path, found in contents(tmp_path).items() if path.name != "report.html"
    }


def test_an_evaluation_that_broke_off_is_repeated_but_never_with_anything_else(tmp_path):
    settings = small(BOTH[0], None, tmp_path, evaluate=True)
    run(BOTH[0], "train.json", **small(BOTH[0], None, tmp_path))
    run(BOTH[0], "train.json", "evaluate.json", **settings)
    metrics, opened = (
        (tmp_path / name).read_text() for name in ("metrics.json", "test_opened.json")
    )
    (tmp_path / "metrics.json").unlink()  # written last: what a kill before the end leaves
    model = tmp_path / "models" / "model.pt"
    for change in ({"flip_axes": [0]}, {"ckpt_path": str(model.with_name("model_final.pt"))}):
        with pytest.raises(RuntimeError) as caught:
            run(BOTH[0], "train.json", "evaluate.json", **settings | change)
        assert f"with a difference in {next(iter(change))}" in one_line(caught.value).replace(
            "the checkpoint", "ckpt_path"
        )
    run(BOTH[0], "train.json", "evaluate.json", **settings)
    assert metrics == (tmp_path / "metrics.json").read_text()
    assert (
        json.loads(opened)["opened"]
        == json.loads((tmp_path / "test_opened.json").read_text())["opened"]
    )


def test_evaluation_without_a_checkpoint_or_with_another_network_writes_nothing(tmp_path):
    settings = small(BOTH[0], None, tmp_path, evaluate=True)
    with pytest.raises(RuntimeError) as caught:
        run(BOTH[0], "train.json", "evaluate.json", **settings)
    assert "no checkpoint at" in one_line(caught.value)
    run(BOTH[0], "train.json", **small(BOTH[0], None, tmp_path / "trained"))
    with pytest.raises(RuntimeError) as caught:
        run(
            BOTH[0],
            "train.json",
            "evaluate.json",
            **settings,
            ckpt_path=str(tmp_path / "trained" / "models" / "model.pt"),
            **{"network_def::stem": "standard"},
        )
    assert "was trained otherwise: network_def#stem" in one_line(caught.value)
    assert not (tmp_path / "test_opened.json").exists() and not (tmp_path / "metrics.json").exists()


@pytest.mark.parametrize("name", BOTH)
def test_the_commands_of_the_report_repeat_the_run(name, tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    run(name, "train.json", **small(name, None, first))
    run(name, "train.json", "evaluate.json", **small(name, None, first, evaluate=True))
    page = (first / "report.html").read_text()
    commands = re.findall(
        r"python -m monai.bundle run --config_file RUN/(\S+) --output_dir NEW", page
    )
    assert commands == ["config.json", "evaluate_config.json"]
    for file in commands:
        run(name, str(first / file), output_dir=str(again))
    for file in ("predictions_test.csv", "predictions_val.csv", "metrics.json"):
        assert (first / file).read_bytes() == (again / file).read_bytes(), file


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
