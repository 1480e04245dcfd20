"""AUC intervals: the formulas by hand, coverage by simulation, dependent and degenerate cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from normal_scores import THREE, binormal
from scipy.stats import norm, t

from medmonai.metrics import (
    Interval,
    auc_influence,
    auc_interval,
    auc_score,
    delong_variance,
    macro_auc_interval,
)


def coverage(m, n, auc, repetitions, method="logit_delong_t", seed=0):
    rng = np.random.default_rng(seed)
    ends = [auc_interval(*binormal(m, n, auc, rng), method=method) for _ in range(repetitions)]
    return np.mean([i.low <= auc <= i.high for i in ends])


def test_ends_by_hand():
    y_true, y_score = binormal(30, 50, 0.8, np.random.default_rng(0))
    a, se = auc_score(y_true, y_score), np.sqrt(delong_variance(y_true, y_score))
    wald = auc_interval(y_true, y_score, method="wald", confidence=0.9)
    np.testing.assert_allclose(
        [wald.low, wald.high], [a - 1.6448536 * se, a + 1.6448536 * se], rtol=1e-7
    )
    interval = auc_interval(y_true, y_score, method="logit_delong")
    odds = a / (1 - a) * np.exp(np.array([-1, 1]) * 1.9599640 * se / (a * (1 - a)))
    np.testing.assert_allclose([interval.low, interval.high], odds / (1 + odds), rtol=1e-7)
    assert interval == Interval(a, interval.low, interval.high, 0.95, "logit_delong", 30, 50, ())


def test_the_default_by_hand():
    y_true, y_score = binormal(30, 50, 0.95, np.random.default_rng(0))
    a, u = auc_score(y_true, y_score), auc_influence(y_true, y_score[:, None])[1][:, 0]
    # of the sum of 80 squares; 2 / df of a chi-square
    relative_variance = np.var(u**2, ddof=0) * 80 / np.sum(u**2) ** 2
    quantile, error = t.ppf(0.975, 2 / relative_variance), np.sqrt(delong_variance(y_true, y_score))
    odds = a / (1 - a) * np.exp(np.array([-1, 1]) * quantile * error / (a * (1 - a)))
    interval = auc_interval(y_true, y_score)
    np.testing.assert_allclose([interval.low, interval.high], odds / (1 + odds), rtol=1e-9)
    assert interval.method == "logit_delong_t"
    assert 2 / relative_variance < 40  # the 80 cases do not all carry the variance


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(2, 30),
    st.integers(2, 30),
    st.floats(0.5, 0.99),
    st.sampled_from([1, 2, 5]),
)
def test_the_default_always_holds_logit_delong(seed, m, n, auc, size):
    y_true, y_score = binormal(m, n, auc, np.random.default_rng(seed))
    groups = np.random.default_rng(seed).permutation(m + n) // size
    new, old = (
        auc_interval(y_true, y_score, groups=groups, method=name)
        for name in ("logit_delong_t", "logit_delong")
    )
    assert new.low <= old.low <= old.high <= new.high
    assert new.flags == old.flags


def test_two_groups_leave_one_degree_of_freedom():
    y_true, y_score = binormal(30, 50, 0.8, np.random.default_rng(0))
    ends = [
        auc_interval(y_true, y_score, groups=np.arange(80) % 2, method=m)
        for m in ("logit_delong_t", "logit_delong")
    ]
    wide, narrow = (np.diff(np.log([i.low / (1 - i.low), i.high / (1 - i.high)]))[0] for i in ends)
    assert wide / narrow == pytest.approx(t.ppf(0.975, 1) / norm.ppf(0.975), rel=1e-6)


def test_invariances():
    y_true, y_score = binormal(30, 50, 0.8, np.random.default_rng(0))
    interval = auc_interval(y_true, y_score)
    assert auc_interval(y_true, np.exp(y_score)) == interval
    mirrored = auc_interval(1 - y_true, y_score)
    np.testing.assert_allclose([1 - mirrored.high, 1 - mirrored.low], [interval.low, interval.high])
    wider = auc_interval(y_true, y_score, confidence=0.99)
    assert wider.low < interval.low < interval.estimate < interval.high < wider.high


def test_coverage():
    # 400 repetitions: standard error .011 at .95
    assert coverage(64, 246, 0.85, 400) > 0.915
    assert coverage(390, 234, 0.95, 400) > 0.915


@pytest.mark.parametrize("k", [1, 2, 5, 40])
def test_perfect_separation_is_not_certainty(k):
    interval = auc_interval(np.repeat([0, 1], [60, k]), np.arange(60.0 + k))
    assert (interval.estimate, interval.high) == (1.0, 1.0)
    # P(k independent pairs in order) = AUC^k
    assert interval.low == pytest.approx(0.025 ** (1 / k))
    assert interval.method == "clopper_pearson_pairs"
    assert ("variance_undefined" if k == 1 else "zero_variance") in interval.flags
    assert ("few_positives" in interval.flags) == (k < 10)


def test_perfect_separation_keeps_its_promise():
    rng = np.random.default_rng(0)
    low = auc_interval([0] * 8 + [1] * 8, np.arange(16)).low
    perfect = np.mean([auc_score(*binormal(8, 8, low, rng)) == 1 for _ in range(2000)])
    assert perfect <= 0.025  # a model no better than `low` separates perfectly at most that often


def test_wrong_way_round_and_constant_scores():
    reversed_ = auc_interval([1] * 20 + [0] * 20, np.arange(40))
    assert (reversed_.estimate, reversed_.low) == (0, 0)
    assert reversed_.high == pytest.approx(1 - 0.025 ** (1 / 20))
    constant = auc_interval([0, 1] * 20, np.ones(40))
    assert constant.estimate == 0.5
    assert 0.2 < constant.low < 0.35
    assert constant.low == pytest.approx(1 - constant.high)
    assert constant.flags == ("zero_variance",)


def test_few_cases_are_flagged():
    y_true, y_score = binormal(9, 9, 0.7, np.random.default_rng(0))
    assert auc_interval(y_true, y_score).flags == ("few_positives", "few_negatives")
    assert auc_interval(*binormal(10, 10, 0.7, np.random.default_rng(0))).flags == ()


def test_wald_is_clipped_and_says_so():
    y_true, y_score = [0] * 12 + [1] * 12, np.r_[np.arange(11.0), 12.5, np.arange(12, 24)]
    interval = auc_interval(y_true, y_score, method="wald")
    assert interval.high == 1
    assert interval.flags == ("clipped",)
    assert auc_interval(y_true, y_score).high < 1


def test_one_class_is_nan_with_a_warning():
    with pytest.warns(UserWarning, match="0 positive and 3 negative"):
        interval = auc_interval([0, 0, 0], [1, 2, 3])
    assert np.isnan([interval.estimate, interval.low, interval.high]).all()
    assert interval.flags == ("one_class",)


def test_groups_of_one_change_nothing():
    y_true, y_score = binormal(30, 50, 0.8, np.random.default_rng(0))
    grouped, plain = (
        auc_interval(y_true, y_score, groups=np.arange(80)),
        auc_interval(y_true, y_score),
    )
    np.testing.assert_allclose([grouped.low, grouped.high], [plain.low, plain.high], rtol=1e-12)
    assert grouped.flags == plain.flags


def test_copies_of_a_patient_do_not_narrow_the_interval():
    y_true, y_score = binormal(30, 50, 0.8, np.random.default_rng(0))
    plain = auc_interval(y_true, y_score)
    copies = [np.repeat(y_true, 9), np.repeat(y_score, 9)]
    grouped = auc_interval(*copies, groups=np.repeat(np.arange(80).astype(str), 9))
    # m (m - 1) of the influences' scale counts copies, so the two agree to 1/m
    np.testing.assert_allclose([grouped.low, grouped.high], [plain.low, plain.high], rtol=0.01)
    naive = auc_interval(*copies)
    assert naive.high - naive.low < 0.4 * (plain.high - plain.low)


def test_groups_are_what_is_counted_for_flags_and_pairs():
    y_true, y_score = np.repeat([0, 1], 20), np.arange(40.0)
    interval = auc_interval(y_true, y_score, groups=np.repeat(np.arange(10), 4))
    assert interval.low == pytest.approx(0.025 ** (1 / 5))
    assert interval.flags == ("few_positives", "few_negatives", "zero_variance")
    # every group has both classes
    mixed = auc_interval(y_true, y_score, groups=np.tile(np.arange(6), 7)[:40])
    # six groups make three pairs of different groups
    assert mixed.low == pytest.approx(0.025 ** (1 / 3))
    one = auc_interval(y_true, np.arange(40) % 7, groups=["p"] * 40)
    assert one.low < 0.05 and one.high > 0.95


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"confidence": 95}, "confidence=95; a number between 0 and 1"),
        (
            {"method": "delong"},
            "method='delong' is unknown; use one of logit_delong_t, logit_delong, wald",
        ),
        ({"groups": ["a"]}, r"groups have shape \(1,\) for 4 cases"),
    ],
)
def test_bad_options(options, match):
    with pytest.raises(ValueError, match=match):
        auc_interval([0, 0, 1, 1], [1, 2, 3, 4], **options)
    with pytest.raises(ValueError, match=match):
        macro_auc_interval([0, 1, 2, 0], np.eye(3)[[0, 1, 2, 0]], THREE, **options)


def test_two_columns_are_refused():
    with pytest.raises(ValueError, match="one column"):
        auc_interval([0, 1], [[0.1, 0.9], [0.2, 0.8]])
