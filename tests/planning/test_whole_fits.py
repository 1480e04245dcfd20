"""Whole fits through the command line: volumes, series, colors, several labels, grades, a MedMNIST
name; each with its predictions.
"""

from __future__ import annotations

import csv
import json

import nibabel
import numpy as np
import pytest
from dicom_files import write_series
from PIL import Image
from typer.testing import CliRunner

from medmonai.__main__ import app
from medmonai.deployment import load_model
from medmonai.metrics import apply_temperature
from medmonai.planning import division
from medmonai.predictions import read_predictions

pytestmark = pytest.mark.slow
AFFINE = np.diag([1.0, 1.0, 2.5, 1.0])


def picture(path, values):
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path.with_suffix(".png"))


def nifti(path, values):
    nibabel.save(nibabel.Nifti1Image(values.astype(np.int16), AFFINE), f"{path}.nii.gz")


def series(path, values):
    path.mkdir()
    write_series(path, values.astype(np.int16), AFFINE)


def class_folders(folder, save, shape):
    """36 cases, two of each patient; those of class "sick" are brighter."""
    rng = np.random.default_rng(0)
    for i in range(36):
        place = folder / ("sick" if i % 2 else "well")
        place.mkdir(parents=True, exist_ok=True)
        save(place / f"p{i // 2:02d}_{i:02d}", rng.normal(100 + 40 * (i % 2), 20, shape))
    return [folder, "--group_pattern", "^(p\\d+)_"]


def table(folder, *, labels):
    """60 images named in a table: two labels, or grades of brightness."""
    rng = np.random.default_rng(0)
    (folder / "scans").mkdir(parents=True)
    rows = ["file,a,b,grade"]
    for i in range(60):
        values = rng.normal(60 + 40 * (i % 3), 20, (16, 16))
        values[:, :8] += 40 * (i % 2)
        picture(folder / "scans" / f"{i:02d}", values)
        rows.append(f"{i:02d}.png,{i % 2},{int(i % 3 == 0)},{i % 3}")
    (folder / "t.csv").write_text("\n".join(rows))
    column = ["--label_column", "a,b"] if labels else ["--label_column", "grade"]
    task = [] if labels else ["--task", "ordinal"]
    images = ["--image_column", "file", "--images", folder / "scans"]
    return [folder / "t.csv", *images, *column, *task]


SOURCES = {
    "NIfTI": lambda folder: class_folders(folder, nifti, (16, 16, 8)),
    "DICOM": lambda folder: class_folders(folder, series, (16, 16, 8)),
    "colors": lambda folder: class_folders(folder, picture, (16, 20, 3)),
    "labels": lambda folder: table(folder, labels=True),
    "grades": lambda folder: table(folder, labels=False),
}


def call(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.output


def fitted(words, out):
    """A fit whose recipe was edited to train for two epochs."""
    call("fit", *words, "--output", out, "--plan-only")
    recipe = json.loads((out / "recipe.json").read_text())
    warmup = {} if recipe.get("warmup_epochs") == "@max_epochs" else {"warmup_epochs": 1}
    (out / "recipe.json").write_text(json.dumps({**recipe, "epochs": 2, **warmup}))
    return call("fit", *words, "--output", out)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_fit_and_its_predictions(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(division, "FOLDS", 3)
    words = SOURCES[kind](tmp_path / "in")
    out = tmp_path / "out"
    assert "random forest" in fitted(words, out)
    metrics = json.loads((out / "metrics.json").read_text())
    task = {"labels": "multilabel", "grades": "ordinal"}.get(kind, "binary")
    cases = 60 if kind in ("labels", "grades") else 36
    assert metrics["splits"]["test"]["task"] == task and metrics["splits"]["test"]["n"] == cases
    of_table = words[1:5] if cases == 60 else []
    found = {}
    for model in (out, out / "members" / "1"):
        call("predict", model, words[0], *of_table, "--output", tmp_path / "p.csv", "--overwrite")
        with (tmp_path / "p.csv").open(newline="") as file:
            found[model] = list(csv.DictReader(file))
        assert len(found[model]) == cases and not any(row["flag"] for row in found[model])
    assert any(float(row["spread"]) > 0 for row in found[out])
    familiar = load_model(out).familiar
    assert familiar is not None and familiar.modalities == (("CT",) if kind == "DICOM" else ())
    # a member repeats its own evaluation
    member = load_model(out / "members" / "1")
    tested = read_predictions(out / "members" / "1" / "predictions_test.csv", task=member.task)
    row_of = {row["id"]: row for row in found[out / "members" / "1"]}
    np.testing.assert_allclose(
        [
            [float(row_of[case][f"score_{name}"]) for name in member.class_names]
            for case in tested.ids
        ],
        apply_temperature(tested, member.temperature).y_score,
        rtol=1e-4,
        atol=1e-7,
    )


def test_a_medmnist_name_with_a_limit_of_minutes(real_data, tmp_path, monkeypatch):
    monkeypatch.setattr(division, "MEMBERS", 2)
    folder = real_data / "medmnist"
    words = ["pneumoniamnist", "--dataset_dir", folder, "--minutes", "30"]
    assert "random forest" in fitted(words, tmp_path / "out")
    with np.load(folder / "pneumoniamnist.npz", allow_pickle=False) as arrays:
        np.savez(tmp_path / "new.npz", images=arrays["test_images"][:40])
    call("predict", tmp_path / "out", tmp_path / "new.npz", "--output", tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 40
