"""A study's summary: verdicts on shared seeds, selection by validation alone, folds, files."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from cell_folders import rows, study, table, write_cell

from medmonai.metrics import (
    average_seeds,
    compare_tables,
    holm,
    macro_auc_interval,
    macro_auc_score,
    seed_spread,
)
from medmonai.predictions import read_predictions
from medmonai.studies.cell import Cell
from medmonai.studies.cell_results import load_cell
from medmonai.studies.summary import summarize_study
from medmonai.studies.summary_writer import write_summary

ARMS = {"none": 1.0, "strong": 2.5, "weak": 0.1, "same": 1.0}


def test_numbers_and_verdicts(tmp_path):
    cells, folders = study(tmp_path, ARMS)
    summary = summarize_study(cells, folders, baseline="none")
    (bundle,) = summary.bundles
    assert (bundle.name, bundle.baseline, bundle.note) == ("one", "none", "")
    tables = {
        name: [table("test", ARMS[name], seed, arm=arm) for seed in (1, 2, 3)]
        for arm, name in enumerate(ARMS)
    }
    expected = {c.a: c for c in compare_tables(tables, against="none")}
    for name, v in zip(ARMS, bundle.variants):
        mean = average_seeds(tables[name])
        spread = seed_spread(tables[name])
        assert v.name == name and tuple(v.seeds) == v.expected == (1, 2, 3)
        assert v.test_spread == {
            **spread,
            "values": pytest.approx(spread["values"]),
            "mean": pytest.approx(spread["mean"]),
            "sd": pytest.approx(spread["sd"]),
            "min": pytest.approx(spread["min"]),
            "max": pytest.approx(spread["max"]),
        }
        own = macro_auc_interval(mean.y_true, mean.y_score, mean.task)
        assert (v.interval["estimate"], v.interval["low"], v.interval["n"]) == (
            pytest.approx(own.estimate),
            pytest.approx(own.low),
            300,
        )
        assert (v.balanced_accuracy, v.seconds, v.note) == (pytest.approx(0.8), 12.5, "")
        if name != "none":
            found = v.against_baseline
            assert (found.difference, found.p_value, found.p_holm, found.verdict) == (
                pytest.approx(expected[name].difference),
                pytest.approx(expected[name].p_value),
                pytest.approx(expected[name].p_holm),
                expected[name].verdict,
            )
            assert (found.seeds_a, found.seeds_b, v.compared_seeds) == (3, 3, (1, 2, 3))
    assert [v.against_baseline and v.against_baseline.verdict for v in bundle.variants] == [
        None,
        "better",
        "worse",
        "not distinguishable",
    ]
    assert summary.lines()[0] == "one (positive class: b):"
    assert "strong: test AUC" in summary.lines()[2] and "better" in summary.lines()[2]


def test_validation_alone_selects(tmp_path):
    arms = {
        "none": (1.0, 1.0),
        "good on validation": (2.5, 0.2),
        "as good": (2.5, 0.2),
        "good on test": (0.3, 3.0),
    }
    cells, folders = study(tmp_path, arms)
    (bundle,) = summarize_study(cells, folders, baseline="none").bundles
    assert bundle.selected in ("good on validation", "as good")
    other = next(name for name in ("good on validation", "as good") if name != bundle.selected)
    assert bundle.not_distinguishable == [other]
    assert bundle[bundle.selected].against_selected is None
    # test says so, and is not asked
    assert bundle[bundle.selected].against_baseline.verdict == "worse"
    assert bundle["good on test"].against_selected.verdict == "worse"
    for key in list(folders):  # other test tables, another result on test: the same selection
        cell = next(cell for cell in cells if cell.key == key)
        folders[key] = replace(
            load_cell(folders[key]), test=table("test", 1.0, cell.seed), test_auc=0.5
        )
    assert summarize_study(cells, folders, baseline="none").bundles[0].selected == bundle.selected


def test_seeds_that_both_have_are_compared(tmp_path):
    cells, folders = study(
        tmp_path, ARMS, without={("strong", 2), ("same", 1), ("same", 2), ("same", 3)}
    )
    (bundle,) = summarize_study(cells, folders, baseline="none").bundles
    strong = bundle["strong"]
    tables = {
        "strong": [table("test", 2.5, s, arm=1) for s in (1, 3)],
        "none": [table("test", 1.0, s) for s in (1, 3)],
    }
    alone = compare_tables(tables)[0]
    assert strong.compared_seeds == (1, 3) and strong.test_spread["n_seeds"] == 2
    assert strong.against_baseline.difference == pytest.approx(alone.difference)
    assert (strong.against_baseline.seeds_a, strong.against_baseline.seeds_b) == (2, 2)
    # "same" is no test of the family
    two = [bundle[name].against_baseline for name in ("strong", "weak")]
    assert [c.p_holm for c in two] == holm([alone.p_value, two[1].p_value])
    assert "2 of 3 seeds are finished" in strong.note and "on seed 1, 3 only" in strong.note
    assert (
        bundle["same"].interval,
        bundle["same"].against_baseline,
        bundle["same"].test_spread["mean"],
    ) == ({}, None, None)
    assert bundle.selected != "strong"  # the most finished seeds go first


def test_seeds_that_the_baseline_lacks_are_left_out(tmp_path):
    cells, folders = study(
        tmp_path,
        {"none": 1.0, "strong": 2.5, "other": 1.5},
        seeds=(1, 2),
        without={("none", 2), ("other", 1)},
    )
    (bundle,) = summarize_study(cells, folders, baseline="none").bundles
    found = bundle["strong"].against_baseline
    alone = compare_tables({"strong": table("test", 2.5, 1, arm=1), "none": table("test", 1.0, 1)})[
        0
    ]
    assert (bundle["strong"].compared_seeds, found.seeds_a, found.seeds_b) == ((1,), 1, 1)
    assert (found.difference, found.p_holm) == (
        pytest.approx(alone.difference),
        pytest.approx(alone.p_value),
    )
    assert bundle["strong"].note == "compared with 'none' on seed 1 only, which both have"
    assert (
        bundle["other"].against_baseline is None
        and "no finished seed in common with 'none'" in bundle["other"].note
    )


def test_without_a_finished_baseline_there_are_no_verdicts(tmp_path):
    cells, folders = study(tmp_path, {"none": 1.0, "flip": 1.5}, seeds=(1,), without={("none", 1)})
    (bundle,) = summarize_study(cells, folders, baseline="none").bundles
    assert bundle.baseline is None and bundle.selected == "flip"
    assert "baseline 'none' has no finished seed" in bundle.note
    assert all(v.against_baseline is None for v in bundle.variants)
    (bundle,) = summarize_study(cells, {}, baseline="none").bundles
    assert bundle.selected is None and "No seed is finished" in bundle.note
    assert "No baseline was named" in summarize_study(cells, folders, baseline=None).bundles[0].note


def test_holm_is_over_the_variants_of_one_bundle(tmp_path):
    cells, folders = study(tmp_path / "two", ARMS, bundles=("a/one", "b/one"), seeds=(1,))
    two = summarize_study(cells, folders, baseline="none").bundles
    assert [bundle.name for bundle in two] == ["a/one", "b/one"]
    assert [v.against_baseline and v.against_baseline.p_holm for v in two[0].variants] == [
        v.against_baseline and v.against_baseline.p_holm for v in two[1].variants
    ]


def test_other_test_cases_are_said_and_spoil_nothing_else(tmp_path):
    cells, folders = study(tmp_path, ARMS, seeds=(1,))
    write_cell(folders[cells[3].key], table("val", 1, 1), rows(table("test", 1, 1), np.arange(200)))
    (bundle,) = summarize_study(cells, folders, baseline="none").bundles
    assert (
        bundle["same"].against_baseline is None
        and "cannot be compared with 'none' on test" in bundle["same"].note
    )
    assert bundle["strong"].against_baseline.verdict == "better"


def fold_study(root, *, seeds=(1, 2), folds=3, without=()):
    cells, folders = [], {}
    for seed in seeds:
        whole = table("val", 1.5, seed)
        for fold in range(folds):
            cell = Cell("bundles/one", "none", seed, fold=fold, key=f"{seed}{fold}")
            cells.append(cell)
            if (seed, fold) not in without:
                part = rows(whole, np.arange(len(whole)) % folds == fold)
                folders[cell.key] = write_cell(
                    root / cell.folder_name, part, table("test", 1.5, seed, arm=fold)
                )
    return cells, folders


def test_folds_become_one_result_a_seed(tmp_path):
    cells, folders = fold_study(tmp_path, without={(2, 1)})
    summary = summarize_study(cells, folders, baseline=None)
    variant = summary.bundles[0]["none"]
    assert list(variant.seeds) == [1] and variant.folds == 3  # seed 2 lacks a fold
    whole, found = table("val", 1.5, 1), variant.seeds[1]
    assert sorted(found.validation.ids) == sorted(whole.ids)
    assert found.validation_auc == pytest.approx(
        macro_auc_score(whole.y_true, whole.y_score, whole.task)
    )
    mean = average_seeds([table("test", 1.5, 1, arm=fold) for fold in range(3)])
    np.testing.assert_allclose(found.test.y_score, mean.y_score)
    assert variant.seconds == 37.5
    write_summary(summary, tmp_path / "summary")
    written = tmp_path / "summary" / "predictions" / "one"
    oof, test = sorted(written.iterdir())
    assert (oof.name, test.name) == (
        "predictions_oof_none_seed1.csv",
        "predictions_test_none_seed1.csv",
    )
    np.testing.assert_array_equal(read_predictions(oof).y_score, found.validation.y_score)


def test_folds_that_overlap_are_refused(tmp_path):
    cells, folders = fold_study(tmp_path, seeds=(1,))
    write_cell(folders[cells[0].key], table("val", 1.5, 1), table("test", 1.5, 1))
    with pytest.raises(ValueError, match=r"case 'val-0001' is in the validation tables of 2 folds"):
        summarize_study(cells, folders, baseline=None)


def test_bad_calls(tmp_path):
    cells, folders = study(tmp_path, {"none": 1.0}, seeds=(1,))
    with pytest.raises(ValueError, match="baseline='nine' among 1 cells; the variants are 'none'"):
        summarize_study(cells, folders, baseline="nine")
    with pytest.raises(ValueError, match="metric='f1'"):
        summarize_study(cells, folders, baseline="none", metric="f1")
    with pytest.raises(ValueError, match="among 0 cells"):
        summarize_study([], {}, baseline="none")


def test_an_undefined_auc_is_null_in_json(tmp_path):
    test = table("test", 1, 1)
    positive = rows(test, test.y_true == 1)
    with pytest.warns(UserWarning, match=r"AUC undefined \(NaN\)"):
        folders = {
            str(s): write_cell(tmp_path / str(s), table("val", 1, 1), positive) for s in (1, 2)
        }
        cells = [Cell("one", "none", 1, key="1"), Cell("one", "flip", 1, key="2")]
        summary = summarize_study(cells, folders, baseline="none")
    write_summary(summary, tmp_path / "summary")
    found = json.loads((tmp_path / "summary" / "summary.json").read_text())["bundles"][0][
        "variants"
    ][1]
    assert found["test_auc"]["estimate"] is None and "no class with both" in found["note"]


def test_the_csv_files_say_the_same(tmp_path):
    cells, folders = study(
        tmp_path / "cells", ARMS, without={("weak", 3)}, bundles=("x/one", "x/two")
    )
    summary = summarize_study(cells, folders, baseline="none")
    paths = write_summary(summary, tmp_path / "out")
    assert [path.name for path in paths[:2]] == ["summary.csv", "summary.html"] and all(
        path.is_file() for path in paths
    )
    lines = list(csv.DictReader((tmp_path / "out" / "summary.csv").open()))
    assert [(line["bundle"], line["variant"]) for line in lines] == [
        (b, v) for b in ("one", "two") for v in ARMS
    ]
    strong = summary.bundles[0]["strong"]
    assert float(lines[1]["test_auc"]) == strong.interval["estimate"]
    assert (lines[1]["verdict"], float(lines[1]["p_holm"])) == (
        "better",
        strong.against_baseline.p_holm,
    )
    assert (
        lines[0]["baseline"],
        lines[0]["verdict"],
        lines[2]["n_seeds"],
        lines[2]["compared_seeds"],
    ) == ("True", "", "2", "1 2")
    seeds = list(csv.DictReader((tmp_path / "out" / "seeds.csv").open()))
    assert (
        len(seeds) == len(cells) == 24 and [line["finished"] for line in seeds].count("False") == 2
    )
    assert float(seeds[1]["test_auc"]) == load_cell(folders[cells[1].key]).test_auc
    assert "Infinity" not in (tmp_path / "out" / "summary.json").read_text()
