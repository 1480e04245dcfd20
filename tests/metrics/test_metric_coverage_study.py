"""The coverage study of the other intervals: page and CSV agree, claims hold, cells come again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from metric_study import VESSEL, cells, measures, page, study

from medmonai import metrics


@pytest.fixture(scope="module")
def rows():
    return study.read_rows(study.CSV)


@pytest.fixture(scope="module")
def found(rows):
    return {
        tuple(row[name] for name in ("study", "population", "variant", "metric")): row
        for row in rows
    }


def chosen(rows, **wanted):
    return [
        row
        for row in rows
        if row["coverage"]
        and all(
            value(row[name]) if callable(value) else row[name] == value
            for name, value in wanted.items()
        )
    ]


def coverages(rows, **wanted):
    return np.array([float(row["coverage"]) for row in chosen(rows, **wanted)])


def independent(population):
    return "patients" not in population


def test_the_page_shows_the_csv(rows):
    text = study.PAGE.read_text(encoding="utf-8")
    assert page.fill(text, rows) == text
    for name, table in page.tables(rows).items():
        assert f"<!-- {name} -->\n{table}\n<!-- end -->" in text


def test_every_cell_is_there_with_its_repetitions(rows):
    expected = {cell.key: cell.repetitions for cell in cells.all_cells()}
    assert {(row["study"], row["population"]) for row in rows} == set(expected)
    assert all(int(row["repetitions"]) == expected[row["study"], row["population"]] for row in rows)


def test_every_interval_that_is_printed_is_studied(rows):
    table = VESSEL.table(np.random.default_rng(0))
    printed = set(
        metrics.summarize_decisions(table, VESSEL.point("youden"), repetitions=5)["overall"]
    )
    printed |= set(metrics.summarize_calibration(table, repetitions=5)) - {"n", "bins"}
    printed |= set(metrics.summarize_ranking(table)["overall"])
    assert printed <= {row["metric"] for row in rows}
    for design in cells.SEVERAL:
        table = design.draw(np.random.default_rng(0))
        part = metrics.summarize_decisions(
            table, metrics.default_operating_point(design.task), repetitions=5
        )["overall"]
        printed = (
            set(part)
            | (set(metrics.summarize_calibration(table, repetitions=5)) - {"n", "bins"})
            | {"macro_auc"}
        )
        assert printed <= {
            row["metric"]
            for row in rows
            if row["population"] == design.name and row["variant"] == "overall"
        }


def test_numbers_of_a_row_belong_together(rows):
    for row in chosen(rows):
        below, above, value = (
            float(row[name]) for name in ("truth_below", "truth_above", "coverage")
        )
        assert below + above + value == pytest.approx(1, abs=2e-5)
        error = math.sqrt(
            value * (1 - value) / (int(row["repetitions"]) * (1 - float(row["without_ends"])))
        )
        assert float(row["mc_error"]) == pytest.approx(error, abs=2e-5)


def between(values, low, high):  # a range of the page, rounded: its ends are met
    assert values.min() == pytest.approx(low, abs=6e-4) and values.max() == pytest.approx(
        high, abs=6e-4
    )


def test_claims_on_decisions(rows):
    options = {"study": "decisions", "population": independent}
    between(coverages(rows, metric=lambda name: name in measures.SHARES, **options), 0.938, 0.965)
    others = np.sort(coverages(rows, metric=lambda name: name not in measures.SHARES, **options))
    between(others, 0.929, 0.979)
    odd = coverages(
        rows,
        study="decisions",
        population="43/339 0.985",
        variant="youden",
        metric="balanced_accuracy",
    )
    assert odd == others[-1:]
    metric = {
        "metric": lambda name: (
            not any(part in name for part in ("ece", "brier", "nll", "auc", "average_precision"))
        )
    }
    between(coverages(rows, study="several", **metric), 0.936, 0.977)
    between(coverages(rows, study="several", metric="quadratic_kappa"), 0.951, 0.951)


def test_claims_on_patients(rows):
    alone = {"study": "decisions", "metric": lambda name: "without groups" in name}
    known = {"study": "decisions", "metric": lambda name: "without groups" not in name}
    between(coverages(rows, population=lambda name: name.startswith("100"), **known), 0.929, 0.955)
    between(coverages(rows, population=lambda name: name.startswith("100"), **alone), 0.770, 0.932)
    assert coverages(rows, population="40 patients 0.85", **known).min() == pytest.approx(
        0.914, abs=6e-4
    )
    for row in chosen(rows, **alone):
        place = {name: row[name] for name in ("study", "population", "variant")}
        assert coverages(rows, metric=row["metric"].split()[0], **place)[0] > float(row["coverage"])


def test_claims_on_calibration(rows):
    losses = {"study": "calibration", "metric": {"brier", "nll"}.__contains__}
    between(coverages(rows, population=independent, **losses), 0.925, 0.963)
    between(coverages(rows, population=lambda name: name.startswith("100"), **losses), 0.910, 0.953)
    between(coverages(rows, population="40 patients 0.85", **losses), 0.920, 0.935)
    between(coverages(rows, study="calibration", variant="calibrated", metric="ece"), 0.907, 0.970)
    worst = [
        coverages(rows, study=study, variant=variant, metric=lambda name: name.endswith("ece"))
        for study, variant in (("calibration", "overconfident"), ("several", "overall"))
    ]
    between(np.concatenate(worst), 0.865, 0.938)
    between(coverages(rows, variant="overconfident", metric="calibration_error"), 0.787, 0.922)


def test_claims_on_separated_classes(rows):
    between(coverages(rows, study="separated", metric="balanced_accuracy"), 0.973, 0.993)
    between(coverages(rows, study="separated", metric="macro_auc"), 0.983, 0.993)
    assert coverages(rows, study="separated").min() >= 0.94
    assert max(float(row["flagged"]) for row in chosen(rows, study="separated")) > 0.9


def test_claims_on_ranking_benefit_and_bands(rows):
    between(coverages(rows, metric="average_precision"), 0.938, 0.966)
    few = chosen(rows, metric="partial_auc", population=lambda name: name.startswith("114/42"))
    between(
        coverages(
            rows, metric="partial_auc", population=lambda name: not name.startswith("114/42")
        ),
        0.943,
        0.970,
    )
    between(np.array([float(row["coverage"]) for row in few]), 0.901, 0.9045)
    between(
        np.array([float(row["mean_estimate"]) - float(row["truth"]) for row in few]), 0.006, 0.013
    )
    between(
        coverages(rows, study="net_benefit", population=lambda name: not name.startswith("40")),
        0.931,
        0.962,
    )
    between(coverages(rows, study="net_benefit", population="40 patients 0.85"), 0.906, 0.952)
    for variant, metric, value in (
        ("at 0.2", "roc_band", 0.535),
        ("at 0.4", "roc_band", 0.140),
        ("at 0.2", "precision_recall_band", 0.087),
    ):
        between(
            coverages(
                rows, population="43/339 0.985", study="curves", variant=variant, metric=metric
            ),
            value,
            value,
        )
    values = coverages(rows, study="curves")
    assert len(values) == 21 and (values < 0.92).sum() == 9
    between(values[values > 0.92], 0.948, 0.967)
    between(values[values < 0.92], 0.087, 0.915)


def test_claims_on_comparisons(rows):
    pairs = {"study": "comparison", "population": independent}
    between(coverages(rows, metric="auc", **pairs), 0.928, 0.957)
    between(coverages(rows, metric="accuracy", **pairs), 0.945, 0.961)
    between(
        coverages(rows, metric=lambda name: name in ("f1", "balanced_accuracy"), **pairs),
        0.938,
        0.949,
    )
    between(coverages(rows, metric="minus_brier"), 0.945, 0.959)
    worst = [
        coverages(rows, population="40 patients 0.9", metric=metric).min()
        for metric in ("auc", "balanced_accuracy")
    ]
    assert worst == pytest.approx([0.890, 0.914], abs=6e-4)


def test_claims_on_false_verdicts(rows):
    def refused(family, patients):
        return np.array(
            [
                float(row["rejected"])
                for row in rows
                if row["rejected"]
                and row["variant"] == "equal"
                and family == row["metric"].endswith("family")
                and patients == ("patients" in row["population"])
            ]
        )

    between(refused(False, False), 0.043, 0.062)
    between(refused(True, False), 0.035, 0.062)
    between(refused(False, True), 0.034, 0.076)
    between(refused(True, True), 0.012, 0.068)


AGAIN = [
    ("decisions", "43/339 0.985", 1000),
    ("decisions", "100 patients 0.85", 200),
    ("calibration", "64/246 0.85", 300),
    ("calibration", "100 patients 0.85", 300),
    ("ranking", "43/339 0.95", 1000),
    ("ranking", "114/42 0.85", 1000),
    ("net_benefit", "40 patients 0.85", 1000),
    ("curves", "43/339 0.985", 200),
    ("comparison", "64/246 0.9", 300),
    ("several", "ordinal 5 x 400", 200),
    ("separated", "339/43 shifted 1.5/4.0", 200),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "population", "repetitions"), AGAIN, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_cells_come_out_again(found, name, population, repetitions):
    (cell,) = (cell for cell in cells.all_cells() if cell.key == (name, population))
    for row in cell.rows(seed=1, repetitions=repetitions):
        old = found[name, population, row["variant"], row["metric"]]
        field = "coverage" if row["coverage"] else "rejected"
        value = float(old[field])
        spread = math.sqrt(
            max(value * (1 - value), 0.02) * (1 / repetitions + 1 / int(old["repetitions"]))
        )
        assert float(row[field]) == pytest.approx(value, abs=3.5 * spread), (
            row["variant"],
            row["metric"],
        )
