"""The page and tables of a study: offline, escaped, with every verdict, the selection and what is
not in it.
"""

from __future__ import annotations

import json
import re

import pytest
from cell_folders import study

from medmonai.studies.summary import summarize_study
from medmonai.studies.summary_page import seeds_table, verdict_table
from medmonai.studies.summary_writer import write_summary

ARMS = {"none": 1.0, "strong <b>&": 2.5, "weak": 0.1, "same": 1.0}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    cells, folders = study(root / "cells", ARMS, bundles=("x/one", "x/two"), without={("same", 3)})
    summary = summarize_study(cells, folders, baseline="none")
    paths = write_summary(
        summary,
        root / "out",
        title="Which <arm>?",
        question="Does it help?",
        unfinished=["one: same, seed 3: failed: ValueError: x"],
        commands=["python run.py --jobs 2"],
        settings={"max_epochs": 5, "dataset_dir": "/private"},
    )
    return summary, root / "out", paths


def test_the_page_holds_what_a_reader_asks(written):
    _, folder, _ = written
    html = (folder / "summary.html").read_text()
    for text in (
        "Which &lt;arm&gt;?",
        "Does it help?",
        "not for clinical use",
        "22 of 24 cells, 2 bundles",
        "one: same, seed 3: failed: ValueError: x",
        "python run.py --jobs 2",
        "max_epochs=5",
        "strong &lt;b&gt;&amp;",
        "Two spreads",
        "validation selects",
        "Holm",
        "DeLong",
        "torch",
        "2 of 3 seeds are finished",
    ):
        assert text in html, text
    assert "/private" not in html and "<b>&" not in html and "Cross-validation" not in html
    assert html.count("data:image/png;base64") == 4  # arms and ROC curves of two bundles
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", html)
    assert re.search(r'class="better">better<', html) and re.search(r'class="worse">worse<', html)


def test_tables(written):
    summary, folder, _ = written
    bundle = summary.bundles[0]
    table = verdict_table(bundle)
    assert [row[1] for row in table.rows] == ["baseline", "better", "worse", "not distinguishable"]
    assert table.rows[1][0] == "strong <b>& (selected)"
    assert [row[-1] for row in table.rows] == ["3/3", "3/3", "3/3", "2/3"]
    assert table.caption.startswith(
        "one: AUC of the seed-averaged scores on test (positive class: b), 300 cases, 95% interval "
        "(logit DeLong t)"
    )
    rows = {row[0]: row for row in seeds_table(bundle).rows}
    assert rows["strong <b>& (selected)"][3] == "selected"
    assert (
        rows["weak"][1]
        == f"{bundle['weak'].test_spread['mean']:.4f} ({bundle['weak'].test_spread['sd']:.4f})"
    )
    assert rows["weak"][4:] == ("0.800", "12")
    tex = (folder / "summary.tex").read_text()
    assert tex.count(r"\begin{table}") == 4 and r"strong \textless{}b\textgreater{}\&" in tex


def test_the_positive_class_is_named_where_there_is_one(written, tmp_path):
    summary, folder, _ = written
    found = json.loads((folder / "summary.json").read_text())["bundles"][0]
    assert found["positive_class"] == summary.bundles[0].positive_class == "b"
    cells, folders = study(tmp_path, {"none": 1.0, "flip": 1.0}, seeds=(1,), kind="multiclass")
    several = summarize_study(cells, folders, baseline="none")
    assert several.bundles[0].positive_class is None and several.lines()[0] == "one:"
    assert "positive class" not in verdict_table(several.bundles[0]).caption


def test_figures_and_writing_again(written):
    summary, folder, paths = written
    assert {path.name for path in paths} >= {
        "arms_one.png",
        "arms_one.pdf",
        "arms_two.png",
        "arms_two.pdf",
        "summary.json",
    }
    before = (folder / "arms_one.png").read_bytes()
    again = write_summary(summary, folder, title="Again")
    assert again == paths and (folder / "arms_one.png").read_bytes() == before
    html = (folder / "summary.html").read_text()
    assert "Again" in html and "Cells not included" not in html
    assert not list(folder.glob(".*"))


def test_nothing_finished(tmp_path):
    cells, _ = study(
        tmp_path / "cells",
        {"none": 1.0, "flip": 1.0},
        seeds=(1,),
        without={("none", 1), ("flip", 1)},
    )
    write_summary(summarize_study(cells, {}, baseline="none"), tmp_path / "out")
    assert "No seed is finished" in (tmp_path / "out" / "summary.html").read_text()
