"""The report: complete, self-contained, escaped; tables as LaTeX; several runs compared."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from scored_tables import scored

from medmonai.predictions import Predictions, write_predictions
from medmonai.report import (
    Table,
    evaluate,
    latex_table,
    split_tables,
    write_evaluation,
    write_report,
)
from medmonai.report.latex import escaped


class Links(HTMLParser):
    """Collect what a page would load or link to, and its open tags."""

    def __init__(self, text):
        super().__init__()
        self.found, self.ids, self.depth = [], set(), 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.found += [values[key] for key in ("src", "href", "data", "action") if key in values]
        self.ids.add(values.get("id"))
        self.depth += tag not in ("meta", "img", "br", "link")

    def handle_endtag(self, tag):
        self.depth -= 1


def evaluated(folder, kind="binary", **options):
    test, validation = scored(kind, **options), scored(kind, 200, split="val")
    write_evaluation(evaluate(test, validation=validation), folder)
    write_predictions(test, folder / "predictions_test.csv")
    return folder


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
def test_one_file_holds_everything(kind, tmp_path):
    (path,) = write_report([evaluated(tmp_path / "run", kind)])
    html = path.read_text(encoding="utf-8")
    links = Links(html)
    assert links.depth == 0
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in links.found)
    assert {link[1:] for link in links.found if link.startswith("#")} <= links.ids
    assert html.count("<script") == 1 and "@import" not in html and "url(" not in html
    assert html.count("Research software: not for clinical use.") >= 2
    assert path.stat().st_size < 5e6
    for word in (
        "Ranking on 300 test cases",
        "Decisions on 300",
        "Calibration on 300",
        "viewport",
        "@media print",
    ):
        assert word in html


def test_every_string_from_data_is_escaped(tmp_path):
    evil = "<script>alert(1)</script>&\"'"
    table = scored("binary")
    test = Predictions(table.ids, table.y_true, table.y_score, table.task, (evil, "b"))
    data = {"name": evil, "licence": evil, "known_issues": [evil]}
    write_evaluation(evaluate(test), tmp_path, data=data, references={evil[:3]: test})
    html = write_report([tmp_path])[0].read_text()
    assert html.count("<script") == 1 and "&lt;script&gt;" in html
    assert Links(html).depth == 0


def test_latex(tmp_path):
    paths = write_report([evaluated(tmp_path / "run")], latex=True)
    text = paths[1].read_text()
    assert (
        text.count(r"\begin{table}") == text.count(r"\end{table}") == text.count(r"\toprule") == 5
    )
    assert "not for clinical use" in text
    for line in text.splitlines():
        assert len(re.findall(r"(?<!\\)&", line)) in (0, *range(1, 12))
    assert (
        escaped("50 % of a_b & c") == r"50 \% of a\_b \& c" and escaped("0.1 to 0.2") == "0.1--0.2"
    )


def test_a_table_by_hand():
    table = Table("t", "n = 3", ("class", "AUC"), (("a_b", "0.9 (0.8 to 1.0)"),))
    assert latex_table(table).splitlines()[2:-3] == [
        r"\caption{n = 3}",
        r"\label{tab:t}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"class & AUC \\",
        r"\midrule",
        r"a\_b & 0.9 (0.8--1.0) \\",
    ]
    bands = latex_table(Table("by age <b>", "", ("age", "n"), (("[40, 58)", "3"),)))
    assert "\n{}[40, 58) & 3" in bands and r"\label{tab:by-age-b-}" in bands
    with pytest.raises(ValueError, match="a row of 1 cells under 2 columns"):
        Table("t", "", ("a", "b"), (("x",),))


def test_the_tables_say_what_the_metrics_say():
    metrics = evaluate(scored("binary"), validation=scored("binary", split="val")).metrics
    tables = {table.name: table for table in split_tables(metrics)}
    auc = metrics["auc"]
    assert (
        f"{auc['estimate']:.3f} ({auc['low']:.3f} to {auc['high']:.3f})"
        in tables["ranking"].rows[0]
    )
    assert (
        tables["decisions"].rows[0][1]
        == f"{metrics['decisions']['locked']['operating_point']['thresholds'][0]:.3f}"
    )
    assert [row[0] for row in tables["classes"].rows] == ["class 0", "class 1"]
    assert len(tables["fixed"].rows) == 4 and tables["calibration"].header == (
        "metric",
        "before",
        "after",
    )


def test_several_runs_are_compared_where_their_cases_are_the_same(tmp_path):
    folders = [
        evaluated(tmp_path / name, signal=signal)
        for name, signal in (("strong", 2.0), ("weak", 0.4))
    ]
    html = write_report(folders, output=tmp_path / "both.html")[0].read_text()
    assert "strong - weak" in html and ">better<" in html
    other = evaluated(tmp_path / "other", n=50)
    assert (
        "Holm" not in write_report([folders[0], other], output=tmp_path / "two.html")[0].read_text()
    )


def test_a_folder_without_an_evaluation_is_named(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "metrics.json").write_text('{"splits": {"test": {"n": 3}}}')
    with pytest.raises(ValueError, match="of an earlier version of medmonai; evaluate again"):
        write_report([tmp_path / "old"])
    with pytest.raises(FileNotFoundError, match=r"no metrics.json in .*; evaluate first"):
        write_report([tmp_path])
    with pytest.raises(ValueError, match="folders is empty"):
        write_report([])
