"""Two tables of the same cases: checked, sorted alike, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from prediction_tables import SCORES, assert_same, table

from medmonai.predictions import align, check_same_cases
from medmonai.task import Task


def test_check_same_cases():
    check_same_cases(table(), table(y_score=np.array(SCORES)[::-1]))
    for other, match in [
        (table(ids=["a", "c", "b"]), "case 1 is 'b' in one table and 'c' in the other .*sort both"),
        (table(ids=["a", "x", "c"]), "case 1 is 'b' .* 'x' .*other cases"),
        (
            table(ids=["a", "b"], y_true=[0, 1], y_score=SCORES[:2]),
            "3 cases, the other 2; 'c' is in only one of them",
        ),
        (table(y_true=[0, 0, 0]), "case 'b' has y_true 1 in one table and 0"),
        (table(y_true=None), "the other has none"),
        (table(class_names=("normal", "ill")), "different tasks"),
    ]:
        with pytest.raises(ValueError, match=match):
            check_same_cases(table(), other)


def test_align_sorts_and_keeps_what_belongs_together():
    a = table(groups=["p", "p", "q"])
    b = table(
        ids=["c", "a", "b"],
        y_true=[0, 0, 1],
        y_score=[SCORES[2], SCORES[0], SCORES[1]],
        groups=["z", "y", "y"],
    )
    assert_same(align(a, b), a)  # groups may have other names
    assert align(a, table()).groups.tolist() == ["p", "p", "q"]
    assert align(table(), b).groups.tolist() == ["y", "y", "z"]
    assert align(a, table(class_names=("negative", "positive"))).class_names == ("normal", "sick")
    assert_same(align(table(y_true=None), table(y_true=None)), table(y_true=None))


def test_align_refuses_other_cases():
    four = {"ids": ["a", "x", "y", "z"], "y_true": [0, 1, 0, 0], "y_score": [*SCORES, SCORES[0]]}
    for a, b, match in [
        (table(), table(ids=["a", "b", "x"]), "different cases: 'c' not in the second table"),
        (
            table(ids=["a"], y_true=[0], y_score=SCORES[:1]),
            table(**four),
            "'x', 'y', 'z' not in the first table",
        ),
        (table(**four), table(), "'x', 'y', 'z' not in the second"),
        (table(), table(y_true=[0, 0, 0]), "case 'b' has y_true 1 in one table and 0"),
        (table(), table(y_true=None), "the other has none"),
        (table(), table(task=Task("ordinal", 2)), "the tables have different tasks"),
        (
            table(y_true=None),
            table(y_true=None, class_names=("sick", "normal")),
            "the tables have different tasks",
        ),
        (table(groups=["p", "p", "q"]), table(groups=["p", "q", "q"]), "different groups"),
        (table(groups=["p", "p", "q"]), table(groups=["p", "q", "r"]), "different groups"),
    ]:
        with pytest.raises(ValueError, match=match):
            align(a, b)
