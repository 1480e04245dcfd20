"""The predictions table: its columns, what is derived from them, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from prediction_tables import SCORES, table

from medmonai.task import Task


def test_columns_are_float64_int64_and_read_only():
    p = table(
        y_score=np.array(SCORES, np.float32),
        y_true=np.array([[0], [1], [0]], np.uint8),
        ids=[7, 8, 9],
    )
    assert (p.y_score.dtype, p.y_true.dtype, p.ids.tolist()) == (
        np.float64,
        np.int64,
        ["7", "8", "9"],
    )
    assert len(p) == 3
    with pytest.raises(ValueError, match="read-only"):
        p.y_score[0, 0] = 1


def test_the_callers_arrays_stay_writable():
    scores, labels, ids = np.array(SCORES), np.array([0, 1, 0]), np.array(["a", "b", "c"])
    table(y_score=scores, y_true=labels, ids=ids)
    scores[0, 0], labels[0], ids[0] = 0.5, 1, "z"


def test_logits_of_two_outputs_are_one():
    p = table(y_score=[[1.0, 3.0], [2.0, -2.0], [0.5, 0.5]])
    assert (p.score_kind, p.y_score.tolist()) == ("logits", [[0, 2], [0, -4], [0, 0]])
    assert table(y_score=p.y_score).y_score.tolist() == p.y_score.tolist()  # once is enough
    assert table().score_kind == "probabilities"
    several = table(task=Task("multilabel", 2), y_true=None, y_score=[[1, 3], [2, -2], [0.5, 0.5]])
    assert (several.score_kind, several.y_score[0].tolist()) == ("logits", [1, 3])


def test_positive_scores():
    assert table().positive_scores.tolist() == [0.1, 0.8, 0.4]
    with pytest.raises(ValueError, match="multilabel task has no positive_scores"):
        _ = table(task=Task("multilabel", 2), y_true=[[0, 1]] * 3).positive_scores


def test_predicted_names():
    assert table(y_score=[[0.5, 0.5], [0.4, 0.6], [1, 0]]).predicted_names() == [
        "normal",
        "sick",
        "normal",
    ]
    multilabel = table(
        task=Task("multilabel", 2), y_true=None, y_score=[[0.9, 0.6], [0.1, 0.2], [0.5, 0.6]]
    )
    assert multilabel.predicted_names() == ["normal; sick", "", "sick"]
    three = table(
        task=Task("ordinal", 3), y_true=None, y_score=np.eye(3)[::-1], class_names=list("xyz")
    )
    assert three.predicted_names() == ["z", "y", "x"]
    assert three.predicted_names(np.array([0, 0, 2])) == ["x", "x", "z"]
    assert multilabel.predicted_names(np.array([[0, 1], [1, 0], [0, 0]])) == ["sick", "normal", ""]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"ids": ["a", "b", "a"]}, "ids must be unique; 'a' occurs 2 times"),
        ({"ids": ["a", "", "c"]}, r"ids\[1\] is empty"),
        ({"ids": ["a", "b"]}, r"y_score has shape \(3, 2\); 2 ids"),
        ({"y_true": [0, 1]}, "y_true has 2 entries for 3 ids"),
        ({"y_true": [0, 1, 2]}, "y_true range from 0 to 2"),
        ({"y_score": [[1, 0], [np.nan, 1], [1, 0]]}, r"y_score\[1, 0\] is nan \(id 'b'\)"),
        ({"y_score": [[1, 0], [np.inf, 1], [1, 0]]}, "must be finite"),
        ({"y_score": [0.1, 0.2, 0.3]}, r"needs? \(3, 2\)"),
        ({"class_names": ("a",)}, "needs one name per class"),
        ({"class_names": ("a", "a")}, "all unique"),
        ({"groups": ["p", "q"]}, "groups has 2 entries"),
        ({"groups": ["p", "", "q"]}, r"groups\[1\] is empty"),
        ({"ids": ["a", "b\rc", "c"]}, r"ids contain 'b\\rc'; line breaks are not allowed"),
        ({"class_names": ("a", "b\n")}, "class_names contain"),
        ({"ids": [], "y_true": [], "y_score": np.empty((0, 2))}, "at least one"),
    ],
)
def test_bad_tables(changes, match):
    with pytest.raises(ValueError, match=match):
        table(**changes)
