"""The evaluation of a table: nothing is chosen on test, and every kind of task."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit
from scored_tables import TASKS, scored

from medmonai.metrics import (
    apply_temperature,
    choose_operating_point,
    decide,
    fit_temperature,
    subgroup_summary,
    summarize_decisions,
    summarize_ranking,
)
from medmonai.predictions import Predictions
from medmonai.report import evaluate, evaluation_figures, split_tables, write_evaluation
from medmonai.report.tables import subgroup_table


@pytest.mark.parametrize("kind", list(TASKS))
def test_every_kind_of_task_with_and_without_validation(kind, tmp_path):
    test, validation = scored(kind), scored(kind, 200, split="val")
    for held in (None, validation):
        evaluation = evaluate(test, validation=held)
        metrics = evaluation.metrics
        assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
        assert (
            metrics["n"] == 300
            and metrics["auc"]["low"] < metrics["auc"]["estimate"] < metrics["auc"]["high"]
        )
        assert ("locked" in metrics["decisions"]) == (
            held is not None and kind in ("binary", "multilabel")
        )
        assert (metrics["calibration"]["after"] is not None) == (held is not None)


def test_threshold_and_temperature_are_those_of_validation():
    test, validation = scored("binary"), scored("binary", 200, split="val")
    evaluation = evaluate(test, validation=validation, rule="sensitivity=0.9")
    point = choose_operating_point(validation, rule="sensitivity=0.9")
    assert evaluation.point == point and point.chosen_on == "validation"
    assert np.array_equal(evaluation.decided, decide(test, point))
    assert evaluation.metrics["decisions"]["locked"] == summarize_decisions(test, point)
    expected = apply_temperature(test, fit_temperature(validation))
    assert np.array_equal(evaluation.calibrated.y_score, expected.y_score)
    # Other test cases, the same threshold: nothing of the test table goes into it.
    assert (
        evaluate(scored("binary", seed=5), validation=validation, rule="sensitivity=0.9").point
        == point
    )


def test_one_table_for_both_is_refused():
    test = scored("binary")
    with pytest.raises(
        ValueError,
        match=r"300 cases are in both the test and the validation table \(test-000000, test-000001",
    ):
        evaluate(test, validation=test)
    with pytest.raises(ValueError, match="the validation table is of another task"):
        evaluate(test, validation=scored("ordinal", split="val"))
    logits = replace(
        scored("binary", split="val"), y_score=np.log(scored("binary", split="val").y_score) * 5
    )
    with pytest.raises(
        ValueError,
        match=r"the scores of the test table lie in \[0, 1\], those of the validation table do not",
    ):
        evaluate(test, validation=logits)
    by_patient = scored("binary", groups=True)
    with pytest.raises(ValueError, match=r"100 groups \(patients\) are in both"):
        evaluate(
            by_patient, validation=replace(scored("binary", split="val"), groups=by_patient.groups)
        )
    with pytest.raises(ValueError, match="the validation table has no y_true"):
        evaluate(test, validation=replace(scored("binary", split="val"), y_true=None))


def test_logits_of_another_tool_are_ranked_but_not_taken_for_probabilities():
    table = scored("binary")
    logits = replace(table, y_score=np.log(table.y_score) * 5)
    with pytest.warns(UserWarning, match="no probabilities"):
        metrics = evaluate(logits).metrics
    assert metrics["decisions"] == {} and metrics["calibration"] == {
        "before": None,
        "after": None,
        "temperature": None,
    }


def as_logits(table):
    """The same scores as another tool would leave them, before sigmoid or softmax."""
    multilabel = table.task.kind == "multilabel"
    return replace(table, y_score=logit(table.y_score) if multilabel else np.log(table.y_score) - 3)


@pytest.mark.parametrize("kind", list(TASKS))
def test_logits_with_a_validation_table_are_calibrated(kind, tmp_path):
    tables = scored(kind), scored(kind, 200, split="val")
    probabilities = evaluate(tables[0], validation=tables[1])
    logits = evaluate(as_logits(tables[0]), validation=as_logits(tables[1]))
    np.testing.assert_allclose(logits.uncalibrated.y_score, tables[0].y_score, atol=1e-12)
    np.testing.assert_allclose(
        logits.calibrated.y_score, probabilities.calibrated.y_score, atol=1e-6
    )
    ours, theirs = logits.metrics["calibration"], probabilities.metrics["calibration"]
    assert (ours["temperature"]["scores"], theirs["temperature"]["scores"]) == (
        "logits",
        "probabilities",
    )
    for stage in ("before", "after"):
        for name in ("ece", "brier", "nll"):
            for part in ("estimate", "low", "high"):
                assert ours[stage][name][part] == pytest.approx(theirs[stage][name][part], abs=1e-5)
    if kind in ("binary", "multilabel"):  # one logit, one probability: the same order
        assert logits.metrics["ranking"] == probabilities.metrics["ranking"]
        assert logits.metrics["auc"] == probabilities.metrics["auc"]
    else:
        assert logits.metrics["decisions"] == probabilities.metrics["decisions"]
    if kind in ("binary", "multiclass"):
        drawn = evaluation_figures(logits)
        assert {"calibration", "decision_curve", "scores"} <= drawn.keys()
        assert "calibration" in [table.name for table in split_tables(logits.metrics)]


def test_ranking_has_the_interval_of_every_class(tmp_path):
    evaluation = evaluate(scored("ordinal"), confidence=0.9, seed=3)
    metrics = evaluation.metrics
    assert metrics["ranking"] == summarize_ranking(scored("ordinal"), confidence=0.9)
    table = next(split_tables(metrics))
    own = metrics["ranking"]["per_class"]["class 2"]["partial_auc"]
    assert table.rows[3][-1] == f"{own['estimate']:.3f} ({own['low']:.3f} to {own['high']:.3f})"
    assert "90% intervals (AUC: logit DeLong t; the others: logit influence t)" in table.caption
    title = evaluation_figures(evaluation)["precision_recall"].legends[0].get_title().get_text()
    assert title == "average precision (90 % interval)"


def test_an_absent_class_is_said_not_guessed(tmp_path):
    table = scored("multiclass")
    kept = table.y_true != 3
    part = Predictions(
        table.ids[kept], table.y_true[kept], table.y_score[kept], table.task, table.class_names
    )
    with pytest.warns(UserWarning, match="class 3"):
        evaluation = evaluate(part)
    assert evaluation.metrics["class_auc"]["class 3"]["estimate"] is None
    assert "absent_class" in evaluation.metrics["auc"]["flags"]
    write_evaluation(evaluation, tmp_path)


@pytest.mark.parametrize("kind", ["binary", "multilabel", "multiclass"])
def test_what_is_undefined_is_said_once_with_the_thresholds_it_is_of(kind, tmp_path):
    table, validation = scored(kind), scored(kind, 200, split="val")
    scores = np.full_like(table.y_score, 0.3 / (table.task.num_classes - 1))
    scores[:, 0] = 0.7
    constant = replace(table, y_score=scores)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        evaluation = evaluate(constant, validation=validation)
        write_evaluation(evaluation, tmp_path)
    (said,) = [str(warning.message) for warning in caught if "undefined" in str(warning.message)]
    decided = evaluation.metrics["decisions"]
    places = (
        [
            point
            for point, found in decided.items()
            if (found["overall"].get("precision") or found["overall"]["mcc"])["estimate"] is None
        ]
        if kind == "binary"
        else []
    )
    wanted = "" if len(places) == len(decided) else f" (at {', '.join(places)})"
    assert kind != "binary" or (
        " precision," in said and wanted in said and said.count("precision") == 3
    ), said


def test_small_subgroups_of_several_classes_say_why_they_are_withheld():
    table = scored("multiclass")
    rows = subgroup_summary(table, np.where(np.arange(len(table)) < 290, "here", "there"))
    shown = subgroup_table("site", rows, task="multiclass")
    assert shown.header == ("site", "cases", "cases of the rarest class", "AUC", "recall")
    assert " to " in shown.rows[0][3] and shown.rows[1][1] == "10"
    assert shown.rows[1][3].startswith("withheld [too few cases") and shown.rows[1][4] == "withheld"


@pytest.mark.parametrize("validated", [False, True])
def test_scores_that_do_not_add_up_to_1_are_ranked_but_not_calibrated(validated, tmp_path):
    test, validation = (
        replace(table, y_score=np.clip(1.5 * table.y_score, 0, 1))
        for table in (scored("multiclass"), scored("multiclass", 200, split="val"))
    )
    with pytest.warns(UserWarning, match="instead of 1"):
        found = evaluate(test, validation=validation if validated else None)
    calibration = found.metrics["calibration"]
    assert (
        calibration["before"]["brier"]["estimate"]
        is calibration["after"]
        is calibration["temperature"]
        is None
    )
    assert found.metrics["auc"]["estimate"] > 0.5
    assert "overall" in found.metrics["decisions"]["default"]
    write_evaluation(found, tmp_path)
    assert not list((tmp_path / "figures").glob("calibration*")) + list(
        (tmp_path / "figures").glob("decision_curve*")
    )
    shown = next(table for table in split_tables(found.metrics) if table.name == "calibration")
    assert all(row[1] == "undefined" for row in shown.rows)
    assert "do not add up to 1" in shown.caption


def test_a_withheld_class_is_named_beside_the_mean_of_the_others():
    table = scored("multiclass")
    place = np.where((np.arange(len(table)) < 200) & (table.y_true != 1), "here", "there")
    shown = subgroup_table("site", subgroup_summary(table, place), task="multiclass")
    assert (
        shown.rows[0][3].endswith(f"(without {table.class_names[1]})")
        and " to " in shown.rows[0][4]
    )
    assert "means over the other classes" in shown.caption
