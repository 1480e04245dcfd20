"""Parts of given shares: even classes, whole units, rare classes, against a search of all divisions
and scikit-learn.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit

from medmonai.data.splits.division import part_numbers, rarest_label
from medmonai.task import Task

BINARY = Task("binary", 2)


def counts_of(parts, labels, shares):
    return np.array(
        [np.bincount(labels[parts == p], minlength=labels.max() + 1) for p in range(len(shares))]
    )


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(20, 300), min_size=2, max_size=7),
    val=st.floats(0.06, 0.4),
    test=st.floats(0.06, 0.4),
    seed=st.integers(0, 99),
)
def test_single_cases_are_less_than_one_case_from_their_shares(counts, val, test, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    shares = [1 - val - test, val, test]
    parts = part_numbers(
        labels,
        np.arange(len(labels)),
        task=Task("multiclass", len(counts)),
        shares=shares,
        seed=seed,
    )
    wanted = np.outer(shares, counts)
    found = counts_of(parts, labels, shares)
    assert np.abs(found - wanted).max() < 1
    assert np.abs(found.sum(axis=1) - wanted.sum(axis=1)).max() < 1


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(12, 300),
    units=st.integers(4, 200),
    classes=st.integers(2, 5),
    seed=st.integers(0, 999),
)
def test_units_are_never_divided_and_every_case_has_a_part(n, units, classes, seed):
    rng = np.random.default_rng(seed)
    labels, unit = rng.integers(0, classes, n), rng.integers(0, units, n)
    shares = rng.dirichlet([4, 2, 1]) * 0.94 + 0.02
    parts = part_numbers(labels, unit, task=Task("multiclass", classes), shares=shares, seed=seed)
    assert parts.min() >= 0 and parts.max() <= 2
    assert all(len(set(parts[unit == u])) == 1 for u in set(unit))


@settings(max_examples=100, deadline=None)
@given(counts=st.lists(st.integers(3, 12), min_size=2, max_size=6), seed=st.integers(0, 99))
def test_a_rare_class_is_in_every_part_as_long_as_it_has_enough_cases(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    parts = part_numbers(
        labels,
        np.arange(len(labels)),
        task=Task("multiclass", len(counts)),
        shares=[0.9, 0.05, 0.05],
        seed=seed,
    )
    assert counts_of(parts, labels, range(3)).min() == 1


def test_a_class_of_three_patients_is_in_every_part():
    """The large unit of 5 would go to train three times by its size alone; every part gets one."""
    labels = np.array([1] * 15 + [0] * 100)
    units = np.array([0] * 5 + [1] * 5 + [2] * 5 + list(range(3, 103)))
    parts = part_numbers(labels, units, task=BINARY, shares=[0.7, 0.15, 0.15])
    assert sorted(parts[[0, 5, 10]]) == [0, 1, 2]


@pytest.mark.parametrize("seed", range(6))
def test_few_large_units_are_about_as_even_as_the_best_of_all_divisions(seed):
    """Nine patients, 3^9 divisions: our deviation from the shares is at most the best one's and a
    case more.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 9, 9)
    units = np.repeat(np.arange(9), sizes)
    labels = np.arange(len(units)) % 2
    shares = np.array([0.6, 0.2, 0.2])
    wanted = np.outer(shares, np.bincount(labels))

    def worst(parts):
        return np.abs(counts_of(parts, labels, shares) - wanted).max()

    best = min(worst(np.array(of_unit)[units]) for of_unit in itertools.product(range(3), repeat=9))
    assert worst(part_numbers(labels, units, task=BINARY, shares=shares, seed=seed)) <= best + 1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("of_patient", [True, False])
def test_patients_of_many_cases_end_near_the_shares(seed, of_patient):
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(300), rng.integers(2, 13, 300))
    labels = (
        (rng.random(300) < 0.25)[units].astype(int)
        if of_patient
        else (rng.random(len(units)) < 0.25).astype(int)
    )
    shares = np.array([0.7, 0.15, 0.15])
    found = counts_of(
        part_numbers(labels, units, task=BINARY, shares=shares, seed=seed), labels, shares
    )
    assert np.abs(found - np.outer(shares, np.bincount(labels))).max() < 3


def test_the_counts_are_scikit_learns():
    labels = np.repeat([0, 1, 2], [500, 300, 40])
    parts = part_numbers(labels, np.arange(840), task=Task("multiclass", 3), shares=[0.8, 0.2])
    theirs = next(StratifiedShuffleSplit(1, test_size=0.2, random_state=0).split(labels, labels))[1]
    assert np.array_equal(np.bincount(labels[parts == 1]), np.bincount(labels[theirs]))


def test_the_seed_decides_who_and_not_how_many():
    labels = np.arange(200) % 2
    parts = [
        part_numbers(labels, np.arange(200), task=BINARY, shares=[3, 1], seed=s) for s in (0, 0, 1)
    ]
    assert np.array_equal(parts[0], parts[1]) and not np.array_equal(parts[0], parts[2])
    assert [np.bincount(p).tolist() for p in parts] == [[150, 50]] * 3


def test_the_names_of_the_units_do_not_matter():
    rng = np.random.default_rng(0)
    labels, units = rng.integers(0, 2, 100), rng.integers(0, 40, 100)
    parts = [
        part_numbers(labels, u, task=BINARY, shares=[3, 1])
        for u in (units, units * 7 + 3, np.char.mod("p%03d", units))
    ]
    assert np.array_equal(parts[0], parts[1]) and np.array_equal(parts[0], parts[2])


def test_rare_labels_of_a_multilabel_task_are_spread():
    rng = np.random.default_rng(0)
    labels = (rng.random((400, 3)) < [0.5, 0.05, 0.3]).astype(int)
    parts = part_numbers(labels, np.arange(400), task=Task("multilabel", 3), shares=[0.8, 0.2])
    assert abs(labels[parts == 1, 1].sum() - 0.2 * labels[:, 1].sum()) < 1
    assert rarest_label(
        np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 0, 1], [1, 0, 1]])
    ).tolist() == [1, 0, 3, 2, 2]


def test_220_025_cases_and_70_000_patients():
    """With anything quadratic this does not end."""
    rng = np.random.default_rng(0)
    labels, units = rng.integers(0, 2, 220_025), rng.integers(0, 70_000, 220_025)
    parts = part_numbers(labels, units, task=BINARY, shares=[0.7, 0.15, 0.15])
    assert np.allclose(np.bincount(parts) / len(parts), [0.7, 0.15, 0.15], atol=0.01)
