"""The counted bootstrap: equal to resampling tables, for all tasks, with and without groups."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from medmonai.metrics import decision_test, paired_bootstrap
from medmonai.task import Task


def macro_f1(y_true, decided):
    return f1_score(y_true, decided, average="macro", zero_division=0)


CASES = [("binary", 2, "balanced_accuracy", balanced_accuracy_score), ("binary", 2, "f1", f1_score),
         ("multiclass", 4, "macro_f1", macro_f1), ("multilabel", 3, "macro_f1", macro_f1)]


def drawn(kind, classes, n=240):
    rng = np.random.default_rng(0)
    shape = (n, classes) if kind == "multilabel" else n
    high = 2 if kind in ("binary", "multilabel") else classes
    y_true = rng.integers(0, high, shape)
    return y_true, *(np.where(rng.random(shape) < share, y_true, rng.integers(0, high, shape)) for share in (0.8, 0.6))


@pytest.mark.parametrize(("kind", "classes", "metric", "reference"), CASES)
@pytest.mark.parametrize("groups", [None, np.arange(240) // 3])
def test_equals_resampled_tables(kind, classes, metric, reference, groups):
    y_true, a, b = drawn(kind, classes)
    found = decision_test(metric, y_true, a, b, Task(kind, classes), groups=groups)
    expected = paired_bootstrap(reference, y_true, a, b, groups=groups, repetitions=200)
    assert found.difference == pytest.approx(expected.difference, abs=1e-12)
    np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high], atol=0.03)
    assert found.method == expected.method


def test_repeats_and_swaps():
    y_true, a, b = drawn("multiclass", 4)
    task = Task("multiclass", 4)
    found, swapped = decision_test("mcc", y_true, a, b, task), decision_test("mcc", y_true, b, a, task)
    assert found == decision_test("mcc", y_true, a, b, task)
    assert swapped.difference == -found.difference
    assert found.p_value < 0.05


def test_unknown_metric():
    y_true, a, b = drawn("binary", 2)
    with pytest.raises(ValueError, match="metric='macro_f1' is no metric of a binary task's decisions; use one of accuracy"):
        decision_test("macro_f1", y_true, a, b, Task("binary", 2))
