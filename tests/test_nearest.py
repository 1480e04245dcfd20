"""The nearest known name."""

from __future__ import annotations

import pytest

from medmonai.nearest import did_you_mean, nearest

KNOWN = ("max_epochs", "batch_size", "seed")


@pytest.mark.parametrize(
    ("name", "near"),
    [("max_epoch", "max_epochs"), ("sed", "seed"), ("zzz", None), ("", None), (3, None)],
)
def test_nearest(name, near):
    assert nearest(name, KNOWN) == near


def test_the_sentence():
    assert did_you_mean("sed", KNOWN, show="--{}") == "did you mean --seed?"
    assert did_you_mean("sed", iter(KNOWN)) == "did you mean 'seed'?"
    assert did_you_mean("zzz", KNOWN, otherwise="known are none.") == "known are none."
    assert did_you_mean("seeed", KNOWN, cutoff=1.0) == ""
