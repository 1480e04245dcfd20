"""Comparisons: Holm, verdicts, alignment by id, seeds, every metric and task, and what a bad call
gets.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from sklearn.metrics import average_precision_score

from medmonai.metrics import (
    OperatingPoint,
    average_seeds,
    compare_tables,
    delong_test,
    holm,
    macro_auc_score,
    mcnemar,
    seed_spread,
)
from medmonai.metrics.comparison import with_holm
from medmonai.predictions import Predictions
from medmonai.task import Task

POINT = OperatingPoint((0.2,), "youden", "validation", 50)


def tables(strengths, kind="binary", classes=2, n=160, groups=None, seed=0):
    """One table a strength of the signal; the noise is partly shared."""
    rng, task = np.random.default_rng(seed), Task(kind, classes)
    shape = (n, classes) if kind == "multilabel" else n
    y_true = rng.integers(0, 2 if kind == "multilabel" else classes, shape)
    signal = y_true if kind == "multilabel" else np.eye(classes)[y_true]
    shared, found = rng.normal(size=(n, classes)), []
    for strength in strengths:
        raw = np.exp(strength * signal + 0.8 * shared + 0.6 * rng.normal(size=(n, classes)))
        scores = raw / (1 + raw) if kind == "multilabel" else raw / raw.sum(axis=1, keepdims=True)
        names = tuple(f"class {c}" for c in range(classes))
        found.append(
            Predictions([f"case {i}" for i in range(n)], y_true, scores, task, names, groups)
        )
    return found


def shuffled(p, seed=0):
    order = np.random.default_rng(seed).permutation(len(p))
    return replace(
        p,
        ids=p.ids[order],
        y_true=p.y_true[order],
        y_score=p.y_score[order],
        groups=None if p.groups is None else p.groups[order],
    )


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([0.02, None]) == [0.04, None]  # an undefined test is a test too
    assert holm([]) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferroni(p_values):
    corrected = holm(p_values)
    for p, c, least in zip(p_values, corrected, false_discovery_control(p_values)):
        assert p <= c <= min(1, p * len(p_values)) + 1e-12
        assert c >= least - 1e-12  # familywise error is never the weaker claim
    order = np.argsort(p_values)
    assert np.all(np.diff(np.array(corrected)[order]) >= 0)


def test_verdicts_and_order():
    good, fair, same = tables([3, 1, 1])
    found = compare_tables({"good": good, "fair": fair, "same": same})
    assert [(c.a, c.b) for c in found] == list(itertools.combinations(["good", "fair", "same"], 2))
    assert [c.verdict for c in found] == ["better", "better", "not distinguishable"]
    assert [c.p_holm for c in found] == holm([c.p_value for c in found])
    assert compare_tables({"fair": fair, "good": good})[0].verdict == "worse"
    assert (
        compare_tables({"good": good, "fair": fair}, alpha=1e-12)[0].verdict
        == "not distinguishable"
    )


def test_the_verdict_goes_by_holm():
    models = tables([1.3, 0.9, 1.1, 1.0, 1.0], n=300, seed=3)
    alone = compare_tables({"a": models[0], "b": models[1]})[0]
    among = compare_tables(dict(zip("abcde", models)))[0]
    assert (alone.p_value, alone.low) == (among.p_value, among.low)
    assert among.p_holm > alone.p_holm == alone.p_value


def test_fields():
    a, b = tables([2, 1])
    found = compare_tables({"a": a, "b": [b, b]}, confidence=0.9)[0]
    expected = delong_test(a.y_true, a.y_score, b.y_score, a.task, confidence=0.9)
    assert (found.difference, found.low, found.p_value) == pytest.approx(
        (expected.difference, expected.low, expected.p_value)
    )
    assert (found.metric, found.method, found.n, found.n_groups) == ("auc", "delong", 160, None)
    assert (found.seeds_a, found.seeds_b, found.confidence, found.alpha) == (1, 2, 0.9, 0.05)
    text = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert text["verdict"] == found.verdict


@pytest.mark.parametrize(
    ("kind", "classes", "metric", "method"),
    [
        ("binary", 2, "auc", "delong"),
        ("multiclass", 4, "auc", "delong"),
        ("ordinal", 3, "auc", "delong"),
        ("multilabel", 3, "auc", "delong"),
        ("binary", 2, "accuracy", "mcnemar_mid_p"),
        ("multiclass", 9, "accuracy", "mcnemar_mid_p"),
        ("multilabel", 3, "subset_accuracy", "mcnemar_mid_p"),
        ("multilabel", 3, "label_accuracy", "paired_t"),
        ("binary", 2, "balanced_accuracy", "paired_bootstrap"),
        ("multiclass", 4, "macro_f1", "paired_bootstrap"),
        ("ordinal", 3, "quadratic_kappa", "paired_bootstrap"),
        ("multilabel", 3, "macro_recall", "paired_bootstrap"),
    ],
)
@pytest.mark.parametrize("grouped", [False, True])
def test_every_metric_and_task(kind, classes, metric, method, grouped):
    groups = np.arange(160) // 2 if grouped else None
    found = compare_tables(
        dict(zip("ab", tables([2.5, 0.5], kind, classes, groups=groups))), metric=metric
    )[0]
    assert found.verdict == "better"
    assert found.low < found.difference < found.high
    by_group = {"mcnemar_mid_p": "paired_t_by_group"}.get(method, f"{method}_by_group")
    assert (found.method, found.n_groups) == ((by_group, 80) if grouped else (method, None))


def test_cases_in_another_order_change_nothing():
    a, b = tables([2, 1], groups=np.arange(160) // 2)
    for metric in ("auc", "accuracy", "mcc"):
        plain, other = (
            compare_tables({"a": a, "b": t}, metric=metric)[0] for t in (b, shuffled(b))
        )
        assert other == plain
    # groups of whichever table has them
    assert compare_tables({"a": replace(a, groups=None), "b": b})[0].n_groups == 80


def test_other_cases_are_named():
    a, b = tables([2, 1])
    shorter = replace(b, ids=b.ids[:-1], y_true=b.y_true[:-1], y_score=b.y_score[:-1])
    with pytest.raises(
        ValueError,
        match=r"table 'b': the tables have different cases: 'case 159' not in the second table",
    ):
        compare_tables({"a": a, "b": shorter})
    with pytest.raises(
        ValueError, match=("different cases: 'case 0', 'case 1', 'case 2' and 157 more")
    ):
        compare_tables({"a": a, "b": replace(b, ids=np.arange(160))})
    with pytest.raises(ValueError, match=r"table 'b'.*y_true"):
        compare_tables({"a": a, "b": replace(b, y_true=1 - b.y_true)})


def test_seeds_are_averaged_case_by_case_and_their_spread_is_apart():
    seeds = tables([1, 1, 1])
    mean = average_seeds([seeds[0], shuffled(seeds[1]), seeds[2]])
    np.testing.assert_allclose(mean.y_score, np.mean([s.y_score for s in seeds], axis=0))
    aucs = [macro_auc_score(s.y_true, s.y_score, s.task) for s in seeds]
    spread = seed_spread(seeds)
    assert spread == {
        "n_seeds": 3,
        "values": aucs,
        "mean": pytest.approx(np.mean(aucs)),
        "sd": pytest.approx(np.std(aucs, ddof=1)),
        "min": min(aucs),
        "max": max(aucs),
    }
    assert seed_spread(seeds[:1])["sd"] is None
    assert json.loads(json.dumps(spread))["n_seeds"] == 3
    assert seed_spread(seeds, metric=len)["values"] == [160, 160, 160]
    found = compare_tables({"three": seeds, "one": seeds[0]})[0]
    assert found.difference == pytest.approx(
        macro_auc_score(mean.y_true, mean.y_score, mean.task) - aucs[0]
    )


def test_operating_points_are_those_of_validation():
    a, b = tables([2, 1])
    found = compare_tables({"a": a, "b": b}, metric="accuracy", points={"a": POINT, "b": POINT})[0]
    right = [(p.positive_scores > 0.2) == p.y_true for p in (a, b)]
    assert found.difference == pytest.approx(right[0].mean() - right[1].mean())
    assert found.p_value == mcnemar(*right)
    assert found.difference != compare_tables({"a": a, "b": b}, metric="accuracy")[0].difference
    with pytest.raises(ValueError, match="points lack 'b'"):
        compare_tables({"a": a, "b": b}, metric="accuracy", points={"a": POINT})


def test_any_function():
    def average_precision(y_true, y_score):
        return average_precision_score(y_true, y_score[:, 1])

    a, b = tables([3, 0.5])
    found = compare_tables({"a": a, "b": b}, metric=average_precision, repetitions=100)[0]
    assert (found.metric, found.method, found.verdict) == (
        "average_precision",
        "paired_bootstrap",
        "better",
    )
    assert found.difference == pytest.approx(
        average_precision(a.y_true, a.y_score) - average_precision(b.y_true, b.y_score)
    )


def test_against_a_baseline_only():
    models = dict(zip("abcd", tables([1.3, 0.9, 1.1, 1.0], n=300, seed=3)))
    found = compare_tables(models, against="b")
    assert [(c.a, c.b) for c in found] == [("a", "b"), ("c", "b"), ("d", "b")]
    assert [c.p_holm for c in found] == holm([c.p_value for c in found])  # three tests, not six
    for c in found:
        one = compare_tables({c.a: models[c.a], "b": models["b"]})[0]
        assert (one.difference, one.low, one.p_value) == (c.difference, c.low, c.p_value)
    with pytest.raises(
        ValueError, match="against='z' is none of the tables; use one of 'a', 'b', 'c', 'd'"
    ):
        compare_tables(models, against="z")


def test_comparisons_of_several_calls_become_one_family():
    models = dict(zip("abcd", tables([1.3, 0.9, 1.1, 1.0], n=300, seed=3)))
    apart = [compare_tables({name: models[name], "b": models["b"]})[0] for name in "acd"]
    assert with_holm(apart) == compare_tables(models, against="b")
    assert with_holm([]) == []


def test_a_model_against_itself():
    a = tables([2])[0]
    for metric in ("auc", "accuracy", "mcc"):
        found = compare_tables({"a": a, "b": a}, metric=metric)[0]
        assert (found.difference, found.p_value, found.verdict) == (0, 1, "not distinguishable")


def test_bad_calls():
    a, b = tables([2, 1])
    for options, match in [
        ({"metric": "auroc"}, "metric='auroc' is unknown for a binary task; use auc, accuracy"),
        ({"alpha": 5}, "alpha=5"),
        ({"confidence": 95}, "confidence=95"),
    ]:
        with pytest.raises(ValueError, match=match):
            compare_tables({"a": a, "b": b}, **options)
    with pytest.raises(ValueError, match="1 tables"):
        compare_tables({"a": a})
    with pytest.raises(ValueError, match="'b' has 1 tables, not all with y_true"):
        compare_tables({"a": a, "b": replace(b, y_true=None)})
    with pytest.raises(ValueError, match="'b' has 0 tables"):
        compare_tables({"a": a, "b": []})
    with pytest.raises(ValueError, match="no table to average"):
        average_seeds([])
