"""From a folder of images to a model, and from the model to predictions, through the commands."""

from __future__ import annotations

import csv
import json
import os
import shutil
from html import unescape

import numpy as np
import pytest
import yaml
from bundle_runs import run, write_medmnist
from fit_commands import call, save
from PIL import Image
from typer.testing import CliRunner

from medmonai.__main__ import app
from medmonai.bundle import bundle_cohorts
from medmonai.data import PhantomDesign, lesion_phantom
from medmonai.deployment import read_training_values
from medmonai.metrics import Temperature, apply_temperature
from medmonai.planning import division, rules
from medmonai.predictions import Predictions, read_predictions
from medmonai.report import command_of_fit, interval
from medmonai.task import Task


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """The folder of a fit on easy phantoms, its source, and what the command printed."""
    folder = tmp_path_factory.mktemp("fit")
    design = PhantomDesign((16, 16), noise_sd=10)
    source = save(lesion_phantom(split="train", design=design, num_cases=96, seed=1), folder / "in")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(rules._STEPS, 2, 24)
        patch.setattr(division, "FOLDS", 3)
        words = ["fit", source, "--group_pattern", "^(p\\d+)_", "--positive_class", "lesion"]
        words += ["--output", folder / "out"]
        printed = call(*words).output
    return folder / "out", source, words, printed


def test_a_fit_leaves_plan_model_predictions_and_report(fitted):
    out, source, _, printed = fitted
    assert "random forest on texture" in printed and "positive class  lesion" in printed
    plan = (out / "plan.md").read_text()
    for name in ("division", "size", "network", "epochs", "flips"):
        assert f"| {name} |" in plan
    table = read_predictions(out / "predictions_test.csv")
    assert len(table) == 96 and table.groups is not None
    assert len({row for row in table.ids}) == sum(1 for _ in source.rglob("*.png"))
    assert json.loads((out / "metrics.json").read_text())["splits"]["test"]["n"] == 96
    assert (out / "report.html").is_file() and (out / "comparison.csv").is_file()
    state = out / "model" / "models" / "model.pt"
    assert state.is_file()
    values = read_training_values(state.with_name("training_values.json"))
    assert list(values) == ["brightness", "contrast", "size, height", "size, width"]
    assert len(values["brightness"]) == 48 and set(values["size, width"]) == {16}  # by patient


def test_the_model_card_holds_what_the_records_know_and_marks_the_rest(fitted):
    out, source, _, _ = fitted
    card = (out / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")
    front = yaml.safe_load(card.split("---")[1])
    metrics = json.loads((out / "metrics.json").read_text())
    auc = metrics["splits"]["test"]["auc"]
    (result,) = front["model-index"][0]["results"]
    assert result["metrics"][0] == {"type": "roc_auc", "value": auc["estimate"], "name": "AUC"}
    assert front["library_name"] == "medmonai"
    assert f"| lesion | {interval(auc)} | " in card
    forest = metrics["references"]["random_forest"]["auc"]
    assert f"| random forest | {interval(forest)} |" in card
    page = unescape((out / "report.html").read_text(encoding="utf-8"))
    assert command_of_fit(json.loads((out / "fit.json").read_text())) in card
    assert command_of_fit(json.loads((out / "fit.json").read_text())) in page
    assert metrics["verdict"] in card and "not for clinical use" in card
    assert card.count("**To be filled in by the author.**") >= 7
    assert f"medmonai fit {source.name} --group_pattern" in card
    assert str(source.parent) not in card


def test_the_report_begins_with_the_verdict_and_shows_the_baseline(fitted):
    out, _, _, printed = fitted
    verdict = json.loads((out / "metrics.json").read_text())["verdict"]
    assert verdict in printed and "random forest on texture features" in verdict
    page = (out / "report.html").read_text()
    assert f'<p class="lead">{verdict}' in page and "random forest AUC" in page


def test_the_report_shows_the_plan_and_the_command_that_repeats_it(fitted):
    out, source, _, _ = fitted
    page = unescape((out / "report.html").read_text(encoding="utf-8"))
    assert f"<h1>{source.name}" in page and "a twelfth of" in page and "Forecast: about" in page
    assert (
        f"python -m medmonai fit {source.name} --group_pattern '^(p\\d+)_' --positive_class lesion "
        "--seed 1 --output NEW"
    ) in page


def test_the_figures_are_those_of_members_that_had_not_seen_the_case(fitted):
    out, _, _, _ = fitted
    table = read_predictions(out / "predictions_test.csv")
    members = [read_predictions(out / f"members/{k}/predictions_test.csv") for k in range(3)]
    assert sorted(np.concatenate([one.ids for one in members])) == table.ids.tolist()
    for k in range(3):
        splits = list(csv.DictReader((out / "splits" / f"member_{k}.csv").open()))
        assert {row["id"] for row in splits if row["split"] == "test"} == set(members[k].ids)
    assert not (out / "predictions_val.csv").exists()


@pytest.mark.parametrize(
    ("name", "size"),
    [
        pytest.param("pathmnist", (28, 28), marks=pytest.mark.slow),
        ("organmnist3d", (28, 28, 28)),
    ],
)
def test_the_given_splits_of_a_set_in_color_and_in_3d_with_several_classes(
    name, size, tmp_path, monkeypatch
):
    monkeypatch.setitem(rules._STEPS, len(size), 4)
    monkeypatch.setattr(division, "MORE_MEMBERS", 2)
    monkeypatch.setattr(division, "_FEWEST", 2)
    write_medmnist(tmp_path, name, size)
    out = tmp_path / "out"
    words = ["fit", name, "--dataset_dir", tmp_path, "--verify", "false", "--output", out]
    printed = call(*words).output
    assert "the given splits" in printed and "random forest" in printed
    members = [read_predictions(out / f"members/{k}/predictions_test.csv") for k in range(2)]
    table = read_predictions(out / "predictions_test.csv")
    mean = np.exp(np.mean([np.log(one.y_score) for one in members], axis=0))
    np.testing.assert_allclose(
        table.y_score, mean / mean.sum(axis=1, keepdims=True), rtol=1e-6, atol=1e-12
    )


def test_a_table_of_several_labels_is_planned_as_it_was_listed(tmp_path):
    design = PhantomDesign((16, 16), noise_sd=10)
    cohort = lesion_phantom(split="train", design=design, num_cases=60, seed=1)
    images = save(cohort, tmp_path / "images", names=())
    rows = ["image,a,b,who"]
    rows += [f"{path.name},{i % 2},{i % 3 // 2},{i // 2}" for i, path in
             enumerate(sorted(images.iterdir()))]  # fmt: skip
    (tmp_path / "a@b#c.csv").write_text("\n".join(rows))
    words = ["fit", tmp_path / "a@b#c.csv", "--image_column", "image", "--label_column", "a,b"]
    words += ["--images", images, "--group_column", "who", "--plan-only"]
    call(*words, "--output", tmp_path / "out")
    cohorts = bundle_cohorts(
        tmp_path / "out" / "model",
        {
            "dataset_dir": str(tmp_path),
            "splits_file": str(tmp_path / "out" / "splits" / "member_0.csv"),
        },
    )
    assert cohorts[0].task.kind == "multilabel" and cohorts[0].class_names == ("a", "b")
    assert sum(map(len, cohorts)) == 60


def test_the_same_command_trains_nothing_again_and_another_is_refused(fitted):
    out, _, words, _ = fitted
    before = {path: path.stat().st_mtime_ns for path in out.glob("members/*/models/*")}
    assert "holds this plan (plan.md), trained and evaluated." in call(*words).output
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("members/*/models/*")}
    (out / "report.html").unlink()
    call(*words)
    assert (out / "report.html").is_file()
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("members/*/models/*")}
    done = CliRunner().invoke(app, [*map(str, words), "--seed", "7"])
    assert isinstance(done.exception, ValueError) and "--seed 1 then, 7 now" in str(done.exception)


def test_predictions_of_a_fit(fitted, tmp_path):
    out, _, _, _ = fitted
    cohort = lesion_phantom(
        split="test", design=PhantomDesign((16, 16), noise_sd=10), num_cases=30, seed=5
    )
    images = save(cohort, tmp_path / "new", names=())
    (images / "broken.png").write_bytes(b"not a picture")
    Image.fromarray(np.zeros((200, 200), np.uint8)).save(images / "black.png")
    first = next(path for path in sorted(images.iterdir()) if path.name.startswith("p"))
    Image.open(first).convert("RGB").save(images / "colors.png")
    Image.fromarray(np.full((16, 16), 3000, np.uint16)).save(images / "deep.png")
    shutil.copy(first, os.path.join(os.fsencode(images), b"bad\xff.png"))
    call("predict", out, images, "--output", tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert len(rows) == 35
    assert (
        rows["broken.png"]["score_lesion"] == "" and "cannot be read" in rows["broken.png"]["flag"]
    )
    assert (
        "size 200 x 200" in rows["black.png"]["flag"] and "brightness" in rows["black.png"]["flag"]
    )
    good = {name: row for name, row in rows.items() if name[0] == "p"}
    assert all(0 <= float(row["spread"]) <= 0.5 for row in good.values())
    p = np.array([float(row["score_lesion"]) for row in good.values()])
    assert ((p >= 0) & (p <= 1)).all() and np.std([len(row["flag"]) for row in good.values()]) == 0
    done = CliRunner().invoke(
        app, ["predict", str(out), str(images), "--output", str(tmp_path / "p.csv")]
    )
    assert isinstance(done.exception, FileExistsError)


def test_stock_inference_decides_the_same(fitted, tmp_path):
    out, _, _, _ = fitted
    cohort = lesion_phantom(
        split="test", design=PhantomDesign((16, 16), noise_sd=10), num_cases=30, seed=6
    )
    images = save(cohort, tmp_path / "new", names=())
    call("predict", out, images, "--output", tmp_path / "p.csv")
    run(
        out / "model",
        "inference.json",
        workflow_type="infer",
        dataset_dir=str(images),
        output_dir=str(tmp_path / "stock"),
        bundle_root=str(out / "model"),
    )
    stock = list(csv.DictReader((tmp_path / "stock" / "predictions.csv").open()))
    ours = list(csv.DictReader((tmp_path / "p.csv").open()))
    # before the temperature, both are the sigmoid of the mean logits
    stored = json.loads((out / "model" / "models" / "decision.json").read_text())["temperature"]
    scores = np.array([[float(row[f"score_{c}"]) for c in ("normal", "lesion")] for row in stock])
    names = ("normal", "lesion")
    table = Predictions(np.arange(30).astype(str), None, scores, Task("binary", 2), names)
    calibrated = apply_temperature(table, Temperature.from_dict(stored)).positive_scores
    np.testing.assert_allclose([float(row["score_lesion"]) for row in ours], calibrated, atol=1e-5)
    assert [row["predicted"] for row in ours] == [row["predicted"] for row in stock]
    order = np.argsort([float(row["score_lesion"]) for row in ours], kind="stable")
    assert (np.diff([float(stock[i]["score_lesion"]) for i in order]) >= -1e-6).all()
