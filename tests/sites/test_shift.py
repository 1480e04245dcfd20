"""What differs between a site and the training is found, by patient, and named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medmonai.deployment import read_training_values, write_training_values
from medmonai.metrics import holm
from medmonai.predictions import Predictions
from medmonai.report.shift_section import shift_lines, shift_part
from medmonai.sites.measured import MeasuredCases
from medmonai.sites.shift import shift
from medmonai.sites.training_side import TrainingSide
from medmonai.task import Task


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def table(n, *, prevalence=0.5, distance=3.0, seed=0, a_patient=2, level=0.0):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < prevalence).astype(int)
    p = sigmoid(rng.normal(distance * (labels - 0.5)) + level)
    groups = np.array([f"{seed} {i // a_patient}" for i in range(n)])
    scores = np.stack([1 - p, p], 1)
    ids = [f"{seed} {i}" for i in range(n)]
    return Predictions(ids, labels, scores, Task("binary", 2), ("well", "sick"), groups=groups)


def measured(found, *, seed=1, members=2, **values):
    rng = np.random.default_rng(seed)
    n = len(found)
    columns = {"brightness": rng.normal(100, 10, n), "contrast": rng.normal(20, 3, n), **values}
    scores = np.stack([found.y_score] * members)
    nothing = np.full(n, "")
    return MeasuredCases(found, scores, nothing, nothing, columns, nothing, {})


def training(found, *, by_single_members=False, n=100, **values):
    rng = np.random.default_rng(7)
    columns = {"brightness": rng.normal(100, 10, n), "contrast": rng.normal(20, 3, n), **values}
    return TrainingSide(found, by_single_members, columns)


def test_nothing_is_found_between_equal_sites_and_what_differs_is():
    same = shift(training(table(200)), measured(table(160, seed=1)))
    rows = {**same["inputs"], **same["scores"]}
    assert list(rows) == [
        "brightness",
        "contrast",
        "score of sick, sick",
        "score of sick, not sick",
    ]
    assert min(row["p_holm"] for row in rows.values()) > 0.05
    assert same["auc"]["AUC"]["p_value"] > 0.05 and same["prevalence"]["sick"]["p_value"] > 0.05
    darker = measured(table(160, seed=1), brightness=np.random.default_rng(3).normal(80, 10, 160))
    found = shift(training(table(200)), darker)
    assert found["inputs"]["brightness"]["p_holm"] < 0.001
    assert found["inputs"]["contrast"]["p_holm"] > 0.05
    assert found["inputs"]["brightness"]["greater"]["estimate"] < 0.2
    lines = "\n".join(shift_lines({"shift": found}))
    assert "brightness: median" in lines and "contrast: median" not in lines


def test_p_values_are_corrected_over_inputs_and_scores_together():
    found = shift(training(table(200)), measured(table(160, seed=1)))
    rows = [*found["inputs"].values(), *found["scores"].values()]
    assert [row["p_holm"] for row in rows] == holm([row["p_value"] for row in rows])


def test_a_patient_counts_once():
    rng = np.random.default_rng(0)
    of_patients = rng.normal(100, 10, 20)
    few = table(200, seed=1, a_patient=10)
    number = np.unique(few.groups, return_inverse=True)[1]
    found = shift(training(table(200)), measured(few, brightness=of_patients[number]))
    row = found["inputs"]["brightness"]
    assert row["n_there"] == 20 and row["median_there"] == pytest.approx(np.median(of_patients))
    assert found["patients"] == {"here": 100, "there": 20}


@pytest.mark.parametrize("spacing", [0.7421875, float(np.float32(0.7)), 0.9765625])
def test_an_equal_spacing_is_no_shift(tmp_path, spacing):
    path = tmp_path / "values.json"
    write_training_values({"spacing, axis 1": np.full(100, spacing)}, path)
    side = TrainingSide(None, False, read_training_values(path))
    found = shift(side, measured(table(60), **{"spacing, axis 1": np.full(60, spacing)}))
    row = found["inputs"]["spacing, axis 1"]
    assert (row["distance"], row["p_value"]) == (0, 1)


def test_a_rarer_class_is_no_shift_of_scores():
    found = shift(training(table(400)), measured(table(400, seed=1, prevalence=0.1)))
    assert found["prevalence"]["sick"]["p_value"] < 0.001
    assert min(row["p_holm"] for row in found["scores"].values()) > 0.05
    assert found["auc"]["AUC"]["p_value"] > 0.05


def test_scores_that_move_are_a_shift_and_not_of_the_auc():
    found = shift(training(table(400)), measured(table(400, seed=1, level=2.0)))
    assert max(row["p_holm"] for row in found["scores"].values()) < 0.001
    assert found["auc"]["AUC"]["p_value"] > 0.05


def test_a_worse_ranking_is_found():
    found = shift(training(table(400)), measured(table(400, seed=1, distance=1.0)))
    row = found["auc"]["AUC"]
    assert row["high"] < 0 and row["p_value"] < 0.001


def test_each_patient_has_one_member_where_the_training_was_tested_so():
    cases = measured(table(100, seed=1), members=2)
    noise = np.random.default_rng(0).random(100)
    other = np.stack([1 - noise, noise], 1)
    cases = replace(cases, members=np.stack([cases.table.y_score, other]))
    whole = shift(training(table(200)), cases)
    single = shift(training(table(200), by_single_members=True), cases)
    assert single["auc"]["AUC"]["there"]["estimate"] < whole["auc"]["AUC"]["there"]["estimate"]
    assert "by single members" in shift_lines({"shift": single})[0]


def test_what_is_undefined_is_not_tested_and_warned_about():
    spacing = np.full(160, 0.5)
    spacing[3] = np.nan
    cases = measured(table(160, seed=1), **{"spacing, axis 1": spacing})
    here = training(table(200), **{"spacing, axis 1": np.full(50, 0.5)})
    said = r"not tested \(NaN\): spacing, axis 1 \(not a number in 1 of 80 there\)"
    with pytest.warns(UserWarning, match=said):
        found = shift(here, cases)
    row = found["inputs"]["spacing, axis 1"]
    assert row["p_value"] is None and row["p_holm"] is None
    assert found["inputs"]["brightness"]["p_holm"] is not None
    part = shift_part({"shift": found})
    shown = next(t for t in part["tables"] if t.name == "shift-distributions")
    assert any(one[0] == "spacing, axis 1" and "undefined" in one for one in shown.rows)


def test_a_site_of_one_class_has_no_auc_and_says_so():
    well = table(60, seed=1, prevalence=0.0)
    with pytest.warns(UserWarning) as said:
        found = shift(training(table(200)), measured(well))
    assert found["auc"]["AUC"]["difference"] is None
    assert any("AUC" in str(one.message) for one in said)
    assert any("score of sick, sick" in str(one.message) for one in said)
    assert "undefined" in "\n".join(shift_lines({"shift": found}))


def test_what_was_not_recorded_is_said():
    found = shift(TrainingSide(None, False, {}), measured(table(60, seed=1)))
    assert found["auc"] is None and found["inputs"] == {} and len(found["missing"]) == 2
    assert len(shift_part({"shift": found})["issues"]) == 2
    assert shift_part({}) == {}


@pytest.mark.parametrize("kind", ["multiclass", "ordinal", "multilabel"])
def test_every_class_has_its_scores(kind):
    rng = np.random.default_rng(0)
    names = ("a", "b", "c")

    def drawn(n, seed):
        labels = rng.integers(0, 2, (n, 3)) if kind == "multilabel" else np.arange(n) % 3
        scores = rng.dirichlet(np.ones(3), n)
        ids = [f"{seed} {i}" for i in range(n)]
        return Predictions(ids, labels, scores, Task(kind, 3), names)

    found = shift(training(drawn(90, 0)), measured(drawn(60, 1)))
    wanted = [f"score of {name}, {name}" for name in names]
    if kind == "multilabel":
        wanted = [f"score of {n}, {of}" for n in names for of in (n, f"not {n}")]
    assert list(found["scores"]) == wanted
    assert list(found["prevalence"]) == list(names) and list(found["auc"]) == ["AUC", *names]
    assert len(list(shift_part({"shift": found})["tables"])) == 3
