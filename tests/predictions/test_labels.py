"""What y_true may hold: numbers, names of classes in any case, truth values; and what is
refused.
"""

from __future__ import annotations

import itertools

import openpyxl
import pytest

from medmonai.predictions import read_predictions
from medmonai.task import Task

TWO, THREE = "score_benign,score_malignant", "score_a,score_b,score_c"


def read(tmp_path, columns, labels, task=None, name="p.csv", mark=","):
    scores = ["0.5"] * (columns.count(",") + 1)
    lines = [
        ["id", "y_true", *columns.split(",")],
        *([f"c{i}", label, *scores] for i, label in enumerate(labels)),
    ]
    (tmp_path / name).write_text(
        "".join(mark.join(line) + "\n" for line in lines), encoding="utf-8"
    )
    return read_predictions(tmp_path / name, task=task)


@pytest.mark.parametrize(
    ("columns", "labels", "expected"),
    [
        (TWO, ["0", "1"], [0, 1]),
        (TWO, ["0.0", "1.", " 1 "], [0, 1, 1]),
        (TWO, ["Benign", "MALIGNANT", "\u00a0benign\u200b"], [0, 1, 0]),
        (TWO, ["True", "False", "TRUE"], [1, 0, 1]),
        ("score", ["yes", "NO"], [1, 0]),
        ("score_sick", ["yes", "no"], [1, 0]),
        ("score", ["Positive", "negative"], [1, 0]),
        ("score_sick", ["Sick", "NOT  sick"], [1, 0]),
        ("score_yes,score_no", ["Yes", "no"], [0, 1]),
        ("score_True,score_False", ["true", "False"], [0, 1]),
        (THREE, ["C", "a", "B"], [2, 0, 1]),
        ("score_A,score_a,score_b", ["a", "A", "b"], [1, 0, 2]),
        ("score_0,score_1", ["1", "0"], [1, 0]),
        ("score_1,score_2", ["2", "1"], [1, 0]),
        ("score_-1,score_1", ["-1.0", "1"], [0, 1]),
        ("score_1,score_2,score_3", ["3", "1", "2"], [2, 0, 1]),
        ("score_10,score_20", ["1", "0"], [1, 0]),
    ],
)
def test_labels(tmp_path, columns, labels, expected):
    assert read(tmp_path, columns, labels).y_true.tolist() == expected


@pytest.mark.parametrize(
    "label",
    [
        "0_1",
        "1e0",
        "\uff11",
        "01",
        "+1",
        "yes",
        "-0",
        "1,5",
        "0x1",
        "",
        "2",
        "0.5",
        "nan",
        "\u0661",
    ],
)
def test_what_is_not_a_label(tmp_path, label):
    with pytest.raises(
        ValueError,
        match=r"row 3, column 'y_true': .* use 0 to 1 throughout, .* 'benign', 'malignant'",
    ):
        read(tmp_path, TWO, ["0", label, "1"], mark=";")


@pytest.mark.parametrize(
    ("columns", "labels", "match"),
    [
        (TWO, ["0", "1", "malignant"], "row 4, column 'y_true': 'malignant'"),
        (THREE, ["True", "False"], "row 2, column 'y_true': 'True'"),
        (
            "score_1,score_2,score_3",
            ["1", "2"],
            (
                r"holds 1, 2: are these class names \(1, 2, 3\) or label numbers from "
                r"0 to 2"
            ),
        ),
        (TWO, ["yes", "no"], "row 2, column 'y_true': 'yes'"),
    ],
)
def test_two_kinds_or_two_meanings(tmp_path, columns, labels, match):
    with pytest.raises(ValueError, match=match):
        read(tmp_path, columns, labels)


def test_decimal_commas_of_whole_numbers(tmp_path):
    assert read(tmp_path, TWO, ["0,0", "1,0"], mark=";").y_true.tolist() == [0, 1]


def test_several_labels(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("id,Y_true_a,y_true_b,score_a,Score_b\nx,True,0,0.5,0.5\ny,no,1.0,0.5,0.5\n")
    assert read_predictions(path).y_true.tolist() == [[1, 0], [0, 1]]
    path.write_text("id,y_true_a,score_a\nx,0_1,0.5\n")
    with pytest.raises(
        ValueError, match="row 2, column 'y_true_a': '0_1' is not a label of a multilabel task"
    ):
        read_predictions(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_tables_of_other_programs(tmp_path, encoding, mark):
    decimal = "." if mark == "," else ","
    lines = [
        ["ID", "Y_True", "Score_M\u00fcll", "score_b\u00e4r", "note"],
        ["a", "m\u00fcll", f"0{decimal}9", f"0{decimal}1", "x"],
        ["b", "B\u00c4R", f"0{decimal}25", f"7{decimal}5E-01", "=1+1"],
    ]
    for end, first, last in itertools.product(
        ("\n", "\r\n"), ("", f"sep={mark}", "Results"), ("", mark * 4)
    ):
        text = end.join([*([first] if first else []), *(mark.join(line) for line in lines), last])
        (tmp_path / "p.csv").write_text(text, encoding=encoding, newline="")
        found = read_predictions(tmp_path / "p.csv")
        assert found.y_score.tolist() == [[0.9, 0.1], [0.25, 0.75]] and found.y_true.tolist() == [
            0,
            1,
        ]
        assert found.class_names == ("M\u00fcll", "b\u00e4r") and found.ids.tolist() == ["a", "b"]


def test_decimal_commas_and_thousands(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text('id,y_true,score\na,0,"0,93"\nb,1,1\n')
    assert read_predictions(path).positive_scores.tolist() == [0.93, 1]
    for cells, match in (
        (("1,234", "2,345"), "can be 1.234 or 1234"),
        (("0,5", "0.5"), "decimal point and '0,5' a decimal comma"),
        (("1.234,5", "1"), "thousands"),
    ):
        path.write_text(f"id;y_true;score\na;0;{cells[0]}\nb;1;{cells[1]}\n")
        with pytest.raises(ValueError, match=f"columns .'score'.: .*{match}"):
            read_predictions(path)
    path.write_text("id,y_true,score\na,0,0_1\nb,1,1\n")
    with pytest.raises(ValueError, match="row 2, column 'score': '0_1' is not a finite number"):
        read_predictions(path)


def test_workbooks(tmp_path):
    book = openpyxl.Workbook()
    for row in (
        ["id", "y_true", "score_benign", "score_malignant"],
        ["c1", "Benign", 0.9, 0.1],
        ["c2", "malignant", 0, 1],
    ):
        book.active.append(row)
    book.create_sheet("notes").append(["x"])
    book.save(tmp_path / "p.xlsx")
    assert read_predictions(tmp_path / "p.xlsx", sheet="Sheet").y_score.tolist() == [
        [0.9, 0.1],
        [0, 1],
    ]
    with pytest.raises(ValueError, match="2 sheets"):
        read_predictions(tmp_path / "p.xlsx")


def test_columns_in_another_case(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("id,ID,y_true,SCORE\na,7,0,0.5\nb,8,1,0.75\n")
    assert read_predictions(path).ids.tolist() == ["a", "b"]
    path.write_text("Id,ID,y_true,score\na,7,0,0.5\n")
    with pytest.raises(ValueError, match="column names must be unique"):
        read_predictions(path)
    path.write_text("id,y_true,score_a,score_a ,y_true\na,0,0.5,0.5,1\n")
    with pytest.raises(ValueError, match="'y_true' occurs more than once"):
        read_predictions(path)
    path.write_text("id,y_true,score_a,score_a \na,0,0.5,0.5\n")
    assert read_predictions(path).class_names == ("a", "a ")
    assert read_predictions(path, task=Task("binary", 2)).task == Task("binary", 2)
