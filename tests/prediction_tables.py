"""A table of three cases with anything changed, and the comparison of two tables."""

from __future__ import annotations

import numpy as np

from medmonai.predictions import Predictions
from medmonai.task import Task

BINARY = Task("binary", 2)
SCORES = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]


def table(**changes):
    fields = {
        "ids": ["a", "b", "c"],
        "y_true": [0, 1, 0],
        "y_score": SCORES,
        "task": BINARY,
        "class_names": ("normal", "sick"),
        **changes,
    }
    return Predictions(**fields)


def assert_same(a, b):
    assert a.task == b.task
    assert a.class_names == b.class_names
    assert a.ids.tolist() == b.ids.tolist()
    # bit for bit, -0.0 too
    np.testing.assert_array_equal(a.y_score.view(np.int64), b.y_score.view(np.int64))
    for name in ("y_true", "groups"):
        left, right = getattr(a, name), getattr(b, name)
        assert (left is None and right is None) or left.tolist() == right.tolist()
