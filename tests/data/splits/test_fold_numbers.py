"""The numbers of folds: units are never divided, and classes are as even as scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from medmonai.data.splits.folds import fold_numbers, units_of
from medmonai.task import Task

BINARY = Task("binary", 2)


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    folds=st.integers(2, 8),
    seed=st.integers(0, 99),
)
def test_single_cases_are_as_even_as_scikit_learns(counts, folds, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    numbers = fold_numbers(
        labels, np.arange(len(labels)), task=Task("multiclass", len(counts)), folds=folds, seed=seed
    )
    table = np.array(
        [np.bincount(labels[numbers == f], minlength=len(counts)) for f in range(folds)]
    )
    assert np.ptp(table, axis=0).max() <= 1 and np.ptp(table.sum(axis=1)) <= 1
    if max(counts) >= folds and min(counts) >= folds:
        theirs = [
            np.bincount(labels[test], minlength=len(counts))
            for _, test in StratifiedKFold(folds).split(labels, labels)
        ]
        assert np.array_equal(np.sort(table, axis=0), np.sort(theirs, axis=0))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), n=st.integers(10, 120), folds=st.integers(2, 6), seed=st.integers(0, 99))
def test_units_are_never_divided(data, n, folds, seed):
    rng = np.random.default_rng(seed)
    units = rng.integers(0, data.draw(st.integers(folds, n)), n)
    numbers = fold_numbers(rng.integers(0, 2, n), units, task=BINARY, folds=folds, seed=seed)
    assert numbers.min() >= 0 and numbers.max() < folds
    assert all(len(set(numbers[units == unit])) == 1 for unit in units)


@pytest.mark.parametrize("seed", range(3))
def test_large_groups_are_spread_about_as_evenly_as_scikit_learns(seed):
    """300 patients of 1 to 12 cases, a quarter of them positive; spread = sd of the share of
    positives over the folds.
    """
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(300), rng.integers(1, 13, 300))
    labels = (rng.random(300) < 0.25)[units].astype(int)
    numbers = fold_numbers(labels, units, task=BINARY, folds=5, seed=seed)
    theirs = np.empty(len(labels), int)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for f, (_, test) in enumerate(splitter.split(labels, labels, units)):
        theirs[test] = f
    ours, peers = (
        np.array([labels[x == f].mean() for f in range(5)]).std() for x in (numbers, theirs)
    )
    assert ours <= peers + 0.005
    assert np.ptp(np.bincount(numbers)) <= 12


def test_by_hand_a_large_unit_is_made_up_for():
    """Four positives of one patient fill one fold; the four single ones go to the other."""
    labels = np.array([1] * 8 + [0] * 8)
    numbers = fold_numbers(labels, np.array([0] * 4 + list(range(1, 13))), task=BINARY, folds=2)
    assert set(numbers[:4]) != set(numbers[4:8]) and len(set(numbers[4:8])) == 1
    assert np.bincount(numbers[8:]).tolist() == [4, 4]


def test_units_by_hand():
    patients, images = np.array(["p", "q", "q", "r", "s"]), np.array([0, 0, 1, 2, 1])
    assert units_of(patients, images).tolist() == [0, 0, 0, 1, 0]
    assert units_of(images, None).tolist() == [0, 0, 1, 2, 1]


def test_50_000_cases_are_as_even_and_whole_as_few():
    rng = np.random.default_rng(0)
    labels, units = rng.integers(0, 5, 50_000), rng.integers(0, 20_000, 50_000)
    found = fold_numbers(labels, units, task=Task("multiclass", 5), folds=5)
    assert len(set(zip(units.tolist(), found.tolist()))) == len(set(units.tolist()))
    counts = np.array([np.bincount(labels[found == fold], minlength=5) for fold in range(5)])
    assert np.ptp(counts, axis=0).max() <= 5
