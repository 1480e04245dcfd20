"""From Python what the command line does."""

from __future__ import annotations

import json

import pytest
from bundle_runs import small
from scored_tables import scored

import medmonai
from medmonai.__main__ import app
from medmonai.predictions import write_predictions


@pytest.fixture
def tables(tmp_path):
    made = {}
    for name, signal in (("a", 2.0), ("b", 0.5), ("val", 2.0)):
        table = scored("binary", 60, signal=signal)
        made[name] = tmp_path / f"{name}.csv"
        write_predictions(table, made[name])
    return made


def test_the_functions_are_at_the_top_and_rooms_stay_rooms():
    assert {"run", "evaluate", "compare", "RunFolder", "report", "data"} <= set(dir(medmonai))
    assert medmonai.report.__name__ == "medmonai.report" and callable(medmonai.run)


def test_a_run_as_the_command_makes_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "lesion_phantom_classification"
    ids = {
        key: value
        for key, value in small(name, None, tmp_path).items()
        if key != "output_dir" and "::" not in key
    }
    found = medmonai.run("lesion_phantom", **ids, overrides={"train#balance#strategy": "none"})
    assert (
        found.folder.as_posix() == "runs/lesion_phantom"
        and found.report.is_file()
        and "roc" in found.figures
    )
    assert found.config["max_epochs"] == ids["max_epochs"]
    auc = found.metrics["splits"]["test"]["auc"]["estimate"]
    assert found.predictions().class_names == ("normal", "lesion") and f"{auc:.4f}"[:5] in repr(
        found
    )
    assert medmonai.evaluate(found.predictions()).metrics["auc"]["estimate"] == pytest.approx(
        auc, abs=1e-12
    )
    with pytest.raises(ValueError, match="max_epochs is given twice"):
        medmonai.run("lesion_phantom", max_epochs=2, overrides={"max_epochs": 3})


def test_an_evaluation_is_that_of_the_command(tables, tmp_path):
    found = medmonai.evaluate(tables["a"])
    assert repr(found).startswith("Evaluation(AUC 0.") and repr(found).endswith(", n = 60)")
    with pytest.raises(SystemExit):
        app(["evaluate", str(tables["a"]), "--output", str(tmp_path / "out")])
    told = json.loads((tmp_path / "out" / "metrics.json").read_text())["splits"]["test"]
    assert json.loads(json.dumps(found.metrics)) == told
    written = medmonai.evaluate(tables["a"], output=tmp_path / "mine")
    assert (tmp_path / "mine" / "figures" / "roc.png").is_file() and written.metrics[
        "auc"
    ] == found.metrics["auc"]
    turned = medmonai.evaluate(tables["a"], positive_class=found.test.class_names[0])
    assert turned.test.class_names == found.test.class_names[::-1]
    with pytest.raises(TypeError, match="output requires tables in files"):
        medmonai.evaluate(found.test, output=tmp_path / "x")


def test_a_comparison_is_that_of_the_command(tables, tmp_path):
    (pair,) = medmonai.compare({"a": tables["a"], "b": [tables["b"]]}, output=tmp_path / "mine")
    with pytest.raises(SystemExit):
        app(["compare", f"a={tables['a']}", f"b={tables['b']}", "--output", str(tmp_path / "out")])
    for name in ("comparison.csv", "comparison.json"):
        assert (tmp_path / "mine" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert (pair.a, pair.b, pair.n) == ("a", "b", 60)
    assert medmonai.compare({"a": tables["a"], "b": tables["b"]})[0] == pair


def test_a_folder_that_is_not_there_or_not_evaluated(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run folder at"):
        medmonai.RunFolder(tmp_path / "x")
    empty = medmonai.RunFolder(tmp_path)
    assert (
        "not evaluated" in repr(empty)
        and empty.report is None
        and empty.figures == {}
        and empty.metrics == {}
    )
