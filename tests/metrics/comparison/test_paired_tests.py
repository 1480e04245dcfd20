"""Paired tests: MLstatkit and SciPy as references, hand values, dependent cases, degenerate sets,
error rates.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from MLstatkit import Delong_test
from scipy.stats import binomtest, ttest_rel

from medmonai.metrics import (
    accuracy_test,
    auc_interval,
    auc_score,
    delong_covariance,
    delong_test,
    macro_auc_score,
    mcnemar,
    paired_bootstrap,
)
from medmonai.task import Task

BINARY, THREE = Task("binary", 2), Task("multiclass", 3)


def two_models(m=60, n=90, seed=0, shared=0.7, shift_a=1.5, shift_b=1.0):
    rng = np.random.default_rng(seed)
    y_true = np.repeat([1, 0], [m, n])
    common, own = rng.normal(size=m + n), rng.normal(size=(2, m + n))
    a, b = (
        np.sqrt(shared) * common + np.sqrt(1 - shared) * e + s * y_true
        for e, s in zip(own, (shift_a, shift_b))
    )
    return y_true, a, b


def columns(score):
    return np.stack([-score, score], axis=1)


def delong(y_true, a, b, **options):
    return delong_test(y_true, columns(a), columns(b), BINARY, **options)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([3, 20, 10_000]))
def test_delong_equals_mlstatkit(seed, levels):
    y_true, a, b = two_models(seed=seed)
    a, b = (np.round(levels * s) / levels for s in (a, b))  # ties
    found = delong(y_true, a, b)
    z, p_value, *_, auc_a, auc_b, _ = Delong_test(y_true, a, b)
    assert found.difference == pytest.approx(auc_a - auc_b, abs=1e-12)
    assert found.p_value == pytest.approx(p_value, abs=1e-9)
    error = (found.high - found.low) / (2 * 1.959963984540054)
    assert abs(found.difference / error) == pytest.approx(abs(z), rel=1e-6)
    assert found.method == "delong"


def test_delong_by_hand():
    y_true, a, b = two_models()
    covariance = delong_covariance(y_true, np.stack([a, b], axis=1))
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    found = delong(y_true, a, b, confidence=0.9)
    difference = auc_score(y_true, a) - auc_score(y_true, b)
    np.testing.assert_allclose(
        [found.low, found.high], difference + np.array([-1, 1]) * 1.6448536 * error, rtol=1e-6
    )


def test_delong_invariances():
    y_true, a, b = two_models()
    found, swapped = delong(y_true, a, b), delong(y_true, b, a)
    assert (swapped.difference, swapped.low, swapped.p_value) == (
        -found.difference,
        -found.high,
        found.p_value,
    )
    assert delong(y_true, np.exp(a), b) == found
    order = np.random.default_rng(1).permutation(len(y_true))
    assert delong(y_true[order], a[order], b[order]).p_value == pytest.approx(
        found.p_value, rel=1e-9
    )


def test_macro_of_one_label_is_that_label():
    y_true, a, b = two_models()
    twice = [np.stack([s, s], axis=1) for s in (y_true, a, b)]
    found = delong_test(*twice, Task("multilabel", 2))  # the same label twice: nothing is gained
    expected = delong(y_true, a, b)
    for name in ("difference", "low", "p_value"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name))


def test_macro_against_the_bootstrap():
    rng = np.random.default_rng(0)
    y_true = rng.choice(3, 240, p=[0.5, 0.3, 0.2])
    base = rng.normal(size=(240, 3)) + np.eye(3)[y_true]
    a, b = base + 0.5 * np.eye(3)[y_true], base + 0.5 * rng.normal(size=(240, 3))
    found = delong_test(y_true, a, b, THREE)
    assert found.difference == pytest.approx(
        macro_auc_score(y_true, a, THREE) - macro_auc_score(y_true, b, THREE), abs=1e-14
    )
    resampled = paired_bootstrap(
        lambda y, s: macro_auc_score(y, s, THREE), y_true, a, b, repetitions=400
    )
    assert found.high - found.low == pytest.approx(resampled.high - resampled.low, rel=0.15)


def test_groups_of_one_and_copies():
    y_true, a, b = two_models()
    plain = delong(y_true, a, b)
    alone = delong(y_true, a, b, groups=np.arange(150))
    assert alone.method == "delong_by_group"
    assert plain.high < alone.high < plain.high + 0.01  # t instead of z
    copies = delong(*(np.tile(v, 6) for v in (y_true, a, b)), groups=np.tile(np.arange(150), 6))
    np.testing.assert_allclose([copies.low, copies.high], [alone.low, alone.high], atol=0.002)
    naive = delong(*(np.tile(v, 6) for v in (y_true, a, b)))
    assert naive.high - naive.low < 0.5 * (plain.high - plain.low)


def test_perfect_models_are_no_certainty():
    y_true = np.repeat([0, 1], [50, 20])
    found = delong(y_true, np.arange(70.0), np.arange(70.0) ** 3)
    assert (found.difference, found.p_value) == (0, 1)
    assert found.flags == ("zero_variance",)
    below = 1 - auc_interval(y_true, np.arange(70.0)).low
    assert (found.low, found.high) == pytest.approx((-below, below))
    worse = delong(y_true, np.ones(70), np.arange(70.0))
    assert worse.p_value is None
    assert worse.low >= -1


def test_one_class_is_refused_and_few_cases_are_flagged():
    with (
        pytest.raises(ValueError, match="no class with both positive and negative"),
        pytest.warns(UserWarning),
    ):
        delong(np.zeros(4, int), np.arange(4.0), np.arange(4.0))
    assert delong(*two_models(m=9)).flags == ("few_positives",)


def test_delong_keeps_its_level():
    p_values = [
        delong(*two_models(43, 120, seed=s, shift_a=2, shift_b=2)).p_value for s in range(400)
    ]
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.08  # standard error .01


def test_mcnemar_by_hand_and_against_scipy():
    a, b = (
        np.repeat([True, True, False, False], [30, 9, 2, 4]),
        np.repeat([True, False, True, False], [30, 9, 2, 4]),
    )
    assert mcnemar(a, b, exact=True) == pytest.approx(binomtest(2, 11).pvalue, abs=1e-15)
    assert mcnemar(a, b) == pytest.approx(binomtest(2, 11).pvalue - 55 / 2**11, abs=1e-15)
    assert mcnemar(b, a) == mcnemar(a, b)
    assert mcnemar(a, a) == 1
    assert mcnemar([True, False], [False, True], exact=True) == 1


def test_accuracy_interval_of_bonett_and_price():
    a, b = (
        np.repeat([True, True, False, False], [30, 9, 2, 4]),
        np.repeat([True, False, True, False], [30, 9, 2, 4]),
    )
    found = accuracy_test(a, b)
    p, q = 10 / 47, 3 / 47
    half = 1.9599640 * np.sqrt((p + q - (p - q) ** 2) / 47)
    np.testing.assert_allclose([found.low, found.high], [p - q - half, p - q + half], rtol=1e-6)
    assert found.difference == pytest.approx(7 / 45)
    assert found.method == "mcnemar_mid_p"


def test_shares_of_labels_are_a_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 40) / 4, rng.integers(0, 5, 40) / 4
    found, expected = accuracy_test(a, b), ttest_rel(a, b)
    assert found.p_value == pytest.approx(expected.pvalue, abs=1e-12)
    np.testing.assert_allclose([found.low, found.high], expected.confidence_interval(), atol=1e-12)


def test_accuracy_by_group():
    rng = np.random.default_rng(0)
    a, b = rng.random(60) < 0.9, rng.random(60) < 0.7
    alone = accuracy_test(a, b, groups=np.arange(60))
    assert alone.p_value == pytest.approx(
        ttest_rel(a.astype(float), b.astype(float)).pvalue, abs=1e-12
    )
    copies = accuracy_test(np.tile(a, 5), np.tile(b, 5), groups=np.tile(np.arange(60), 5))
    np.testing.assert_allclose([copies.low, copies.p_value], [alone.low, alone.p_value])
    one = accuracy_test(a, b, groups=["p"] * 60)
    assert (one.low, one.high, one.p_value, one.flags) == (-1, 1, None, ("zero_variance",))


def mean_right(y_true, decided):
    return np.mean(y_true == decided)


def test_bootstrap_agrees_with_the_formula_and_repeats():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, 300)
    a, b = (np.where(rng.random(300) < share, y_true, 1 - y_true) for share in (0.9, 0.8))
    found = paired_bootstrap(mean_right, y_true, a, b)
    expected = accuracy_test(a == y_true, b == y_true)
    np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high], atol=0.01)
    assert found == paired_bootstrap(mean_right, y_true, a, b)
    assert found != paired_bootstrap(mean_right, y_true, a, b, seed=1)
    grouped = paired_bootstrap(
        mean_right, *(np.tile(v, 4) for v in (y_true, a, b)), groups=np.tile(np.arange(300), 4)
    )
    np.testing.assert_allclose([grouped.low, grouped.high], [found.low, found.high], atol=0.01)
    assert grouped.method == "paired_bootstrap_by_group"


def test_bootstrap_of_equal_and_undefined():
    y_true = np.array([0, 1] * 10)
    same = paired_bootstrap(mean_right, y_true, y_true, y_true, repetitions=50)
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    with pytest.raises(ValueError, match="undefined"):
        paired_bootstrap(lambda y, s: np.nan, y_true, y_true, y_true, repetitions=5)
    rare = np.repeat([1, 0], [1, 9])
    recall = paired_bootstrap(
        lambda y, s: np.mean(s[y == 1]) if (y == 1).any() else np.nan, rare, rare, 1 - rare
    )
    assert recall.flags == ("undefined_resamples",)


def separated(seed=0, counts=(30, 20, 60)):
    """Two models of three classes; both rank the first two perfectly and the last with mistakes of
    their own.
    """
    rng, y_true = np.random.default_rng(seed), np.repeat(np.arange(3), counts)
    hot = np.eye(3)[y_true]
    return y_true, *(
        rng.normal(size=hot.shape) + hot * [50, 50, strength] for strength in (2.5, 0.5)
    )


def test_classes_that_both_models_separate_widen_the_difference_of_means():
    y_true, a, b = separated()
    found = delong_test(y_true, a, b, THREE)
    alone = delong((y_true == 2).astype(int), a[:, 2], b[:, 2])
    hidden = sum(1 - 0.025 ** (1 / k) for k in (30, 20)) / 3
    half = np.hypot((alone.high - alone.low) / 6, hidden)
    assert found.difference == pytest.approx(alone.difference / 3)
    assert (found.low, found.high) == pytest.approx(
        (found.difference - half, found.difference + half)
    )
    assert found.flags == ("zero_variance_classes",)
    assert found.method == "delong_and_single_intervals"
    assert found.p_value > alone.p_value
    swapped = delong_test(y_true, b, a, THREE)
    assert (swapped.low, swapped.p_value) == pytest.approx((-found.high, found.p_value))


@pytest.mark.parametrize("seed", range(20))
def test_p_and_interval_say_the_same_where_classes_separate(seed):
    found = delong_test(*separated(seed, (8, 12, 60)), THREE)
    assert (found.p_value < 0.05) == (not found.low <= 0 <= found.high)
