"""Differences between independent sets: published values, SciPy's tests, and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import ks_2samp

from medmonai.metrics import (
    auc_interval,
    auc_shift,
    delong_variance,
    distribution_shift,
    share_shift,
)
from medmonai.predictions import Predictions
from medmonai.task import Task


def table(labels, scores, *, kind="binary", names=("well", "sick"), groups=None):
    scores = np.asarray(scores, float)
    scores = np.stack([1 - scores, scores], 1) if scores.ndim == 1 else scores
    ids = [str(i) for i in range(len(labels))]
    return Predictions(ids, labels, scores, Task(kind, len(names)), names, groups=groups)


def drawn(n, distance, seed, *, prevalence=0.5, groups=None):
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) < n * prevalence).astype(int)
    return table(labels, ndtr(rng.normal(distance * labels)), groups=groups)


def test_shares_have_newcombes_interval():
    # Newcombe, Stat Med 17:873 (1998), table II: 56/70 and 48/80, method 10
    here = table(np.repeat([1, 0], [48, 32]), np.full(80, 0.5))
    there = table(np.repeat([1, 0], [56, 14]), np.full(70, 0.5))
    (row,) = share_shift(here, there).values()
    assert row["difference"] == pytest.approx(0.2)
    assert (row["low"], row["high"]) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    back = share_shift(there, here)["sick"]
    assert (back["low"], back["high"]) == pytest.approx((-row["high"], -row["low"]))
    assert back["p_value"] == pytest.approx(row["p_value"])


def test_cases_of_one_patient_count_as_one_where_they_are_alike():
    labels = np.repeat([1, 0], [20, 40])
    single = table(labels, np.full(60, 0.5))
    other = table(np.repeat([1, 0], [30, 30]), np.full(60, 0.5))
    of_each = np.array([f"p{i}" for i in range(60)])
    copies = table(np.repeat(labels, 5), np.full(300, 0.5), groups=np.repeat(of_each, 5))
    row, again = share_shift(single, other)["sick"], share_shift(copies, other)["sick"]
    for end in ("low", "high"):
        assert again["here"][end] == pytest.approx(row["here"][end], abs=0.004)
        assert again[end] == pytest.approx(row[end], abs=0.004)


def test_a_class_that_no_patient_has_counts_patients():
    five = np.repeat([f"p{i}" for i in range(5)], 100)
    none = table(np.zeros(500, int), np.full(500, 0.5), groups=five)
    single = table(np.zeros(5, int), np.full(5, 0.5))
    row, alone = share_shift(none, none)["sick"], share_shift(single, single)["sick"]
    assert row["here"] == pytest.approx(alone["here"]) and row["high"] == alone["high"]


def test_p_is_where_the_interval_touches_zero():
    here, there = drawn(150, 2.0, 0), drawn(120, 1.2, 1)
    row = auc_shift(here, there)["AUC"]
    at = auc_shift(here, there, confidence=1 - row["p_value"])["AUC"]
    assert row["p_value"] < 0.05 and at["high"] == pytest.approx(0, abs=1e-6)
    assert row["low"] <= row["difference"] <= row["high"] < 0


def test_for_many_cases_it_is_the_test_of_two_independent_aucs():
    here, there = drawn(4000, 1.5, 0), drawn(3000, 1.42, 1)
    row = auc_shift(here, there)["AUC"]
    variance = sum(delong_variance(t.labels, t.positive_scores) for t in (here, there))
    z = row["difference"] / np.sqrt(variance)
    assert row["p_value"] == pytest.approx(2 * ndtr(-abs(z)), rel=0.06)
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.01)
    single = auc_interval(here.labels, here.positive_scores)
    assert row["here"] == pytest.approx(
        {"estimate": single.estimate, "low": single.low, "high": single.high}
    )


def test_perfect_separation_has_an_interval():
    labels = np.repeat([0, 1], 30)
    best = table(labels, labels * 0.9 + 0.05)
    row = auc_shift(best, best)["AUC"]
    assert row["difference"] == 0 and row["p_value"] == 1
    assert row["low"] < -0.02 and row["high"] > 0.02


def test_every_class_has_a_difference_and_a_missing_one_none():
    rng = np.random.default_rng(0)
    names = ("a", "b", "c")
    p = rng.dirichlet(np.ones(3), 90)
    here = table(np.arange(90) % 3, p, kind="multiclass", names=names)
    there = table(np.arange(90) % 2, p, kind="multiclass", names=names)
    whole = auc_shift(here, here)
    assert list(whole) == ["AUC", *names] and whole["AUC"]["p_value"] == 1
    with pytest.warns(UserWarning, match=r"undefined \(NaN\).*: AUC, AUC of c\.$"):
        rows = auc_shift(here, there)
    assert rows["AUC"]["difference"] is None and rows["c"]["there"]["estimate"] is None
    assert rows["a"]["p_value"] is not None
    assert share_shift(here, there)["c"]["there"]["estimate"] == 0


def test_a_class_may_be_called_auc():
    names = ("AUC", "b", "c")
    p = np.random.default_rng(0).dirichlet(np.ones(3), 90)
    here = table(np.arange(90) % 3, p, kind="multiclass", names=names)
    assert list(auc_shift(here, here)) == ["AUC", "class AUC", "b", "c"]


def test_tables_of_two_models_are_refused():
    with pytest.raises(ValueError, match="give scores of one network"):
        auc_shift(drawn(20, 1, 0), table([0, 1], [0.1, 0.9], names=("no", "yes")))


@pytest.mark.parametrize(("n", "m"), [(40, 60), (700, 30)])
def test_distributions_have_scipys_test_and_the_auc_as_effect(n, m):
    rng = np.random.default_rng(0)
    here, there = rng.normal(size=n), rng.normal(0.4, 2, size=m)
    row = distribution_shift(here, there)
    wanted = ks_2samp(here, there, method="exact" if n < 500 else "asymp")
    assert (row["distance"], row["p_value"]) == (wanted.statistic, wanted.pvalue)
    assert row["greater"]["estimate"] == pytest.approx((there[:, None] > here).mean())
    assert row["median_there"] == np.median(there) and row["undefined"] == ""


def test_a_spread_is_seen_where_no_level_differs():
    values = np.linspace(-1, 1, 100)
    row = distribution_shift(values, 3 * values)
    assert row["greater"]["estimate"] == pytest.approx(0.5, abs=0.01) and row["p_value"] < 0.001


def test_the_same_constant_is_no_difference():
    row = distribution_shift(np.full(30, 28.0), np.full(20, 28.0))
    assert (row["distance"], row["p_value"]) == (0, 1) and row["greater"]["estimate"] == 0.5


@pytest.mark.parametrize(
    ("here", "there", "why"),
    [
        ([1.0, np.nan, 2.0], [1.0, 2.0], "not a number in 1 of 3 here"),
        ([1.0, 2.0], [np.inf, 1.0], "not a number in 1 of 2 there"),
        ([1.0], [1.0, 2.0], "1 values here, 2 there"),
        ([1.0, 2.0], [], "2 values here, 0 there"),
    ],
)
def test_undefined_data_are_not_tested(here, there, why):
    row = distribution_shift(here, there)
    assert row["undefined"] == why
    assert row["p_value"] is None and row["distance"] is None and row["greater"] is None


def test_few_cases_are_flagged():
    assert distribution_shift(range(9), range(50))["flags"] == ["few_cases"]
