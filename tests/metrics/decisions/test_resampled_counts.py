"""Means over classes of which some have no error, or none right: wider by what these may hide, and
flagged.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmonai.metrics import default_operating_point, summarize_decisions
from medmonai.metrics.decisions.decision_metrics import MEANS, METRICS, PER_CLASS
from medmonai.metrics.decisions.resampled_counts import ResampledCounts
from medmonai.predictions import Predictions
from medmonai.task import Task

FLAG, Z2 = "zero_variance_classes", 1.959964**2


def table(kind, y_true, y_pred, groups=None):
    classes = y_true.shape[1] if kind == "multilabel" else int(max(y_true.max(), y_pred.max())) + 1
    task = Task(kind, max(classes, 2))
    scores = y_pred.astype(float) if kind == "multilabel" else np.eye(task.num_classes)[y_pred]
    return Predictions(
        np.arange(len(y_true)),
        y_true,
        scores,
        task,
        [f"c{c}" for c in range(task.num_classes)],
        groups,
    )


def summary(p, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return summarize_decisions(p, default_operating_point(p.task), **options)


def sensitive(positives=20, negatives=100, wrong=10, groups=None):
    """A binary table with every positive found and `wrong` of the negatives called positive."""
    y_true = np.repeat([0, 1], [negatives, positives])
    y_pred = y_true.copy()
    y_pred[:wrong] = 1
    return table("binary", y_true, y_pred, groups)


def alone(p, metric, **options):
    """The bootstrap's entry without what classes hide."""
    code = p.y_true * p.task.num_classes + p.y_score.argmax(axis=1)
    kinds, multiplicity = np.unique(code, return_counts=True)
    shape = (len(kinds), p.task.num_classes, p.task.num_classes)
    features = np.eye(p.task.num_classes**2)[kinds].reshape(shape)
    counts = ResampledCounts(features, multiplicity, False, len(p), 0.95, 0, 2000)
    return counts.interval(metric, METRICS[p.task.kind][metric], support=100, **options)


def test_balanced_accuracy_of_a_table_with_every_positive_found_by_hand():
    p = sensitive()
    found, narrow = (
        summary(p)["overall"]["balanced_accuracy"],
        alone(sensitive(), "balanced_accuracy"),
    )
    hidden = (1 - 20 / (20 + Z2)) / 2  # half the distance from 1 to Wilson's end of 20 of 20, .8389
    assert hidden == pytest.approx(0.08056, abs=1e-5)
    assert found["estimate"] == pytest.approx(0.95)
    assert found["low"] == pytest.approx(0.95 - np.hypot(0.95 - narrow["low"], hidden))
    # a class without an error hides nothing above
    assert found["high"] == pytest.approx(narrow["high"])
    assert (found["method"], found["flags"]) == ("bca_bootstrap_and_single_intervals", [FLAG])
    assert "flags" not in narrow
    assert found["low"] == pytest.approx(0.863, abs=0.003)
    assert narrow["low"] > 0.91  # as if recall were certainly 1


def test_none_right_widens_upwards():
    y_true = np.repeat([0, 1, 2], [40, 20, 60])
    y_pred = np.where(y_true == 1, 0, y_true)
    y_pred[:8] = 2
    p = table("multiclass", y_true, y_pred)
    found, narrow = summary(p)["overall"]["macro_recall"], alone(p, "macro_recall")
    below, above = (Z2 / (60 + Z2)) / 3, (Z2 / (20 + Z2)) / 3  # class 2 has all right, class 1 none
    a = found["estimate"]
    assert found["low"] == pytest.approx(a - np.hypot(a - narrow["low"], below))
    assert found["high"] == pytest.approx(a + np.hypot(narrow["high"] - a, above))


def test_groups_add_up_halves_of_the_single_intervals():
    p = sensitive(groups=np.arange(120))
    found = summary(p)
    balanced, recall, specificity = (
        found["overall"][name] for name in ("balanced_accuracy", "recall", "specificity")
    )
    assert recall["method"] == "smoothed_bootstrap"
    expected = 0.95 - np.hypot(0.9 - specificity["low"], 1 - recall["low"]) / 2
    assert balanced["low"] == pytest.approx(expected, abs=1e-9)
    assert balanced["method"] == "bca_group_bootstrap_and_single_intervals"


def test_both_classes_of_a_binary_table_say_the_same():
    found = summary(sensitive())
    overall = found["overall"]["balanced_accuracy"]
    for own in found["per_class"].values():
        assert own["balanced_accuracy"]["low"] == pytest.approx(overall["low"], abs=1e-9)
        assert own["balanced_accuracy"]["flags"] == [FLAG]


def random_table(kind, seed, size):
    """A table of which some classes, or labels, are decided without an error, some with none right,
    others with errors.
    """
    rng, classes = np.random.default_rng(seed), 2 if kind == "binary" else 4
    share = rng.choice([0, 0.3], size=classes)
    if kind == "multilabel":
        y_true = rng.integers(0, 2, (120, classes))
        y_pred = np.where(rng.random(y_true.shape) < share, 1 - y_true, y_true)
    else:
        y_true = np.concatenate([np.arange(classes), rng.integers(0, classes, 120 - classes)])
        y_pred = np.where(rng.random(120) < share[y_true], (y_true + 1) % classes, y_true)
        if kind != "binary" and rng.random() < 0.3:
            y_pred = np.where(y_true == 0, 1, y_pred)
    return table(kind, y_true, y_pred, None if size is None else np.arange(120) // size)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["binary", "multiclass", "ordinal", "multilabel"]),
    st.integers(0, 10_000),
    st.sampled_from([None, 2]),
)
def test_a_mean_is_never_surer_than_its_classes_without_variance(kind, seed, size):
    p = random_table(kind, seed, size)
    found, classes = summary(p, repetitions=300), list(p.class_names)
    part_of = {"balanced_accuracy": "recall"} | {f"macro_{name}": name for name in PER_CLASS}
    for metric in MEANS[kind].keys() & part_of.keys():
        mean, own = (
            found["overall"][metric],
            [found["per_class"][name][part_of[metric]] for name in classes],
        )
        own = [one for one in own if one["estimate"] is not None]
        still = [one for one in own if one["estimate"] in (0, 1)]
        moves = "zero_variance" not in mean.get("flags", ())
        assert (FLAG in mean.get("flags", ())) == (bool(still) and moves), metric
        assert 0 <= mean["low"] <= mean["estimate"] <= mean["high"] <= 1
        if moves:
            below, above = (
                sum(one["estimate"] - one["low"] for one in still) / len(classes),
                sum(one["high"] - one["estimate"] for one in still) / len(classes),
            )
            assert mean["low"] <= mean["estimate"] - below + 1e-9 or mean["low"] == 0
            assert mean["high"] >= mean["estimate"] + above - 1e-9 or mean["high"] == 1


def test_a_class_with_one_error_is_no_class_without_variance():
    y_true = np.repeat([0, 1], [100, 50])
    y_pred = y_true.copy()
    y_pred[[0, 1, 2, 149]] ^= 1
    assert "flags" not in summary(table("binary", y_true, y_pred))["overall"]["balanced_accuracy"]


def test_coverage_where_every_positive_is_often_found():
    truth, inside, narrower = (0.98 + 0.85) / 2, [], []
    rng, y_true = np.random.default_rng(0), np.repeat([0, 1], [60, 25])
    for seed in range(100):
        p = table(
            "binary",
            y_true,
            np.where(rng.random(85) < np.where(y_true, 0.98, 0.85), y_true, 1 - y_true),
        )
        found = summary(p, seed=seed, repetitions=300)["overall"]["balanced_accuracy"]
        narrow = alone(p, "balanced_accuracy")
        inside.append(found["low"] <= truth <= found["high"])
        narrower.append(narrow["low"] <= truth <= narrow["high"])
    assert np.mean(inside) > 0.93
    assert np.mean(narrower) < np.mean(inside)
