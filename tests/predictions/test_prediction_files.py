"""Files of predictions: round trips, other tools' tables, and what a bad file gets."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from prediction_tables import BINARY, assert_same, table

from medmonai.predictions import Predictions, read_predictions, write_predictions
from medmonai.tables import tidy
from medmonai.task import Task


def examples():
    scores = np.random.default_rng(0).dirichlet(np.ones(3), 4)
    yield "binary", table(), None
    yield "groups", table(groups=["p1", "p1", "p2"]), None
    yield "unlabelled", table(y_true=None), None
    yield (
        "multiclass",
        Predictions(
            list("abcd"), [0, 1, 2, 0], scores, Task("multiclass", 3), ("x", "y_true", "score_1")
        ),
        None,
    )
    yield (
        "unlabelled multiclass",
        Predictions(list("abcd"), None, scores, Task("multiclass", 3), list("xyz")),
        None,
    )
    yield (
        "ordinal",
        Predictions(list("abcd"), [0, 1, 2, 0], scores, Task("ordinal", 3), list("xyz")),
        Task("ordinal", 3),
    )
    labels = [[0, 1, 1], [0, 0, 0], [1, 1, 1], [1, 0, 0]]
    yield (
        "multilabel",
        Predictions(list("abcd"), labels, scores, Task("multilabel", 3), list("xyz")),
        None,
    )
    yield (
        "one label",
        Predictions(["a", "b"], [[0], [1]], [[0.1], [0.2]], Task("multilabel", 1), ["x"]),
        None,
    )
    yield (
        "unlabelled multilabel",
        Predictions(list("abcd"), None, scores, Task("multilabel", 3), list("xyz")),
        Task("multilabel", 3),
    )


@pytest.mark.parametrize("with_predicted", [False, True])
@pytest.mark.parametrize(
    ("predictions", "task"), [pytest.param(p, task, id=name) for name, p, task in examples()]
)
def test_round_trip(tmp_path, predictions, task, with_predicted):
    write_predictions(
        predictions,
        tmp_path / "p.csv",
        predicted=predictions.predicted_names() if with_predicted else None,
    )
    assert_same(read_predictions(tmp_path / "p.csv", task=task), predictions)


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(NAMES.map(tidy), min_size=3, max_size=3, unique=True),
    ids=st.lists(NAMES.filter(bool), min_size=2, max_size=2, unique=True),
    scores=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6),
)
def test_any_name_and_any_score_round_trips(tmp_path_factory, names, ids, scores):
    # refused: which label is which?
    assume(not (sorted(names) == ["0", "1", "2"] and names != sorted(names)))
    path = tmp_path_factory.mktemp("p") / "p.csv"
    predictions = Predictions(ids, [0, 2], np.reshape(scores, (2, 3)), Task("multiclass", 3), names)
    write_predictions(predictions, path)
    assert_same(read_predictions(path), predictions)


@pytest.mark.parametrize(
    "text",
    [
        "id;y_true;score_normal;score_sick\na;0;0,9;0,1\nb;1;0,2;0,8\n",
        "id\ty_true\tscore_normal\tscore_sick\na\t0\t0.9\t0.1\nb\t1\t0.2\t0.8\n",
        "\ufeffID, Y_True,score_normal,score_sick\na,0,0.9,0.1\nb,1,0.2,0.8\n,,,\n\n",
        "id,y_true,score_normal,score_sick\r\na,normal,0.9,0.1\r\nb,sick,0.2,0.8\r\n",
    ],
)
def test_what_spreadsheets_write(text, tmp_path):
    (tmp_path / "p.csv").write_text(text, encoding="utf-8", newline="")
    table = read_predictions(tmp_path / "p.csv")
    assert (
        table.ids.tolist() == ["a", "b"]
        and table.y_true.tolist() == [0, 1]
        and table.class_names == ("normal", "sick")
    )
    assert table.y_score.tolist() == [[0.9, 0.1], [0.2, 0.8]]


@pytest.mark.parametrize("columns", ["score_1,score_0", "score_0"])
def test_numbered_scores_out_of_order_are_refused(columns, tmp_path):
    """Sorted as text, score_10 comes before score_2: column and label would part without a word."""
    cells = ",0.5" * (columns.count(",") + 1)
    (tmp_path / "p.csv").write_text(f"id,y_true,{columns}\na,0{cells}\nb,1{cells}\n")
    with pytest.raises(ValueError, match="the first one belongs to label 0"):
        read_predictions(tmp_path / "p.csv")


def test_the_file_by_hand(tmp_path):
    path = tmp_path / "p.csv"
    named = table(class_names=("no, none", 'so-called "sick"'), groups=["p", "p", "q"])
    write_predictions(named, path, predicted=named.predicted_names())
    assert path.read_text(encoding="utf-8").splitlines()[:2] == [
        'id,group,y_true,"score_no, none","score_so-called ""sick""",predicted',
        'a,p,0,0.9,0.1,"no, none"',
    ]
    assert oct(path.stat().st_mode & 0o777) == oct(0o666 & ~_umask())


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_no_overwrite_and_no_partial_file(tmp_path):
    path = tmp_path / "p.csv"
    write_predictions(table(), path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="pass overwrite=True"):
        write_predictions(table(y_true=None), path)
    assert path.read_bytes() == before
    write_predictions(table(y_true=None), path, overwrite=True)
    assert b"y_true" not in path.read_bytes()
    assert os.listdir(tmp_path) == ["p.csv"]


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="create it first"):
        write_predictions(table(), tmp_path / "no" / "p.csv")


@pytest.mark.parametrize(
    ("header", "names"), [("score", ("negative", "positive")), ("score_sick", ("not sick", "sick"))]
)
def test_one_score_column_is_the_positive_class(tmp_path, header, names):
    path = tmp_path / "other.csv"
    path.write_text(f"\ufeff{header},id,y_true,site\n0.25,a,1.0,x\n1,b,0,y\n", encoding="utf-8")
    p = read_predictions(path)
    assert (p.task, p.class_names, p.groups) == (BINARY, names, None)
    assert p.y_score.tolist() == [[0.75, 0.25], [0.0, 1.0]]
    path.write_text(path.read_text().replace("0.25", "-0.25"))
    # a logit keeps its units
    assert read_predictions(path).y_score.tolist() == [[0.0, -0.25], [0.0, 1.0]]
    assert p.y_true.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "bad.csv holds 0 lines"),
        ("id,y_true,score\n", "bad.csv holds 1 lines"),
        ("name,y_true,score\na,0,1\n", "needs a column 'id'"),
        ("id,id,score\na,0,1\n", "column names must be unique"),
        ("id,y_true\na,0\n", "no score column among"),
        ("id,y_true,score\na,0,0.1\nb,1\n", "line 3 has 2 columns and the header, line 1, 3"),
        (
            "id,y_true,score\na,0,0.1\nb,1,high\n",
            "row 3, column 'score': 'high' is not a finite number",
        ),
        ("id,y_true,score\na,0,0.1\nb,1,nan\n", "row 3, column 'score': 'nan'"),
        ("id,y_true,score\na,0,0.1\nb,,0.3\n", "row 3, column 'y_true': ''"),
        (
            "id,y_true,score\na,0,0.1\nb,2,0.3\n",
            "row 3, column 'y_true': '2' is not a label .* use 0 to 1",
        ),
        ("id,y_true,score\na,0,0.1\nb,0.5,0.3\n", "row 3, column 'y_true': '0.5'"),
        ("id,y_true_a,y_true_b,score_b,score_a\nx,0,1,0,1\n", "label columns .* needs"),
        ("id,score_a,score_b,score_c\nx,0.9,0.9,0.9\n", "multiclass or multilabel"),
        ("id,y_true,score\na,0,0.1\na,1,0.3\n", "'a' occurs 2 times"),
        ('id,y_true,score\n"a,0,0.1\n', "close the quotes"),
    ],
)
def test_bad_files_are_named(tmp_path, text, match):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=match) as error:
        read_predictions(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_files_that_are_no_table(tmp_path):
    (tmp_path / "p.csv").write_bytes(b"\xff\xfe\x00id")
    with pytest.raises(ValueError, match="cannot be read as utf-16"):
        read_predictions(tmp_path / "p.csv")
    with pytest.raises(FileNotFoundError):
        read_predictions(tmp_path / "none.csv")


def test_task_that_does_not_fit_the_file(tmp_path):
    write_predictions(table(), tmp_path / "p.csv")
    with pytest.raises(ValueError, match="ordinal task of 3 classes needs one name per class"):
        read_predictions(tmp_path / "p.csv", task=Task("ordinal", 3))


def test_200_000_rows(tmp_path):
    """With anything quadratic this does not end."""
    rng = np.random.default_rng(0)
    p = rng.random(200_000)
    big = Predictions(np.arange(200_000), p > 0.5, np.stack([1 - p, p], 1), BINARY, ("n", "p"))
    write_predictions(big, tmp_path / "p.csv")
    assert_same(read_predictions(tmp_path / "p.csv"), big)
