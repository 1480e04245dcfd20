"""The counted bootstrap: equal to resampling tables, for all tasks, with and without groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, f1_score

from medmonai.metrics import decision_test, paired_bootstrap
from medmonai.task import Task

BINARY = Task("binary", 2)


def macro_f1(y_true, decided):
    return f1_score(y_true, decided, average="macro", zero_division=0)


CASES = [
    ("binary", 2, "balanced_accuracy", balanced_accuracy_score),
    ("binary", 2, "f1", f1_score),
    ("multiclass", 4, "macro_f1", macro_f1),
    ("multilabel", 3, "macro_f1", macro_f1),
]


def drawn(kind, classes, n=240):
    rng = np.random.default_rng(0)
    shape = (n, classes) if kind == "multilabel" else n
    high = 2 if kind in ("binary", "multilabel") else classes
    y_true = rng.integers(0, high, shape)
    return y_true, *(
        np.where(rng.random(shape) < share, y_true, rng.integers(0, high, shape))
        for share in (0.8, 0.6)
    )


@pytest.mark.parametrize(("kind", "classes", "metric", "reference"), CASES)
@pytest.mark.parametrize("groups", [None, np.arange(240) // 3])
def test_equals_resampled_tables(kind, classes, metric, reference, groups):
    y_true, a, b = drawn(kind, classes)
    found = decision_test(metric, y_true, (a, b), Task(kind, classes), groups=groups)
    expected = paired_bootstrap(reference, y_true, a, b, groups=groups, repetitions=200)
    assert found.difference == pytest.approx(expected.difference, abs=1e-12)
    np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high], atol=0.03)
    assert found.method == expected.method


def test_repeats_and_swaps():
    y_true, a, b = drawn("multiclass", 4)
    task = Task("multiclass", 4)
    found, swapped = (
        decision_test("mcc", y_true, (a, b), task),
        decision_test("mcc", y_true, (b, a), task),
    )
    assert found == decision_test("mcc", y_true, (a, b), task)
    assert swapped.difference == -found.difference
    assert found.p_value < 0.05


def test_unknown_metric():
    y_true, a, b = drawn("binary", 2)
    with pytest.raises(
        ValueError,
        match="metric='macro_f1' is not a metric of a binary task's decisions; use one of accuracy",
    ):
        decision_test("macro_f1", y_true, (a, b), Task("binary", 2))


def one_sided(wrong_a, wrong_b, counts=(100, 20)):
    """Two models that find every positive and call some of the negatives positive, not the same
    ones.
    """
    y_true = np.repeat([0, 1], counts)
    a, b = y_true.copy(), y_true.copy()
    a[:wrong_a], b[wrong_a : wrong_a + wrong_b] = 1, 1
    return y_true, a, b


def test_a_class_that_both_models_have_right_widens_the_difference_by_hand():
    y_true, a, b = one_sided(5, 20)
    found = decision_test("balanced_accuracy", y_true, (a, b), BINARY)
    alone = decision_test("specificity", y_true, (a, b), BINARY)  # the same draws
    # Bonett & Price: one case each way among 20 + 2, over two classes
    hidden = 1.959964 * np.sqrt(2) / 22 / 2
    assert found.difference == pytest.approx(0.075)
    assert found.difference - found.low == pytest.approx(
        np.hypot((alone.difference - alone.low) / 2, hidden)
    )
    assert found.high - found.difference == pytest.approx(
        np.hypot((alone.high - alone.difference) / 2, hidden)
    )
    assert found.flags == ("zero_variance_classes",)
    assert found.method == "paired_bootstrap_and_single_intervals"
    assert alone.p_value < found.p_value < 1
    swapped = decision_test("balanced_accuracy", y_true, (b, a), BINARY)
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low), abs=0.01)


def test_p_is_that_of_an_error_as_much_larger():
    y_true, a, b = one_sided(5, 20)
    found, alone = (
        decision_test(name, y_true, (a, b), BINARY) for name in ("balanced_accuracy", "specificity")
    )
    error = np.hypot(0.075 / norm.isf(alone.p_value / 2), np.sqrt(2) / 22 / 2)
    assert found.p_value == pytest.approx(2 * norm.sf(0.075 / error))


@pytest.mark.parametrize("groups", [None, np.arange(120) // 2])
@pytest.mark.parametrize("metric", ["balanced_accuracy", "f1", "mcc", "precision"])
def test_models_that_decide_alike_are_not_certainly_equal(metric, groups):
    y_true, a, _ = one_sided(7, 7)
    found = decision_test(metric, y_true, (a, a), BINARY, groups=groups)
    assert (found.difference, found.p_value, found.flags) == (0, 1, ("zero_variance",))
    assert found.low < -0.02 and found.high > 0.02
    perfect = decision_test(metric, y_true, (y_true, y_true), BINARY, groups=groups)
    assert perfect.low < 0 < perfect.high and "zero_variance" in perfect.flags


RECALL_HIDES = 1.959964 * np.sqrt(2) / 17 / 4  # Bonett & Price on the 15 cases of one class of four


@pytest.mark.parametrize(
    ("kind", "metric", "hidden"),
    [
        ("multiclass", "macro_recall", RECALL_HIDES),
        ("multilabel", "macro_recall", RECALL_HIDES),
        ("multiclass", "macro_f1", 0.02),
        ("multiclass", "weighted_f1", 0.02),
        ("multilabel", "macro_mcc", 0.02),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_difference_of_means_is_never_surer_than_what_stands_still(kind, metric, hidden, seed):
    """Both models decide the last class right, and nothing else as it."""
    rng, y_true = np.random.default_rng(seed), np.repeat(np.arange(4), [30, 30, 30, 15])
    a, b = (
        np.where((rng.random(105) < share) & (y_true < 3), (y_true + 1) % 3, y_true)
        for share in (0.1, 0.4)
    )
    if kind == "multilabel":
        y_true, a, b = (np.eye(4, dtype=int)[values] for values in (y_true, a, b))
    found = decision_test(metric, y_true, (a, b), Task(kind, 4))
    assert "zero_variance_classes" in found.flags
    assert min(found.difference - found.low, found.high - found.difference) > hidden
