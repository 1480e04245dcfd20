"""At most so many training cases of a class are taken, and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.data import Balance, Cohort, Provenance, take_per_class
from medmonai.task import Task

BINARY, LABELS = Task("binary", 2), Task("multilabel", 3)


def cohort(labels, *, split="train", task=BINARY):
    images = np.arange(len(labels) * 16, dtype=np.float32).reshape(-1, 1, 4, 4)
    return Cohort(
        images,
        labels=labels,
        ids=[f"{i}" for i in range(len(labels))],
        task=task,
        split=split,
        class_names=tuple("abcdefg"[: task.num_classes]),
        provenance=Provenance("set"),
        metadata={"sex": np.array(["f", "m"] * len(labels))[: len(labels)]},
    )


def test_at_most_so_many_of_a_class():
    whole = cohort(np.array([0] * 40 + [1] * 6 + [0] * 14))
    part = take_per_class(whole, 10)
    assert part.class_counts() == {"a": 10, "b": 6}
    rows = part.ids.astype(int)
    assert np.all(np.diff(rows) > 0) and np.array_equal(part.images, whole.images[rows])
    assert np.array_equal(part.metadata["sex"], whole.metadata["sex"][rows])
    assert part.provenance.facts == (
        "Of 60 training cases 16 are used: at most 10 of a class (seed 0).",
    )
    assert (
        part.ids.tolist()
        == take_per_class(whole, 10).ids.tolist()
        != take_per_class(whole, 10, seed=1).ids.tolist()
    )
    assert take_per_class(whole, 54) is whole


def test_a_cap_and_a_target_show_every_class_as_often():
    part = take_per_class(cohort(np.array([0] * 40 + [1] * 6)), 10)
    plan = Balance("oversample").plan(part.labels, batch_size=4, seed=0, epoch=1)
    assert np.bincount(part.labels[plan]).tolist() == [10, 10]


@pytest.mark.parametrize(
    ("source", "number", "message"),
    [
        (cohort([0, 1]), 0, "cases=0; a whole number of at least 1"),
        (cohort([0, 1]), 2.5, "cases=2.5"),
        (
            cohort([0, 1], split="test"),
            1,
            "take_per_class was given the test split; only training cases",
        ),
        (cohort(np.eye(3, dtype=int), task=LABELS), 1, "a multilabel task"),
    ],
)
def test_what_is_not_thinned_out(source, number, message):
    with pytest.raises(ValueError, match=message):
        take_per_class(source, number)
