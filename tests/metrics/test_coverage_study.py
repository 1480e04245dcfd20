"""The coverage study of docs/results: its page and CSV agree, its claims hold in the CSV, and cells
come out again.
"""

from __future__ import annotations

import csv
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from medmonai.metrics import auc_interval

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
SPEC = importlib.util.spec_from_file_location(
    "simulate_coverage", ROOT / "scripts" / "simulate_coverage.py"
)
study = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(study)
COUNTS = [(390, 234), (64, 246), (43, 339), (114, 42)]


@pytest.fixture(scope="module")
def rows():
    with study.CSV.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def cells(rows):
    found = {}
    for r in rows:
        key = (r["study"], int(r["positives"]), int(r["negatives"]), float(r["auc"]))
        found.setdefault(key, {})[r["method"]] = r
    return found


def default_method():
    return auc_interval([0, 0, 1, 1], [1, 3, 2, 4]).method


def coverage(cell, method):
    return float(cell[method]["coverage"])


def test_the_page_shows_the_csv(rows):
    page = study.PAGE.read_text(encoding="utf-8")
    assert study.fill(page, rows) == page
    for table in study.tables(rows).values():
        assert table in page


def test_all_cells_are_there_with_enough_repetitions(rows, cells):
    expected = {("binormal", *counts, auc) for counts in COUNTS for auc in study.AUCS}
    assert {key for key in cells if key[0] == "binormal"} == expected
    assert {key[0] for key in cells} == {
        "binormal",
        *study.SHAPES,
        *(f"clusters_{k}" for k in range(len(study.CLUSTERS))),
    }
    assert all(int(r["repetitions"]) >= 2000 for r in rows)


def test_the_default_covers_what_the_page_claims(cells):
    default = default_method()
    for key, cell in cells.items():
        assert coverage(cell, default) >= coverage(cell, "logit_delong"), key
        if key[0] == "binormal":
            error = float(cell[default]["mc_error"])
            assert 0.93 <= coverage(cell, default) <= 0.97 + 2 * error, key
            assert (
                abs(coverage(cell, default) - 0.95)
                <= abs(coverage(cell, "wald") - 0.95) + 2 * error
            ), key
        if key[0].startswith("clusters"):
            assert coverage(cell, default) > coverage(cell, "cluster_bootstrap"), key


def test_the_sentences_of_the_docstring(cells):
    cell = cells["binormal", 43, 339, 0.985]
    said = re.search(
        r"binormal: (\.\d\d), (\.\d\d) and (\.\d\d) of nominal",
        " ".join(auc_interval.__doc__.split()),
    )
    for method, value in zip((default_method(), "logit_delong", "wald"), said.groups()):
        assert coverage(cell, method) == pytest.approx(float(value), abs=0.006)


def test_newcombes_interval_by_its_equation():
    a, m, n = np.array([0.9, 0.6]), 30, 40
    for end in study.newcombe(a, m, n):
        star = (m + n) / 2 - 1
        variance = (
            end * (1 - end) * (1 + star * (1 - end) / (2 - end) + star * end / (1 + end)) / (m * n)
        )
        np.testing.assert_allclose(abs(a - end), study.Z * np.sqrt(variance), rtol=1e-6)


@pytest.mark.parametrize("auc", [0.7, 0.99])
def test_the_study_is_of_the_packages_intervals(auc):
    rng = np.random.default_rng(0)
    sets = [study.draw("binormal", 12, 30, auc, rng) for _ in range(40)]
    found = study.closed_ends(sets[0][0], np.stack([scores for _, scores in sets], axis=1))
    for method in study.CLOSED:
        for (y_true, y_score), low, high in zip(sets, *found[method]):
            interval = auc_interval(y_true, y_score, method=method)
            assert (low, high) == pytest.approx((interval.low, interval.high), abs=1e-12)


@pytest.mark.parametrize("shape", ["binormal", *study.SHAPES])
@pytest.mark.parametrize("auc", [0.85, 0.985])
def test_scores_have_the_auc_they_are_said_to_have(shape, auc):
    interval = auc_interval(
        *study.draw(shape, 40_000, 40_000, auc, np.random.default_rng(0)), confidence=0.999
    )
    assert interval.low < auc < interval.high


def simulated(found):
    return {r["method"]: (float(r["coverage"]), float(r["mc_error"])) for r in found}


@pytest.mark.slow
@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("auc", [0.85, 0.985])
def test_cells_come_out_again(cells, counts, auc):
    found = simulated(
        study.simulate_independent("binormal", *counts, auc, 2000, resampled=400, seed=1)
    )
    for method, (value, error) in found.items():
        old = cells[("binormal", *counts, auc)][method]
        assert value == pytest.approx(
            float(old["coverage"]), abs=4 * np.hypot(error, float(old["mc_error"])) + 1e-3
        ), method
    assert found[default_method()][0] >= found["logit_delong"][0] > found["wald"][0] - 0.01
    assert 0.93 - 2 * 0.006 < found[default_method()][0] < 0.97 + 2 * 0.004


@pytest.mark.slow
def test_a_cell_of_patients_comes_out_again():
    found = simulated(study.simulate_clusters(1, 0.95, 800, seed=1))
    assert found[default_method()][0] > 0.915
    assert found[default_method()][0] > found["cluster_bootstrap"][0]
    assert found["logit_delong_t without groups"][0] < 0.88
