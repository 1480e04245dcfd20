"""Threshold and temperature chosen again, cross-fitted and with enough cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from medmonai.metrics import balanced_accuracy, decide
from medmonai.predictions import Predictions
from medmonai.sites.locking import class_units, cross_fit, lock, require_enough, rows_of
from medmonai.task import Task


def table_of(labels, scores, *, groups=None, kind="binary", names=("well", "sick")):
    scores = np.asarray(scores)
    scores = np.stack([1 - scores, scores], 1) if scores.ndim == 1 else scores
    ids = [f"case {i}" for i in range(len(labels))]
    task = Task(kind, len(names))
    return Predictions(ids, labels, scores, task, names, groups=groups)


def noise(n, *, groups=None, seed=0):
    rng = np.random.default_rng(seed)
    return table_of(np.arange(n) % 2, rng.random(n), groups=groups)


def distinct(table):
    return np.array([f"image {i}" for i in range(len(table))])


def accuracy(table, decided):
    matrix = np.zeros((2, 2))
    np.add.at(matrix, (table.labels, decided), 1)
    return float(balanced_accuracy(matrix))


# scores of noise: the temperature goes to its limit, and says so
@pytest.mark.filterwarnings("ignore:temperature=50")
def test_a_threshold_looks_too_good_on_its_own_cases_and_not_across_folds():
    own, crossed = [], []
    for seed in range(20):
        table = noise(60, seed=seed)
        own.append(accuracy(table, decide(table, lock(table, "youden").point)))
        found = cross_fit(table, "youden", distinct(table), seed=0)
        crossed.append(accuracy(table, found.decided))
    assert np.mean(own) > 0.58  # of scores that are noise
    assert abs(np.mean(crossed) - 0.5) < 0.05


def test_each_case_is_decided_by_what_the_other_folds_say():
    table = noise(80, groups=np.array([f"patient {i // 4}" for i in range(80)]))
    found = cross_fit(table, "youden", distinct(table), seed=3)
    thresholds = {point.thresholds[0] for point in found.points}
    assert len(found.points) == 10
    # what was decided fits exactly one division: find for each patient a threshold that was chosen
    # without this patient
    for patient in np.unique(table.groups):
        rows = np.flatnonzero(table.groups == patient)
        scores = table.positive_scores[rows]
        assert any(
            np.array_equal(scores > threshold, found.decided[rows] == 1) for threshold in thresholds
        )


def test_patients_and_copies_are_in_one_fold(monkeypatch):
    chosen = []

    def noted(table, rule):
        chosen.append(set(table.ids.tolist()))
        return lock(table, rule)

    monkeypatch.setattr("medmonai.sites.locking.lock", noted)
    table = noise(80, groups=np.array([f"patient {i // 4}" for i in range(80)]))
    images = distinct(table)
    images[79] = images[0]  # a copy, of another patient
    cross_fit(table, "youden", images, seed=0)
    whole = set(table.ids.tolist())
    left_out = [whole - ids for ids in chosen]
    assert sorted(name for ids in left_out for name in ids) == sorted(whole)
    for ids in left_out:
        patients = {table.groups[int(name.split()[1])] for name in ids}
        for patient in patients:
            members = {str(table.ids[i]) for i in np.flatnonzero(table.groups == patient)}
            assert members <= ids
        assert ("case 0" in ids) == ("case 79" in ids)


def test_probabilities_are_calibrated_across_folds():
    rng = np.random.default_rng(1)
    z = rng.normal(size=400)
    labels = (rng.random(400) < 1 / (1 + np.exp(-z))).astype(int)
    table = table_of(labels, 1 / (1 + np.exp(-(3 * z + 2))))  # too certain, and too high
    found = cross_fit(table, "youden", distinct(table), seed=0)
    logits = np.log(found.calibrated.positive_scores / (1 - found.calibrated.positive_scores))
    slope, level = np.polyfit(z, logits, 1)
    assert slope == pytest.approx(1, abs=0.35) and level == pytest.approx(0, abs=0.35)


def test_decisions_of_every_kind_become_a_table_with_these_decisions():
    rng = np.random.default_rng(0)
    for kind, names in (("multiclass", "abc"), ("ordinal", "abc"), ("multilabel", "abc")):
        scores = rng.random((120, 3))
        labels = rng.integers(0, 2, (120, 3)) if kind == "multilabel" else rng.integers(0, 3, 120)
        if kind != "multilabel":
            scores /= scores.sum(axis=1, keepdims=True)
        table = table_of(labels, scores, kind=kind, names=tuple(names))
        found = cross_fit(table, "youden", distinct(table), seed=0)
        again = decide(found.as_table, lock(found.as_table, "youden").point)
        if kind != "multilabel":
            np.testing.assert_array_equal(found.decided, scores.argmax(axis=1))
            np.testing.assert_array_equal(again, found.decided)
        else:
            np.testing.assert_array_equal(found.as_table.y_score, found.decided)


def test_too_few_of_a_class_are_named_with_the_number_that_is_missing():
    table = table_of(np.repeat([0, 1], [50, 13]), np.linspace(0, 1, 63))
    with pytest.raises(ValueError, match=r"site.csv: too few cases \(sick 13\); 20 .* 7 more of"):
        require_enough(table, distinct(table), where="site.csv")
    enough = table_of(np.repeat([0, 1], [50, 20]), np.linspace(0, 1, 70))
    assert require_enough(enough, distinct(enough), where="s") == {"well": 50, "sick": 20}


def test_patients_are_counted_and_not_their_images_and_copies_once():
    groups = np.array([f"p{i // 2}" for i in range(60)])
    table = table_of(np.arange(60) // 2 % 2, np.linspace(0, 1, 60), groups=groups)
    with pytest.raises(ValueError, match=r"too few patients \(well 15, sick 15\)"):
        require_enough(table, distinct(table), where="site.csv")
    single = table_of(np.arange(60) % 2, np.linspace(0, 1, 60))
    copies = np.array([f"image {i % 30}" for i in range(60)])
    with pytest.raises(ValueError, match="too few cases"):
        require_enough(single, copies, where="site.csv")


def test_a_label_needs_cases_with_and_without_it():
    labels = np.zeros((60, 2), int)
    labels[:30, 0] = 1
    labels[:55, 1] = 1
    table = table_of(labels, np.full((60, 2), 0.5), kind="multilabel", names=("a", "b"))
    units = np.arange(60)
    assert class_units(table, units) == {"a": 30, "not a": 30, "b": 55, "not b": 5}
    with pytest.raises(ValueError, match=r"\(not b 5\)"):
        require_enough(table, distinct(table), where="site.csv")


def test_several_classes_need_ten_of_each():
    labels = np.repeat([0, 1, 2], [10, 10, 9])
    scores = np.full((29, 3), 1 / 3)
    table = table_of(labels, scores, kind="multiclass", names=("a", "b", "c"))
    with pytest.raises(ValueError, match=r"\(c 9\); 10 of each class .* 1 more of c"):
        require_enough(table, distinct(table), where="site.csv")


def test_what_is_chosen_says_where():
    table = noise(60)
    found = lock(table, "sensitivity=0.9")
    assert (found.point.chosen_on, found.temperature.chosen_on) == ("adaptation", "adaptation")
    assert (found.point.n, found.point.rule) == (60, "sensitivity=0.9")
    three = np.full((30, 3), 1 / 3)
    ranked = table_of(np.arange(30) % 3, three, kind="multiclass", names=("a", "b", "c"))
    with pytest.warns(UserWarning, match="temperature"):
        assert lock(ranked, "youden").point.chosen_on == "none"


def test_rows_keep_their_patients():
    table = noise(6, groups=np.array(list("aabbcc")))
    assert rows_of(table, [4, 0]).groups.tolist() == ["c", "a"]


def sensitivity_elsewhere(rule, auc, cases, repetitions=300):
    """Standard deviation of the true sensitivity of a threshold chosen on so many cases of each
    class, whose scores are normal.
    """
    rng = np.random.default_rng(0)
    distance = norm.ppf(auc) * 2**0.5
    labels = np.repeat([0, 1], cases)
    true = []
    for _ in range(repetitions):
        scores = norm.cdf(rng.normal(labels * distance, 1))
        threshold = lock(table_of(labels, scores), rule).point.thresholds[0]
        true.append(norm.sf(norm.ppf(threshold) - distance))
    return np.std(true)


# the figures of docs/how_to/new_site.md: lowest and highest of AUC .8 and .9
@pytest.mark.parametrize(
    ("rule", "cases", "low", "high"),
    [
        ("sensitivity=0.9", 20, 0.07, 0.07),
        ("sensitivity=0.9", 50, 0.04, 0.04),
        ("sensitivity=0.9", 200, 0.02, 0.02),
        ("youden", 20, 0.09, 0.13),
        ("youden", 50, 0.07, 0.11),
        ("youden", 200, 0.04, 0.07),
    ],
)
def test_the_page_says_how_much_a_threshold_of_few_cases_varies(rule, cases, low, high):
    found = sorted(sensitivity_elsewhere(rule, auc, cases) for auc in (0.8, 0.9))
    assert found == pytest.approx([low, high], abs=0.008)
