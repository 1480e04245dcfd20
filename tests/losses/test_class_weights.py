"""Balanced weights by hand, against scikit-learn, and what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from medmonai.losses import balanced_class_weights
from medmonai.task import Task


def test_by_hand():
    assert balanced_class_weights(np.array([1, 0, 0, 0]), Task("binary", 2)) == (4 / 6, 4 / 2)


@given(counts=st.lists(st.integers(1, 50), min_size=2, max_size=6))
def test_scikit_learns_and_every_class_weighs_the_same(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    weights = np.array(balanced_class_weights(labels, Task("multiclass", len(counts))))
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    np.testing.assert_allclose(weights, expected, rtol=1e-15)
    np.testing.assert_allclose(weights * counts, len(labels) / len(counts))
    assert weights[labels].mean() == pytest.approx(1)


@pytest.mark.parametrize(
    ("labels", "task", "message"),
    [
        ([0, 0, 2], Task("ordinal", 3), r"class 1 has no case \(counts: \[2, 0, 1\]\)"),
        ([0, 2], Task("binary", 2), "allows 0 to 1"),
        ([[0, 1]], Task("multilabel", 2), "one number a label"),
    ],
)
def test_impossible_labels(labels, task, message):
    with pytest.raises(ValueError, match=message):
        balanced_class_weights(np.array(labels), task)
