"""The cells of the coverage study: their populations have the truths they are said to have, and a
seed repeats them.
"""

from __future__ import annotations

import numpy as np
import pytest
from metric_study import VESSEL, cells, measures, populations, separated, several, study

from medmonai import metrics

SMALL = [cells.Cell("net_benefit", VESSEL, 3), cells.Cell("ranking", VESSEL, 2)]


@pytest.mark.parametrize("auc", [0.85, 0.985])
@pytest.mark.parametrize("sharpness", [1.0, 2.0])
def test_the_closed_forms_are_true(auc, sharpness):
    design, big = populations.Binormal(43, 339, auc), populations.Binormal(43_000, 339_000, auc)
    y_true, noise, _ = big.draw(np.random.default_rng(1))
    p = design.probabilities(y_true, noise[:, 0], sharpness=sharpness)
    scores = np.stack([1 - p, p], axis=1)
    truth = populations.calibration_truth(design, sharpness)
    for name, metric, error in (
        ("brier", metrics.brier_score_loss, 1e-3),
        ("nll", metrics.negative_log_likelihood, 4e-3),
        ("ece", metrics.expected_calibration_error, 2e-3),
    ):
        assert metric(y_true, scores, populations.BINARY) == pytest.approx(truth[name], abs=error)
    assert truth["calibration_error"] >= truth["ece"] - 1e-9
    ranking = populations.ranking_truth(design)
    assert metrics.average_precision_score(y_true, p) == pytest.approx(
        ranking["average_precision"], abs=5e-3
    )
    assert metrics.partial_auc_score(y_true, p, max_fpr=0.1) == pytest.approx(
        ranking["partial_auc"], abs=4e-3
    )
    if sharpness == 1:
        benefit = [
            populations.net_benefit_truth(design, threshold) for threshold in measures.THRESHOLDS
        ]
        assert metrics.net_benefit(y_true, p, measures.THRESHOLDS)[0] == pytest.approx(
            benefit, abs=2e-3
        )
        for rule in measures.RULES:
            decided = p > design.point(rule).thresholds[0]
            truth = populations.decision_truth(design, rule)
            assert decided[y_true == 1].mean() == pytest.approx(truth["recall"], abs=6e-3)
        positive = p[y_true == 1]
        points = [
            (positive > np.quantile(p[y_true == 0], 0.9)).mean(),
            y_true[p >= np.median(positive)].mean(),
        ]
        truths = [
            populations.curve_truth(design, *place)
            for place in (("roc", 0.1), ("precision_recall", 0.5))
        ]
        assert points == pytest.approx(truths, abs=6e-3)


@pytest.mark.parametrize("mixed", [False, True])
def test_patients_have_the_truth_of_independent_cases(mixed):
    design = populations.Binormal(60, 240, 0.9, patients=20_000, mixed=mixed)
    y_true, noise, groups = design.draw(np.random.default_rng(2), models=2)
    assert y_true.mean() == pytest.approx(0.2, abs=0.01)
    np.testing.assert_allclose(noise.std(axis=0), 1, atol=0.02)
    assert np.corrcoef(noise.T)[0, 1] == pytest.approx(populations.BETWEEN_MODELS, abs=0.02)
    first = np.flatnonzero(groups[1:] == groups[:-1])
    assert np.corrcoef(noise[first, 0], noise[first + 1, 0])[0, 1] == pytest.approx(0.5, abs=0.03)
    assert (y_true[first] != y_true[first + 1]).any() == mixed


@pytest.mark.parametrize("design", cells.SEVERAL, ids=lambda design: design.kind)
def test_several_classes_are_drawn_as_said(design):
    calibrated = several.Several(
        design.kind, design.counts, design.n, design.distance, sharpness=1.0
    )
    table = calibrated.draw(np.random.default_rng(3), 100_000)
    share = table.task.one_hot(table.y_true).mean(axis=0)
    np.testing.assert_allclose(share, np.array(design.counts) / design.n, atol=0.006)
    assert metrics.expected_calibration_error(table.y_true, table.y_score, table.task) < 0.012
    decided = table.y_score.argmax(axis=1) if table.task.exclusive else None
    # every class is decided: precision is defined
    assert decided is None or set(decided) == set(range(len(design.counts)))


@pytest.mark.parametrize(
    "design", [cells.SEPARATED[0], cells.SEPARATED[4]], ids=lambda design: design.task.kind
)
def test_separated_classes_have_the_truth_of_a_large_table(design):
    table = design.draw(np.random.default_rng(4), 200_000)
    found = metrics.summarize_decisions(
        table, metrics.default_operating_point(design.task), repetitions=2
    )["overall"]
    truth = separated.separated_truth(design)
    assert {name: entry["estimate"] for name, entry in found.items()} == pytest.approx(
        truth, abs=4e-3
    )
    if design.task.kind != "binary":
        auc = metrics.macro_auc_score(table.y_true, table.y_score, design.task)
        assert separated.separated_auc(design, 300_000) == pytest.approx(auc, abs=1e-3)


def test_a_tally_by_hand():
    tally = cells.Tally(0.5)
    for low, high in ((0.4, 0.6), (0.6, 0.9), (0.1, 0.4), (0.5, 0.5), (None, None)):
        tally.add({"estimate": 0.5, "low": low, "high": high, "method": "m"})
    row = tally.row()
    assert [
        float(row[name]) for name in ("coverage", "truth_below", "truth_above", "without_ends")
    ] == [0.5, 0.25, 0.25, 0.2]
    assert (
        float(row["mean_width"]) == pytest.approx(0.2)
        and row["repetitions"] == "5"
        and row["rejected"] == ""
    )


def test_a_cell_comes_again_with_its_seed_and_changes_with_another():
    cell = cells.Cell("calibration", VESSEL, 3)
    assert cell.rows() == cell.rows() != cell.rows(seed=1)


def test_a_study_that_was_broken_off_goes_on(tmp_path, capsys):
    path = tmp_path / "study.csv"
    study.simulate(path, SMALL[1:])
    study.simulate(path, SMALL)
    assert "ranking" not in capsys.readouterr().out.partition("\n")[2]
    # in the order of the study
    assert [row["study"] for row in study.read_rows(path)] == ["net_benefit"] * 4 + ["ranking"] * 2
    study.simulate(path, SMALL[:1], repetitions=2, again=True)
    assert [row["repetitions"] for row in study.read_rows(path)] == ["2"] * 4 + ["2"] * 2
