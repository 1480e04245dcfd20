"""Names of models from the paths of their tables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medmonai.report.model_names import named_tables


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["a.csv", "b.csv", "c.csv"], ["a", "b", "c"]),
        (["A/predictions_test.csv", "B/predictions_test.csv"], ["A", "B"]),
        (["A/x/p.csv", "B/x/p.csv"], ["A", "B"]),
        (["A/p.csv", "A/q.csv", "B/p.csv"], ["A/p", "A/q", "B/p"]),
        (["A/p.csv", "B/q.csv"], ["p", "q"]),
        (["one=A/p.csv", "B/p.csv"], ["one", "p"]),
        (["one=a.csv,b.csv", "c.csv,d.csv"], ["one", "c"]),
        (["strong=x.csv", "weak/predictions_test.csv"], ["strong", "weak"]),
        (["A/1/p.csv", "A/2/p.csv", "B/1/p.csv"], ["A/1/p", "A/2/p", "B/1/p"]),
        (["./a.csv", "b.xlsx"], ["a", "b"]),
        (["p.csv", "sub/p.csv"], ["{folder}", "sub"]),
    ],
)
def test_names(tmp_path, monkeypatch, words, names):
    monkeypatch.chdir(tmp_path)
    assert list(named_tables(words)) == [name.format(folder=tmp_path.name) for name in names]


def test_paths_with_marks_in_their_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("lr=0.1.csv", "a,b.csv"):
        (tmp_path / name).touch()
    assert named_tables(["lr=0.1.csv", "a,b.csv", "m=a,b.csv"]) == {
        "lr=0.1": [Path("lr=0.1.csv")],
        "a,b": [Path("a,b.csv")],
        "m": [Path("a,b.csv")],
    }


@pytest.mark.parametrize(
    "words",
    [
        ["a.csv"],
        ["a.csv", "a.csv"],
        ["a.csv", f".{os.sep}a.csv"],
        ["a=x.csv", "a.csv"],
        ["a=x.csv", "a=y.csv"],
    ],
)
def test_names_that_are_not_different(words):
    with pytest.raises(ValueError, match="at least two with different names are needed: NAME=PATH"):
        named_tables(words)
