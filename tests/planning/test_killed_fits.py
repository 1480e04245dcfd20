"""Fits that are killed, edited or moved: they end as if nothing had happened, or say why not."""

from __future__ import annotations

import json
import shutil
import signal

import numpy as np
import pytest
from forks import Process
from PIL import Image
from typer.testing import CliRunner

from medmonai.__main__ import app
from medmonai.data import PhantomDesign, lesion_phantom

# What has to be the same to the bit.
SAME = (
    "predictions_test.csv",
    "comparison.csv",
    "model/models/model.pt",
    "model/models/decision.json",
    "model/models/training_images.json",
    "model/configs/inference.json",
    *(f"members/{k}/{name}" for k in range(5) for name in ("models/model.pt", "splits.csv")),
)


def write_source(folder, *, cases=40):
    design = PhantomDesign((16, 16), noise_sd=10)
    cohort = lesion_phantom(split="train", design=design, num_cases=cases, seed=1)
    for i, (image, label) in enumerate(zip(cohort.images, cohort.labels)):
        path = folder / cohort.class_names[int(label)] / f"p{i // 2:02d}_{i:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(image)[0]).save(path)
    return folder


def words(source, out):
    options = ["--group_pattern", "^(p\\d+)_", "--positive_class", "lesion"]
    return ["fit", str(source), *options, "--output", str(out)]


def planned(source, out, **edited):
    """The folder of a plan whose recipe was edited to train briefly."""
    done = CliRunner().invoke(app, [*words(source, out), "--plan-only"])
    assert done.exit_code == 0, done.output + repr(done.exception)
    path = out / "recipe.json"
    recipe = json.loads(path.read_text()) | {"epochs": 2, "warmup_epochs": 1} | edited
    path.write_text(json.dumps(recipe))
    return out


def test_an_edited_recipe_is_the_plan_until_a_member_is_trained(tmp_path):
    source = write_source(tmp_path / "in")
    out = planned(source, tmp_path / "out", learning_rate=0.005)
    again = [*words(source, out), "--plan-only"]
    assert "recipe.json was edited" in CliRunner().invoke(app, again).output
    path = out / "model" / "configs" / "train.json"
    config = json.loads(path.read_text())
    assert (config["max_epochs"], config["learning_rate"]) == (2, 0.005)
    path.write_text(json.dumps(config | {"batch_size": 5}))
    assert "was edited" not in CliRunner().invoke(app, again).output
    assert json.loads(path.read_text())["batch_size"] == 5  # an edited bundle stays
    (out / "members").mkdir()
    assert CliRunner().invoke(app, again).exit_code == 0
    (out / "recipe.json").write_text("{}")
    done = CliRunner().invoke(app, again)
    assert "recipe.json was edited after the training had begun" in str(done.exception)
    assert path.is_file()


def end(process, code=0):
    found, said = process.end()
    assert found == code, said
    return said


@pytest.mark.slow
def test_a_fit_that_is_killed_and_moved_ends_as_an_uninterrupted_one(tmp_path):
    source = write_source(tmp_path / "in")
    whole = planned(source, tmp_path / "whole")
    end(Process(words(source, whole), tmp_path))
    out = planned(source, tmp_path / "out")
    moments = (
        ("model", 1),  # the bundle is about to be written again
        ("last.pt", 1),  # member 0, before its first checkpoint
        ("last.pt", 2),  # member 0, between two epochs
        ("test_opened.json", 1),  # between training and evaluation
        ("baseline_val.csv", 1),  # evaluated, its baseline not yet
        ("last.pt", 2),  # member 1
        ("metrics.json", 1),  # member 1
        ("baseline_test.csv", 3),  # member 3
        ("model.pt", 3),  # the weights of the ensemble, or the best epoch of member 4
        ("inference.json", 1),
        ("training_images.json", 1),
        ("predictions_test.csv", 1),
        ("decision.json", 1),
        ("metrics.json", 1),
        ("report.html", 1),
    )
    reached = set()
    for number, moment in enumerate(moments):
        code, said = Process(words(source, out), tmp_path, moment=moment).end()
        assert code in (0, -signal.SIGKILL), said
        reached |= {moment[0]} if code else set()
        if number in (2, 8):  # with an unfinished training, and with finished ones
            moved = tmp_path / f"elsewhere {number}" / "fit"
            moved.parent.mkdir()
            out = shutil.move(out, moved)
    end(Process(words(source, out), tmp_path))
    assert len(reached) >= 9, reached
    for name in SAME:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    first, second = (json.loads((one / "metrics.json").read_text()) for one in (out, whole))
    assert first == second and (out / "report.html").is_file()
    for one in (out, whole):
        end(Process(["predict", str(one), str(source), "--output", f"{one.name}.csv"], tmp_path))
    assert (tmp_path / "fit.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not [path.name for path in out.rglob(".*") if path.name != ".claim"]
