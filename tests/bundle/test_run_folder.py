"""What a run folder guards: resuming, other runs in it, the test split; in 2D and in 3D."""

from __future__ import annotations

import json
import re

import pytest
import torch
from bundle_runs import BUNDLES, STILL, history, run, small, workflow
from ignite.engine import Events

from medmonai.bundle import run_bundle
from medmonai.engines import load_checkpoint
from medmonai.errors import one_line

BOTH = ["lesion_phantom_classification", "lesion_phantom3d_classification"]


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
