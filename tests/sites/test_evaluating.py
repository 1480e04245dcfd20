"""Models evaluated on images of a site, without the cases that they have used."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from fit_commands import call
from mean_bundles import bundle, site

from medmonai.deployment import load_model, write_training_values
from medmonai.metrics import apply_temperature, decide
from medmonai.predictions import read_predictions, write_predictions
from medmonai.sites import adapt, evaluate_site, list_labeled, measure


def fit_of(folder, *, size=(8, 8)):
    """A folder like that of a fit: a model, the cases it learned from, and its test table."""
    bundle(folder / "model", "binary", size=size)
    model = load_model(folder / "model")
    decision = {
        "class_names": list(model.class_names),
        "operating_point": model.point.as_dict(),
        "temperature": model.temperature.as_dict(),
    }
    (folder / "model" / "models" / "decision.json").write_text(json.dumps(decision))
    learned = site(folder / "learned", "binary", n=60, size=size, name="learned.csv", seed=3)
    tested = site(folder / "tested", "binary", n=200, size=size, name="tested.csv", seed=4)
    options = {} if len(size) == 2 else {"images": str(folder / "learned")}
    cases = measure(model, list_labeled(learned, model, options))
    options = {} if len(size) == 2 else {"images": str(folder / "tested")}
    test = measure(model, list_labeled(tested, model, options))
    write_predictions(test.table, folder / "predictions_test.csv")
    (folder / "members" / "0").mkdir(parents=True)
    with open(folder / "members" / "0" / "cases.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["split", "id", "digest"])
        writer.writerows(("train", name, one) for name, one in zip(cases.table.ids, cases.digests))
    write_training_values(cases.values, folder / "model" / "models" / "training_values.json")
    (folder / "fit.json").write_text(json.dumps({"division": {"kind": "folds"}}))
    return folder


@pytest.fixture(scope="module")
def fit(tmp_path_factory):
    return fit_of(tmp_path_factory.mktemp("of") / "fit")


@pytest.fixture(scope="module")
def adapted(fit, tmp_path_factory):
    """An adapted model, and the table it was adapted on, with its images."""
    folder = tmp_path_factory.mktemp("adapted")
    table = site(folder / "site", "binary", darker=0.15)
    adapt(fit, table, output=folder / "model")
    return folder / "model", table


def split_of(folder):
    return json.loads((folder / "metrics.json").read_text())["splits"]["test"]


def test_an_adapted_model_is_evaluated_at_its_point_and_compared_with_its_training(
    adapted, tmp_path
):
    model, _ = adapted
    table = site(tmp_path / "new", "binary", darker=0.15, n=150, name="new.csv", seed=8)
    evaluation = evaluate_site(model, table, output=tmp_path / "out")
    loaded = load_model(model)
    split = split_of(tmp_path / "out")
    assert split["n"] == 150 and split["left_out"] == {}
    locked = split["decisions"]["locked"]
    assert locked["operating_point"] == loaded.point.as_dict()
    scores = read_predictions(tmp_path / "out" / "predictions_test.csv")
    right = (decide(scores, loaded.point) == scores.labels).mean()
    assert locked["overall"]["accuracy"]["estimate"] == pytest.approx(right)
    calibrated = apply_temperature(scores, loaded.temperature)
    nll = -np.log(calibrated.y_score[np.arange(150), scores.labels]).mean()
    assert split["calibration"]["after"]["nll"]["estimate"] == pytest.approx(nll)
    assert evaluation.metrics["shift"]["inputs"]["brightness"]["p_holm"] < 0.001
    assert split["shift"]["inputs"]["size, height"]["p_value"] == 1
    assert split["shift"]["auc"]["AUC"]["p_value"] > 0.01
    assert not split["shift"]["missing"] and not split["shift"]["by_single_members"]
    page = call("report", tmp_path / "out").output
    html = (tmp_path / "out" / "report.html").read_text()
    assert "Shift from the training" in html and "adaptation cases of a site" in html and page


def test_cases_of_the_adaptation_are_left_out_by_image_id_and_patient(adapted, tmp_path):
    model, old = adapted
    rows = list(csv.reader(old.open(newline="")))
    table = site(tmp_path / "new", "binary", darker=0.15, n=100, name="new.csv", seed=8)
    new = list(csv.reader(table.open(newline="")))
    folder = tmp_path / "new"
    shutil.copy(old.parent / rows[1][0], folder / "another_name.png")
    new[1] = ["another_name.png", rows[1][1], "patient of his own"]  # the same image
    shutil.copy(folder / new[2][0], folder / rows[2][0])
    new[2][0] = rows[2][0]  # the same id, another image
    new[3][2] = rows[9][2]  # the same patient
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(new)
    words = ["evaluate", table, "--model", model]
    said = call(*words, "--output", tmp_path / "out").output
    assert split_of(tmp_path / "out")["n"] == 97
    assert "1 case was left out: the image is one that the model was adapted on." in said
    assert "1 case was left out: the model was adapted on a case with this id." in said
    assert "1 case was left out: the model was adapted on another image of the patient." in said
    # names of another hospital mean nothing, but the same image is the same image
    call(*words, "--output", tmp_path / "other", "--other-hospital")
    split = split_of(tmp_path / "other")
    assert split["n"] == 99
    assert split["left_out"] == {"the image is one that the model was adapted on": 1}


def test_the_very_cases_of_the_adaptation_are_refused(adapted, tmp_path):
    model, table = adapted
    for other in (False, True):
        with pytest.raises(ValueError, match="none of the 120 cases may be evaluated"):
            evaluate_site(model, table, output=tmp_path / "out", other_hospital=other)
    assert not (tmp_path / "out").exists()


def test_cases_that_the_networks_learned_from_are_left_out_and_not_adapted_on(fit, tmp_path):
    learned = fit / "learned" / "learned.csv"
    with pytest.raises(ValueError, match="60: the model has learned from the image"):
        evaluate_site(fit, learned, output=tmp_path / "out")
    with pytest.raises(ValueError, match=r"60 of 60 cases, first learned_000\.png, cannot be used"):
        adapt(fit, learned, output=tmp_path / "adapted")
    with pytest.raises(ValueError, match="the model has learned from the image"):
        adapt(fit / "model", learned, output=tmp_path / "adapted")


def test_volumes_are_compared_in_size_and_spacing(tmp_path):
    fit = fit_of(tmp_path / "fit", size=(6, 6, 4))
    table = site(tmp_path / "new", "binary", size=(6, 6, 4), n=60, name="new.csv", seed=8)
    words = ["evaluate", table, "--images", tmp_path / "new", "--model", fit]
    call(*words, "--output", tmp_path / "out")
    inputs = split_of(tmp_path / "out")["shift"]["inputs"]
    assert list(inputs) == [
        "brightness",
        "contrast",
        *(f"{what}, axis {axis}" for what in ("size", "spacing") for axis in (1, 2, 3)),
    ]
    assert all(inputs[f"spacing, axis {axis}"]["p_value"] == 1 for axis in (1, 2, 3))


def test_an_evaluation_is_kept_and_replaced_only_on_request(fit, tmp_path):
    table = site(tmp_path / "new", "binary", n=60, name="new.csv", seed=8)
    words = ["evaluate", table, "--model", fit, "--output", tmp_path / "out"]
    call(*words)
    before = (tmp_path / "out" / "metrics.json").stat().st_mtime_ns
    call(*words)
    assert (tmp_path / "out" / "metrics.json").stat().st_mtime_ns == before
    other = site(tmp_path / "more", "binary", n=80, name="more.csv", seed=9)
    words[1] = other
    assert "pass --overwrite" in str(call(*words, code=1).exception)
    call(*words, "--overwrite")
    assert split_of(tmp_path / "out")["n"] == 80
    words[-1] = fit
    assert "is the folder of a model" in str(call(*words, "--overwrite", code=1).exception)


def test_subgroups_are_those_of_the_metadata(fit, tmp_path):
    table = site(tmp_path / "new", "binary", n=60, name="new.csv", seed=8)
    (tmp_path / "sex.csv").write_text(
        "id,sex\n" + "".join(f"new_{i:03d}.png,{'fm'[i % 2]}\n" for i in range(60))
    )
    call(
        *("evaluate", table, "--model", fit, "--output", tmp_path / "out"),
        *("--metadata", tmp_path / "sex.csv", "--by", "sex"),
    )
    assert set(split_of(tmp_path / "out")["subgroups"]) == {"sex"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--validation", "v.csv"), "--validation v.csv is not for --model"),
        (("--rule", "f1"), "--rule f1 is not for --model"),
        (("--task", "ordinal"), "--task ordinal is not for --model"),
        (("--lable_column", "dx"), "--lable_column is not an option"),
    ],
)
def test_options_of_a_table_of_predictions_are_refused(words, said, fit, tmp_path):
    table = site(tmp_path / "new", "binary", n=40, name="new.csv", seed=8)
    done = call("evaluate", table, "--model", fit, "--output", tmp_path / "out", *words, code=1)
    assert said in str(done.exception)


@pytest.mark.parametrize("words", [("--images", "x"), ("--other-hospital",)])
def test_options_of_images_are_refused_without_a_model(words, fit, tmp_path):
    table = fit / "predictions_test.csv"
    done = call("evaluate", table, "--output", tmp_path / "out", *words, code=1)
    assert "is for --model" in str(done.exception)


def test_a_site_without_patients_says_so(fit, tmp_path):
    table = site(tmp_path / "new", "binary", n=60, name="new.csv", seed=8)
    unknown = "Patients of this site are not known, so each of its cases counts as one."
    words = ("--model", fit, "--label_column", "dx", "--output")
    assert unknown not in call("evaluate", table, *words, tmp_path / "with").output
    rows = list(csv.reader(table.open(newline="")))
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(row[:2] for row in rows)
    assert unknown in call("evaluate", table, *words, tmp_path / "without").output
