"""Models adapted to a site: every kind of task, 2D and 3D, and what every consumer then decides."""

from __future__ import annotations

import csv
import hashlib
import json

import numpy as np
import pytest
from fit_commands import call
from mean_bundles import KINDS, bundle, sigmoid, site

from medmonai.deployment import export_model, load_model, predict
from medmonai.metrics import Temperature, apply_temperature, decide
from medmonai.predictions import read_predictions
from medmonai.sites import adapt


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("size", [(8, 8), (6, 6, 4)], ids=["2D", "3D"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_darker_site_has_a_decision_of_its_own(kind, size, tmp_path):
    model = bundle(tmp_path / "model", kind, size=size)
    before = contents(model)
    table = site(tmp_path / "site", kind, size=size, darker=0.15)
    options = {} if size == (8, 8) else {"images": str(tmp_path / "site")}
    found = adapt(model, table, output=tmp_path / "adapted", **options)
    assert contents(model) == before
    record = json.loads((tmp_path / "adapted" / "adaptation.json").read_text())
    assert (record["cases"]["n"], record["cases"]["n_groups"]) == (120, 60)
    old, new = (record[when]["calibration"]["nll"]["estimate"] for when in ("before", "after"))
    assert new < old
    after = load_model(tmp_path / "adapted")
    assert (after.point, after.temperature) == (found.after.point, found.after.temperature)
    assert after.temperature.chosen_on == "adaptation" and after.temperature.n == 120
    if kind in ("multiclass", "ordinal"):
        assert record["comparison"] is None and after.point.thresholds == ()
    else:
        # a shift of .15 in the mean is one of 1.2 in the logit: half of it moves sensitivity far
        assert after.point.thresholds[0] < 0.4
        assert record["comparison"]["difference"] > 0


def test_every_consumer_decides_at_the_new_point(tmp_path):
    model = bundle(tmp_path / "model", "binary")
    table = site(tmp_path / "site", "binary", darker=0.15)
    adapt(model, table, output=tmp_path / "adapted")
    others = site(tmp_path / "others", "binary", darker=0.15, n=30, name="others.csv", seed=5)
    loaded = load_model(tmp_path / "adapted")
    cases = list(predict(tmp_path / "adapted", others))
    raw = list(predict(model, others))
    p = np.array([case.probabilities[1] for case in raw])
    assert [case.decision for case in cases] == [
        "sick" if value > loaded.point.thresholds[0] else "well" for value in p
    ]
    assert [case.decision for case in cases] != [case.decision for case in raw]
    z = np.log(p / (1 - p)) / loaded.temperature.temperature + loaded.temperature.bias[0]
    np.testing.assert_allclose([case.probabilities[1] for case in cases], sigmoid(z), atol=1e-6)
    (tmp_path / "one").mkdir()
    export_model(tmp_path / "adapted", tmp_path / "one" / "model.pt")
    exported = list(predict(tmp_path / "one" / "model.pt", others))
    assert [case.decision for case in exported] == [case.decision for case in cases]
    np.testing.assert_allclose(
        [case.probabilities for case in exported],
        [case.probabilities for case in cases],
        atol=1e-5,
    )


def test_the_command_shows_both_points_and_what_to_do_next(tmp_path):
    model = bundle(tmp_path / "model", "binary")
    table = site(tmp_path / "site", "binary", darker=0.15)
    words = ["adapt", model, "--table", table, "--output", tmp_path / "adapted"]
    done = call(*words, "--rule", "sensitivity=0.9", "--width", "0.2")
    for said in (
        "120 cases of 60 patients",
        "| threshold chosen on | no cases (0.5) | 120 cases of the site (sensitivity 0.9) |",
        "difference +",
        "For an interval of 0.2 from end to end",
        "cross-fitted in 10 folds",
        "not for clinical use",
    ):
        assert said in done.output
    text = (tmp_path / "adapted" / "adaptation.md").read_text()
    assert text.strip() in done.output
    table = read_predictions(tmp_path / "adapted" / "predictions_adaptation.csv")
    point = load_model(tmp_path / "adapted").point
    assert (decide(table, point)[table.labels == 1] == 1).mean() >= 0.9
    with open(tmp_path / "adapted" / "adapted_cases.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["image"] for row in rows}) == 120
    assert {row["patient"] for row in rows} == set(table.groups.tolist())
    # again, into the same folder: nothing is written over
    before = contents(tmp_path / "adapted")
    assert "exists; name a new folder" in str(call(*words, code=1).exception)
    assert contents(tmp_path / "adapted") == before


def test_without_an_output_it_lies_beside_the_model(tmp_path):
    model = bundle(tmp_path / "model", "binary")
    table = site(tmp_path / "site", "binary")
    assert "model_adapted" in call("adapt", model, "--table", table).output
    assert load_model(tmp_path / "model_adapted").point.chosen_on == "adaptation"
    assert "model_adapted exists" in str(call("adapt", model, "--table", table, code=1).exception)


def test_an_adapted_model_is_not_adapted_again(tmp_path):
    model = bundle(tmp_path / "model", "binary")
    table = site(tmp_path / "site", "binary")
    adapt(model, table, output=tmp_path / "adapted")
    for name in ("adapted", "adapted/model"):
        with pytest.raises(ValueError, match="was adapted already; name the model that it was"):
            adapt(tmp_path / name, table, output=tmp_path / "again")


def test_what_cannot_be_adapted_is_refused_and_leaves_nothing(tmp_path):
    model = bundle(tmp_path / "model", "binary")
    good = site(tmp_path / "site", "binary")
    few = site(tmp_path / "few", "binary", n=40, name="few.csv")
    flipped = tmp_path / "site" / "flipped.csv"
    exchanged = {"well": "sick", "sick": "well"}
    lines = good.read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    flipped.write_text(
        "\n".join([lines[0], *(f"{a},{exchanged[b]},{c}" for a, b, c in rows)]) + "\n"
    )
    other = tmp_path / "site" / "other.csv"
    other.write_text(good.read_text().replace("sick", "ill"))
    (tmp_path / "model.onnx").write_bytes(b"")
    for source, table, output, said in (
        (model, few, "new", "few.csv: too few patients"),
        (model, flipped, "new", "ranks these cases the wrong way round"),
        (model, other, "new", "The model's classes are well, sick; write these names"),
        (model, tmp_path / "none.csv", "new", "none.csv does not exist"),
        (model, good, "missing/new", "create it first"),
        (model, good, "model/new", "lies inside the model"),
        (tmp_path / "site", good, "new", "holds no model"),
        (tmp_path / "model.onnx", good, "new", "name the folder that it was exported from"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=said):
            adapt(source, table, output=tmp_path / output)
        assert not (tmp_path / output).exists()
    with pytest.raises(ValueError, match=r"all rows of site\.csv are used; remove the option"):
        adapt(model, good, output=tmp_path / "new", split_column="patient")
    assert not list(tmp_path.glob(".medmonai-adapt-*"))


def test_an_unreadable_image_is_named_or_left_out_on_request(tmp_path):
    model = bundle(tmp_path / "model", "binary")
    table = site(tmp_path / "site", "binary")
    (tmp_path / "site" / "site_007.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    with pytest.raises(ValueError, match=r"1 of 120 images cannot be read, first site_007\.png"):
        adapt(model, table, output=tmp_path / "adapted")
    found = adapt(model, table, output=tmp_path / "adapted", skip_unreadable=True)
    assert found.record["cases"]["n"] == 119 and list(found.record["unreadable"]) == [
        "site_007.png"
    ]


def test_values_of_the_table_may_stand_for_classes(tmp_path):
    model = bundle(tmp_path / "model", "binary")
    table = site(tmp_path / "site", "binary")
    plain = adapt(model, table, output=tmp_path / "plain")
    table.write_text(table.read_text().replace("sick", "1").replace("well", "0"))
    named = {"0": "well", "1": "sick"}
    found = adapt(model, table, output=tmp_path / "named", class_names=named)
    assert found.after == plain.after


def test_the_rule_is_that_of_the_model_unless_another_is_named(tmp_path):
    model = bundle(tmp_path / "model", "binary")
    decision = {
        "class_names": ["well", "sick"],
        "operating_point": {
            "thresholds": [0.3],
            "rule": "specificity=0.9",
            "chosen_on": "validation",
            "n": 50,
        },
        "temperature": Temperature(2.0, (0.5,), 50).as_dict(),
    }
    (model / "models" / "decision.json").write_text(json.dumps(decision))
    table = site(tmp_path / "site", "binary", darker=0.1)
    found = adapt(model, table, output=tmp_path / "adapted")
    assert found.after.point.rule == "specificity=0.9" and found.before.point.thresholds == (0.3,)
    scores = found.cases.table
    before = apply_temperature(scores, Temperature(2.0, (0.5,), 50))
    nll = -np.log(before.y_score[np.arange(120), scores.labels]).mean()
    assert found.record["before"]["calibration"]["nll"]["estimate"] == pytest.approx(nll)
    old = decide(scores, found.before.point)
    recall = (old[scores.labels == 1] == 1).mean()
    shown = found.record["before"]["decisions"]["overall"]["recall"]["estimate"]
    assert shown == pytest.approx(recall)
