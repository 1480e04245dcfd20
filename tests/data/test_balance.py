import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmonai.data import Balance

LABELS = np.array([0] * 30 + [1] * 7)


def test_none_shows_every_case_once():
    plan = Balance("none").plan(LABELS, batch_size=4, seed=0, epoch=1)
    assert sorted(plan) == list(range(37))


def test_oversample_reaches_parity_and_repeats_evenly():
    plan = Balance("oversample").plan(LABELS, batch_size=4, seed=0, epoch=1)
    counts = np.bincount(plan, minlength=37)
    assert np.bincount(LABELS[plan]).tolist() == [30, 30]
    assert set(counts[:30]) == {1}
    assert set(counts[30:]) == {4, 5}  # 30 = 4 * 7 + 2


def test_target_shows_exactly_so_many_of_each_class():
    balance, labels = Balance("target", target=7), np.array([0] * 20 + [1] * 3 + [2] * 7)
    plan = balance.plan(labels, batch_size=4, seed=0, epoch=1)
    assert np.bincount(labels[plan]).tolist() == [7, 7, 7]
    shown = np.bincount(plan, minlength=30)
    assert shown[:20].max() == 1 and set(shown[20:23]) == {2, 3} and set(shown[23:]) == {1}
    assert set(plan[plan < 20]) != {
        i for i in balance.plan(labels, batch_size=4, seed=0, epoch=2) if i < 20
    }


def test_cap_takes_at_most_so_many_of_a_class():
    plan = Balance("cap", cap=10).plan(LABELS, batch_size=4, seed=0, epoch=1)
    assert np.bincount(LABELS[plan]).tolist() == [10, 7]
    assert len(set(plan)) == len(plan)


def test_dual_holds_the_rate_in_every_batch_and_shows_every_case():
    plan = Balance("dual", positive_rate=0.25).plan(LABELS, batch_size=8, seed=0, epoch=1)
    batches = LABELS[plan].reshape(-1, 8)
    assert (batches.sum(axis=1) == 2).all()
    assert set(plan) == set(range(37))
    assert len(batches) == 5  # 30 negatives, 6 a batch


@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=60).filter(lambda v: len(set(v)) > 1),
    st.integers(0, 2**31),
    st.integers(1, 1000),
)
def test_plans_are_a_function_of_seed_and_epoch(labels, seed, epoch):
    labels = np.array(labels)
    for balance in (Balance("none"), Balance("oversample"), Balance("cap", cap=3)):
        first, second = (
            balance.plan(labels, batch_size=4, seed=seed, epoch=epoch) for _ in range(2)
        )
        assert np.array_equal(first, second)
        assert first.min() >= 0 and first.max() < len(labels)
    counts = np.bincount(
        labels[Balance("oversample").plan(labels, batch_size=4, seed=seed, epoch=epoch)]
    )
    assert set(counts[counts > 0]) == {np.bincount(labels).max()}


def test_epochs_and_seeds_differ():
    plans = [
        Balance().plan(LABELS, batch_size=4, seed=s, epoch=e) for s, e in ((0, 1), (0, 2), (1, 1))
    ]
    assert not any(np.array_equal(a, b) for i, a in enumerate(plans) for b in plans[:i])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"strategy": "smote"}, "unknown; use one of none, oversample, cap, target, dual"),
        ({"strategy": "cap"}, "cap belongs to 'cap'"),
        ({"strategy": "none", "cap": 3}, "cap belongs to 'cap'"),
        ({"strategy": "cap", "cap": 0}, "at least 1"),
        (
            {"strategy": "target"},
            "target belongs to 'target' and only there; give target, the cases of a class",
        ),
        (
            {"strategy": "oversample", "target": 5},
            "target belongs to 'target' and only there; give --train#balance#target None too",
        ),
        ({"strategy": "target", "target": 2.5}, "at least 1"),
        ({"strategy": "dual", "positive_rate": 1.0}, "between 0 and 1"),
    ],
)
def test_bad_settings(arguments, match):
    with pytest.raises(ValueError, match=match):
        Balance(**arguments)


@pytest.mark.parametrize(
    ("balance", "labels", "match"),
    [
        (Balance("oversample"), np.zeros((4, 2), int), "multilabel"),
        (Balance("oversample"), np.zeros(4, int), "at least two classes; the labels hold 1"),
        (Balance("dual"), np.array([0, 1, 2]), "exactly two classes; the labels hold 3"),
    ],
)
def test_labels_that_cannot_be_balanced(balance, labels, match):
    with pytest.raises(ValueError, match=match):
        balance.plan(labels, batch_size=4, seed=0, epoch=1)
