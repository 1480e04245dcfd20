"""One table owns the figures: what is drawn, saved, removed and shown follows from its rows."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from scored_tables import scored

from medmonai.data import Cohort, Provenance
from medmonai.metrics import compare_tables
from medmonai.report import (
    FIGURES,
    ComparedModels,
    EvaluatedTable,
    ExplainedCases,
    FinishedRun,
    drawn_figures,
    evaluate,
    evaluation_figures,
    remove_evaluation,
    write_evaluation,
    write_figures,
    write_report,
)
from medmonai.report.figures import _ROWS, SECTIONS


def finished(tmp_path):
    """A run of eight images with everything that a figure can be drawn from."""
    test = scored("binary", 60)
    known = {
        name: "x"
        for name, p in inspect.signature(Provenance).parameters.items()
        if p.default is p.empty
    }
    images = np.random.default_rng(0).integers(0, 255, (60, 1, 8, 8)).astype(np.uint8)
    cohort = Cohort(
        images=images,
        labels=test.y_true,
        ids=test.ids,
        task=test.task,
        class_names=test.class_names,
        provenance=Provenance(**known),
        split="test",
    )
    maps = np.random.default_rng(1).random((2, 1, 8, 8)).astype(np.float32)
    explained = ExplainedCases(
        images[:2], {"saliency": maps, "occlusion": maps}, ["a\nclass 1, 0.9", "b"]
    )
    history = tmp_path / "history.csv"
    history.write_text("epoch,train_loss,val_auc\n1,0.5,0.7\n2,0.4,0.8\n")
    evaluation = evaluate(test, validation=scored("binary", 80, split="val"))
    return FinishedRun(evaluation, {"test": cohort}, explained, history=history, kept=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("run"))


def test_every_row_is_complete_and_its_function_takes_what_it_says():
    assert len(FIGURES) == len(_ROWS), "a name is given twice"
    for row in FIGURES.values():
        assert row.section in SECTIONS
        assert row.title and row.title[0].isupper() and not row.title.endswith(".")
        assert row.caption.endswith(".")
        assert row.reading.endswith(".") and row.reading.count(". ") == 0, "one sentence"
        (wanted,) = inspect.signature(row.draw).parameters.values()
        assert wanted.annotation == row.drawn_from.__name__


def test_what_a_run_writes_is_what_the_table_names(run, tmp_path):
    write_figures(run, tmp_path / "figures")
    write_evaluation(run.evaluation, tmp_path)
    written = {path.stem for path in (tmp_path / "figures").iterdir()}
    compared = {row.name for row in FIGURES.values() if row.drawn_from is ComparedModels}
    assert written == set(FIGURES) - compared
    html = write_report([tmp_path])[0].read_text()
    for row in FIGURES.values():
        shown = row.name not in compared
        assert (f"<strong>{row.title}.</strong>" in html) == shown or row.section == "comparison"
        assert (row.reading in html) == shown
    remove_evaluation(tmp_path)
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {
        row.name for row in FIGURES.values() if not row.of_scores
    }


def test_figures_of_a_table_and_of_a_comparison(run):
    of_table = {row.name for row in FIGURES.values() if row.drawn_from is EvaluatedTable}
    assert set(evaluation_figures(run.evaluation)) == of_table
    tables = {"a": scored("binary", 60), "b": scored("binary", 60, signal=0.5)}
    material = ComparedModels(compare_tables(tables), tables)
    assert [row.name for row, _ in drawn_figures(material)] == ["comparison", "comparison_roc"]


def test_a_figure_without_its_material_is_left_out(run):
    import dataclasses

    names = {row.name for row, _ in drawn_figures(dataclasses.replace(run, history=None))}
    assert names == {"samples", "labels", "failures", "saliency", "occlusion"}


def test_a_caption_names_the_positive_class_where_the_figure_is_about_it(run):
    split = run.evaluation.metrics
    about = {
        name
        for name, row in FIGURES.items()
        if "Positive class: class 1." in row.caption_for(split)
    }
    assert about == {name for name, row in FIGURES.items() if row.about_class}
    several = evaluate(scored("multiclass", 60)).metrics
    assert all(row.caption_for(several) == row.caption for row in FIGURES.values())
