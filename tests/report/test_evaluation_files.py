"""The files of an evaluation: tables that it reads, what it leaves, and what it does not write
over.
"""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from scored_tables import scored

from medmonai.predictions import write_predictions
from medmonai.report import (
    evaluate,
    evaluate_files,
    split_tables,
    write_evaluation,
    write_report,
)


@pytest.mark.parametrize("kind", ["binary", "ordinal"])
def test_files_and_figures(kind, tmp_path):
    metrics = write_evaluation(
        evaluate(scored(kind), validation=scored(kind, 200, split="val")), tmp_path / "new"
    )
    folder = tmp_path / "new"
    assert json.loads((folder / "metrics.json").read_text()) == metrics
    expected = {"roc", "precision_recall", "scores", "confusion", "calibration", "decision_curve"}
    assert {p.stem for p in (folder / "figures").iterdir()} == expected
    assert all((folder / "figures" / f"{name}.pdf").stat().st_size > 1000 for name in expected)
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = {(r["split"], r["part"], r["decision"], r["class"], r["metric"]): r for r in rows}
    assert len(found) == len(rows)
    ranking = metrics["splits"]["test"]["ranking"]["overall"]
    assert (
        float(found["test", "ranking", "", "", "average_precision"]["low"])
        == ranking["average_precision"]["low"]
    )
    auc = found["test", "ranking", "", "", "auc"]
    assert float(auc["estimate"]) == metrics["splits"]["test"]["auc"]["estimate"]
    assert (
        float(found["test", "decisions", "default", "", "accuracy"]["low"])
        == (metrics["splits"]["test"]["decisions"]["default"]["overall"]["accuracy"]["low"])
    )


def test_files_are_not_written_over(tmp_path):
    write_predictions(scored("binary"), tmp_path / "test.csv")
    write_predictions(scored("binary", split="val"), tmp_path / "val.csv")
    evaluate_files(tmp_path / "test.csv", validation=tmp_path / "val.csv", output=tmp_path / "out")
    before = (tmp_path / "out" / "metrics.json").read_bytes()
    # the same: left as it is
    evaluate_files(tmp_path / "test.csv", validation=tmp_path / "val.csv", output=tmp_path / "out")
    with pytest.raises(FileExistsError, match="holds metrics"):
        evaluate_files(tmp_path / "test.csv", output=tmp_path / "out")
    assert (tmp_path / "out" / "metrics.json").read_bytes() == before
    logits = replace(scored("binary"), y_score=np.log(scored("binary").y_score) * 5)
    write_predictions(logits, tmp_path / "logits.csv")
    with pytest.warns(UserWarning, match="no probabilities"):
        evaluate_files(tmp_path / "logits.csv", output=tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "metrics.json").read_bytes() != before
    # What the logits have no figure for is not left over from the probabilities.
    assert {p.stem for p in (tmp_path / "out" / "figures").iterdir()} == {
        "roc",
        "precision_recall",
        "scores",
    }


def test_a_run_keeps_its_data_card_and_stores_the_new_point(tmp_path):
    test, validation = scored("binary"), scored("binary", split="val")
    (tmp_path / "models").mkdir()
    for name, table in (("test", test), ("test_ideal_observer", test), ("val", validation)):
        write_predictions(table, tmp_path / f"predictions_{name}.csv")
    evaluation = evaluate(test, validation=validation)
    write_evaluation(
        evaluation, tmp_path, data={"licence": "CC0"}, references={"ideal_observer": test}
    )
    evaluate_files(
        tmp_path / "predictions_test.csv",
        validation=tmp_path / "predictions_val.csv",
        output=tmp_path,
        rule="sensitivity=0.9",
        overwrite=True,
    )
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["data"] == {"licence": "CC0"} and list(metrics["references"]) == [
        "ideal_observer"
    ]
    assert (
        json.loads((tmp_path / "models" / "decision.json").read_text())["operating_point"]["rule"]
        == "sensitivity=0.9"
    )


def test_the_folder_of_a_run_takes_no_other_table(tmp_path):
    write_predictions(scored("binary"), tmp_path / "other.csv")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    with pytest.raises(
        FileExistsError,
        match=r"is the folder of a run and .*other\.csv is not its predictions_test\.csv",
    ):
        evaluate_files(tmp_path / "other.csv", output=tmp_path / "run", overwrite=True)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.json"]


def test_subgroups_of_a_metadata_file(tmp_path):
    table = scored("binary")
    write_predictions(table, tmp_path / "test.csv")
    rows = "".join(f"{name},{'mf'[i % 2]},{20 + i % 60}\n" for i, name in enumerate(table.ids))
    (tmp_path / "people.csv").write_text("id,sex,age\n" + rows)
    metrics = evaluate_files(
        tmp_path / "test.csv",
        output=tmp_path / "out",
        metadata=tmp_path / "people.csv",
        columns=["sex", "age"],
    ).metrics
    assert [row["group"] for row in metrics["subgroups"]["sex"]] == ["f", "m"]
    (page,) = write_report([tmp_path / "out"])
    command = next(
        unescape(line)
        for line in page.read_text(encoding="utf-8").splitlines()
        if "medmonai evaluate test.csv" in line
    )
    assert "--metadata people.csv --rule youden --by sex,age" in command
    assert sum(row["n"] for row in metrics["subgroups"]["age"]) == 300
    sex = next(table for table in split_tables(metrics) if table.name == "subgroups_sex")
    assert sex.header[2] == "positives" and all(
        " to " in cell for row in sex.rows for cell in row[3:]
    )
    with pytest.raises(
        ValueError, match=r"column='site' is not a column of people.csv; it has 'id', 'sex', 'age'"
    ):
        evaluate_files(
            tmp_path / "test.csv",
            output=tmp_path / "new",
            metadata=tmp_path / "people.csv",
            columns=["site"],
        )
    with pytest.raises(ValueError, match="belong together"):
        evaluate_files(tmp_path / "test.csv", output=tmp_path / "new", columns=["sex"])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("id,y_true\na,0\n", "no score column"),
        ("id,y_true,score_a,score_b\na,0,0.2,nan\nb,1,0.1,0.9\n", "row 2, column 'score_b': 'nan'"),
        ("id,y_true,score_a,score_b\na,0,0.2,0.8\na,1,0.1,0.9\n", "'a' occurs 2 times"),
        ("id,y_true,score_a,score_b\na,0,0.2,0.8\nb,7,0.1,0.9\n", "'7' is not a label"),
        ("id,score_a,score_b\na,0.2,0.8\nb,0.1,0.9\n", "the test table has no y_true"),
    ],
)
def test_bad_tables_write_nothing(text, match, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=match):
        evaluate_files(tmp_path / "t.csv", output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_from_a_spreadsheet(tmp_path):
    """With a byte-order mark, extra columns, and one score column."""
    rows = "".join(
        f"case {i},{i % 2},{0.3 + 0.4 * (i % 2) + 0.01 * (i % 7)},note\n" for i in range(40)
    )
    (tmp_path / "sheet.csv").write_text("\ufeffid,y_true,score,remark\n" + rows, encoding="utf-8")
    evaluation = evaluate_files(tmp_path / "sheet.csv", output=tmp_path / "out")
    assert evaluation.metrics["auc"]["estimate"] == 1.0 and evaluation.metrics["auc"]["low"] < 1
