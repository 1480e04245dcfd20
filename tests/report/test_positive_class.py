"""Every AUC, recall, specificity, threshold and curve of a binary task names the class that it is
about.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from scored_tables import scored

from medmonai.bundle import describe
from medmonai.metrics import compare_tables
from medmonai.predictions import Predictions, write_predictions
from medmonai.report import (
    comparison_table,
    describe_evaluation,
    evaluate,
    evaluate_files,
    write_report,
)
from medmonai.report.tables import split_tables
from medmonai.visualize import (
    calibration_figure,
    decision_curve_figure,
    precision_recall_figure,
    roc_figure,
    score_distribution_figure,
)

NAMES = {"words": ("ohne Befund", "Karzinom"), "numbers": ("0", "1")}


@pytest.fixture(params=NAMES)
def names(request):
    return NAMES[request.param]


def named(table, names):
    return Predictions(table.ids, table.y_true, table.y_score, table.task, names, table.groups)


def tables_of(names, n=120):
    return [named(scored("binary", n, split=split), names) for split in ("test", "validation")]


def test_console_metrics_and_report(names, tmp_path):
    test, validation = tables_of(names)
    for name, table in (("test", test), ("val", validation)):
        write_predictions(table, tmp_path / f"{name}.csv")
    evaluation = evaluate_files(
        tmp_path / "test.csv", validation=tmp_path / "val.csv", output=tmp_path / "out"
    )
    assert (
        describe_evaluation(evaluation, tmp_path)
        .splitlines()[0]
        .endswith(f", n = 120, positive class: {names[1]})")
    )
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert [metrics["splits"][split]["positive_class"] for split in ("validation", "test")] == [
        names[1]
    ] * 2
    assert describe(metrics, tmp_path).splitlines()[0].endswith(f", positive class: {names[1]}")
    (page,) = write_report([tmp_path / "out"])
    html = page.read_text()
    lead = html.index(
        f'<p class="lead">Positive class: {names[1]}. AUC, recall (sensitivity), specificity and '
        "thresholds refer to it.</p>"
    )
    assert lead < html.index('<dl class="cards">') < html.index("<section")
    for tile in ("test AUC", "recall", "specificity"):
        assert f"<dt>{tile} of {names[1]}</dt>" in html
    for title in ("ROC curve", "Precision-recall curve", "Decision curve"):
        caption = html[html.index(f"<strong>{title}.</strong>") :].split("</p>")[0]
        assert caption.endswith(f"Positive class: {names[1]}.")


def test_every_table_of_the_report(names):
    test, validation = tables_of(names)
    metrics = evaluate(test, validation=validation).metrics
    made = {table.name: table for table in split_tables(metrics)}
    assert made["ranking"].rows[0][0] == names[1]
    for name in ("decisions", "fixed"):
        assert f" for {names[1]} (positive) against {names[0]}" in made[name].caption
    assert f", probability of {names[1]}, lower is better" in made["calibration"].caption


def test_every_figure(names):
    test, _ = tables_of(names)
    assert roc_figure(test).axes[0].get_ylabel() == f"sensitivity of {names[1]}"
    assert roc_figure({"a": test, "b": test}).axes[0].get_ylabel() == f"sensitivity of {names[1]}"
    assert (
        precision_recall_figure(test).axes[0].get_xlabel() == f"recall (sensitivity) of {names[1]}"
    )
    assert (
        decision_curve_figure(test).axes[0].get_xlabel() == f"threshold probability of {names[1]}"
    )
    assert score_distribution_figure(test).axes[0].get_xlabel() == f"score of {names[1]}"
    assert calibration_figure(test).axes[1].get_xlabel() == f"predicted probability of {names[1]}"


def test_a_comparison(names):
    test, _ = tables_of(names)
    other = named(scored("binary", 120, signal=0.5), names)
    found = compare_tables({"a": test, "b": other})
    assert found[0].positive_class == names[1]
    assert comparison_table(found).caption.startswith(
        f"Difference in AUC of {names[1]} on the same 120 test cases"
    )


@pytest.mark.parametrize("kind", ["multiclass", "multilabel", "ordinal"])
def test_several_classes_have_no_positive_one(kind):
    evaluation = evaluate(scored(kind, 120), validation=scored(kind, 120, split="validation"))
    assert evaluation.metrics["positive_class"] is None
    assert "positive class" not in describe_evaluation(evaluation, ".")
    assert next(split_tables(evaluation.metrics)).rows[0][0] == "macro, one vs rest"
    assert "of" not in roc_figure(evaluation.test).axes[0].get_ylabel()


def test_a_table_that_ranks_the_wrong_way_round_is_asked_about_its_columns():
    table, _ = tables_of(NAMES["words"])
    wrong = Predictions(table.ids, 1 - table.y_true, table.y_score, table.task, table.class_names)
    lines = describe_evaluation(evaluate(wrong), ".").splitlines()
    assert lines[1] == (
        "  the AUC is below chance. Check that label 0 is ohne Befund and label 1 is Karzinom, "
        "as the order of the score columns says."
    )
    assert not any(
        "below chance" in line for line in describe_evaluation(evaluate(table), ".").splitlines()
    )
    assert np.array_equal(wrong.y_true, 1 - table.y_true)
