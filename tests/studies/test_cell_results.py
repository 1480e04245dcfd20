"""The results of a cell: what is read, and what a broken cell or a table of another run gets."""

from __future__ import annotations

import pytest
from cell_folders import table, write_cell

from medmonai.metrics import macro_auc_score
from medmonai.predictions import write_predictions
from medmonai.studies.cell_results import load_cell


def test_load_cell_reads_what_is_there(tmp_path):
    validation, test = table("val", 1, 1, kind="ordinal"), table("test", 1, 1, kind="ordinal")
    found = load_cell(write_cell(tmp_path / "cell", validation, test))
    assert found.test.task.kind == "ordinal"  # the columns alone would say multiclass
    assert found.test_auc == pytest.approx(macro_auc_score(test.y_true, test.y_score, test.task))
    (tmp_path / "cell" / "outcome.json").unlink()
    assert load_cell(tmp_path / "cell").seconds is None
    (tmp_path / "cell" / "history.csv").write_text("epoch,seconds\n1,2.5\n2,3.5\n")
    assert load_cell(tmp_path / "cell").seconds == 6


@pytest.mark.parametrize(
    ("name", "spoil", "match"),
    [
        ("metrics.json", lambda text: "", "no metrics.json|Expecting value"),
        ("metrics.json", lambda text: text[:200], "Expecting|Unterminated|delimiter"),
        ("metrics.json", lambda text: '{"splits": {}}', "metrics.json lacks 'test'"),
        ("metrics.json", lambda text: "[1]", "cell folder"),
        (
            "metrics.json",
            lambda text: text.replace('"n": 300', '"n": 301', 1),
            "300 cases .* metrics.json says 301",
        ),
        ("predictions_test.csv", lambda text: text[: len(text) // 2 + 4], "predictions_test.csv"),
        (
            "predictions_test.csv",
            lambda text: text.rsplit("\n", 3)[0] + "\n",
            "298 cases .* metrics.json says 300",
        ),
        ("predictions_val.csv", lambda text: "", "predictions_val.csv"),
    ],
)
def test_a_corrupt_cell_is_named(tmp_path, name, spoil, match):
    folder = write_cell(tmp_path / "cell", table("val", 1, 1), table("test", 1, 1))
    path = folder / name
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ValueError, match=match) as error:
        load_cell(folder)
    assert str(folder) in str(error.value) and "\n" not in str(error.value)


def test_a_table_of_another_run_is_refused(tmp_path):
    folder = write_cell(tmp_path / "cell", table("val", 1, 1), table("test", 1, 1))
    write_predictions(table("test", 1, 2), folder / "predictions_test.csv", overwrite=True)
    with pytest.raises(ValueError, match="of another run"):
        load_cell(folder)
    (folder / "predictions_test.csv").unlink()
    with pytest.raises(ValueError, match=r"cell folder .*predictions_test\.csv"):
        load_cell(folder)
