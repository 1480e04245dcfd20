"""A fit with covariates: what carries the AUC is said, and predictions need the covariates, too."""

from __future__ import annotations

import csv
import json
import re
from itertools import combinations

import numpy as np
import pytest
from covariate_tables import write_covariate_table
from typer.testing import CliRunner

from medmonai.__main__ import app
from medmonai.deployment import load_model, predict
from medmonai.metrics import apply_temperature, compare_tables
from medmonai.planning import division, rules
from medmonai.planning.covariates import COVARIATES
from medmonai.planning.fit_results import BASELINE, NETWORK, verdict
from medmonai.planning.images_alone import IMAGES
from medmonai.predictions import Predictions, read_predictions
from medmonai.task import Task

COLUMNS = ["--image_column", "image", "--label_column", "class", "--group_column", "patient"]


def call(*words, code=0):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done.output


def words_of(folder, table, *more):
    images = ["--images", folder / "data" / "images", "--positive_class", "malignant"]
    chosen = ["--covariates", "age,sex,site", *COLUMNS, *images, "--cache_dir", folder / "cache"]
    return ["fit", table, *chosen, "--output", folder / "fit", *more]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A fit of images of noise whose label is in the age alone, and what the command printed."""
    folder = tmp_path_factory.mktemp("covariates")
    table = write_covariate_table(folder / "data", cases=90, of_covariates=4.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(rules._STEPS, 2, 24)
        patch.setattr(division, "FOLDS", 3)
        words = words_of(folder, table)
        printed = call(*words)
    return folder, words, printed


def test_covariates_that_carry_the_auc_are_named(fitted):
    folder, _, printed = fitted
    said = json.loads((folder / "fit" / "metrics.json").read_text())
    assert "The covariates carry the AUC: alone they reach 0." in said["verdict"]
    assert "a classifier of the covariates alone" in said["verdict"]
    assert "images add to the covariates has not been shown" in said["verdict"]
    assert said["verdict"] in printed
    assert set(said["references"]) == {"random_forest", "covariates_alone", "images_alone"}
    assert said["references"]["covariates_alone"]["auc"]["estimate"] > 0.8
    # the network keeps what the covariates say although the images are noise
    assert said["splits"]["test"]["auc"]["estimate"] > 0.75
    with (folder / "fit" / "comparison.csv").open() as file:
        pairs = {(row["a"], row["b"]) for row in csv.DictReader(file)}
    assert pairs == set(combinations((NETWORK, BASELINE, COVARIATES, IMAGES), 2))
    page = (folder / "fit" / "report.html").read_text()
    assert "covariates alone AUC" in page


def test_the_plan_says_how_covariates_are_read(fitted):
    folder, _, printed = fitted
    plan = (folder / "fit" / "plan.md").read_text()
    assert "| covariates | age (number), sex (2 categories), site (3 categories) |" in plan
    stated = json.loads((folder / "fit" / "recipe.json").read_text())["dataset"]["covariates"]
    assert [one["kind"] for one in stated] == ["number", "category", "category"]
    assert stated[2]["categories"] == ["A", "B", "C"]
    assert "sex (2 categories)" in printed


def test_each_member_has_its_own_encoder(fitted):
    folder, _, _ = fitted
    path = folder / "fit" / "model" / "models" / "covariates.json"
    members = json.loads(path.read_text())["members"]
    means = [member["columns"][0]["mean"] for member in members]
    assert len(set(means)) == 3
    rows = {row["image"]: row["age"] for row in csv.DictReader((folder / "data/table.csv").open())}
    for k, mean in enumerate(means):
        splits = list(csv.DictReader((folder / "fit/splits" / f"member_{k}.csv").open()))
        train = [rows[row["id"]] for row in splits if row["split"] == "train"]
        np.testing.assert_allclose(mean, np.mean([float(age) for age in train if age]))


def test_a_prediction_needs_the_covariates_and_flags_what_training_had_not(fitted, tmp_path):
    folder, _, _ = fitted
    images = folder / "data" / "images"
    done = CliRunner().invoke(app, ["predict", str(folder / "fit"), str(images)])
    assert "give a table that names the images and holds age, sex, site" in str(done.exception)
    rows = ["image,AGE,sex,site", "000.png,60,f,A", "000.png,200,f,A", "001.png,75,m,D"]
    rows += ["001.png,45,m,B", "001.png,75,m,B"]
    (tmp_path / "new.csv").write_text("\n".join(rows))
    out = tmp_path / "p.csv"
    call("predict", folder / "fit", tmp_path / "new.csv", "--image_column", "image",
         "--image_folders", images, "--output", out)  # fmt: skip
    said = list(csv.DictReader(out.open()))
    assert "age 200, in training" in said[1]["flag"] and "age" not in said[0]["flag"]
    assert "site 'D', in training never" in said[2]["flag"]
    young, old = (float(said[row]["score_malignant"]) for row in (3, 4))
    assert old > young + 0.2
    (tmp_path / "less.csv").write_text("image,age,sex\n000.png,60,f")
    done = CliRunner().invoke(
        app,
        [
            "predict",
            str(folder / "fit"),
            str(tmp_path / "less.csv"),
            "--image_folders",
            str(images),
        ],
    )
    assert "covariates='site' is not a column of less.csv" in str(done.exception)
    assert "The model takes age, sex, site: an empty column says" in str(done.exception)


def test_predictions_are_those_of_the_ensemble_and_of_its_members(fitted, tmp_path):
    """A case that member 0 was tested on gets the mean of three members; each saw the case with its
    own encoder.
    """
    folder, _, _ = fitted
    out = tmp_path / "p.csv"
    call("predict", folder / "fit", folder / "data" / "table.csv", "--image_column", "image",
         "--image_folders", folder / "data" / "images", "--output", out)  # fmt: skip
    said = {row["id"]: float(row["score_malignant"]) for row in csv.DictReader(out.open())}
    table = read_predictions(folder / "fit" / "predictions_test.csv")
    ours = np.array([said[name] for name in table.ids])
    assert np.corrcoef(ours, table.y_score[:, 1])[0, 1] > 0.8


def test_the_run_folder_of_a_member_predicts_what_it_was_evaluated_on(fitted):
    folder, _, _ = fitted
    model = load_model(folder / "fit" / "members" / "0")
    found = predict(
        model, folder / "data" / "table.csv", image_column="image",
        image_folders=str(folder / "data" / "images"),
    )  # fmt: skip
    said = {case.id: case.probabilities for case in found}
    test = read_predictions(folder / "fit" / "members" / "0" / "predictions_test.csv")
    wanted = apply_temperature(test, model.temperature).y_score
    np.testing.assert_allclose([said[name] for name in test.ids], wanted, atol=1e-6)


def test_changed_covariates_are_not_trained_on_by_an_older_plan(fitted):
    folder, words, _ = fitted
    path = folder / "data" / "table.csv"
    text = path.read_text()
    try:
        path.write_text(text.replace(",f,", ",m,", 1))
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert "holds other cases" in str(done.exception)
    finally:
        path.write_text(text)
    assert "holds this plan (plan.md)" in call(*words)


def test_covariates_and_pretrained_weights_are_refused(tmp_path):
    table = write_covariate_table(tmp_path / "data", cases=60)
    words = words_of(tmp_path, table, "--weights", "imagenet", "--network", "resnet18")
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert "--covariates with --weights" in str(done.exception)


def scored(y, effect, seed):
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-(effect * (2 * y - 1) + rng.normal(0, 1, len(y)))))
    ids = np.arange(len(y)).astype(str)
    return Predictions(ids, y, np.stack([1 - p, p], axis=1), Task("binary", 2), ("n", "p"))


@pytest.mark.parametrize(
    ("network", "images", "covariates", "said"),
    [
        (1.5, 0.0, 1.5, "The covariates carry the AUC: alone"),
        (1.5, 1.5, 0.0, "The images carry the AUC: the covariates alone reach .*told from chance"),
        (2.5, 1.0, 1.0, "Images and covariates both carry the AUC: a network on"),
        (1.5, 1.5, 0.5, "That the covariates add to the images has not been shown"),
        (0.5, 0.5, 0.5, "The covariates carry the AUC.*That the images add"),
        (0.0, 0.0, 0.0, "Neither images nor covariates carry an AUC that can be told from chance"),
        (1.5, 0.0, 0.0, "The images carry the AUC: the covariates alone"),
        (2.5, 0.0, 1.0, "The covariates carry most of the AUC .* and the images add to them"),
    ],
)
def test_the_sentence(network, images, covariates, said):
    y = np.arange(300) % 2
    effects = {NETWORK: network, IMAGES: images, COVARIATES: covariates}
    tables = {name: scored(y, effect, k) for k, (name, effect) in enumerate(effects.items())}
    text = verdict(tables, compare_tables(tables))
    assert re.search(said, text), text
    first = "The network is (better|worse|not distinguishable)( than| from)? a classifier of the "
    assert re.match(first + "covariates alone", text), text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("of_covariates", "of_images", "said"),
    [(0.0, 3.0, "The images carry the AUC"), (2.0, 2.0, "both carry the AUC")],
)
def test_a_fit_names_what_carries_the_auc(of_covariates, of_images, said, tmp_path, monkeypatch):
    monkeypatch.setitem(rules._STEPS, 2, 150)
    table = write_covariate_table(
        tmp_path / "data", cases=240, of_covariates=of_covariates, of_images=of_images
    )
    call(*words_of(tmp_path, table))
    metrics = json.loads((tmp_path / "fit" / "metrics.json").read_text())
    assert said in metrics["verdict"], metrics["verdict"]
