"""When a series is complete: after a release, or after silence."""

from __future__ import annotations

import pytest

from medmonai.serving.node_queue import (
    Arrivals,
)


def test_a_release_or_silence_completes_a_series():
    arrivals = Arrivals(quiet_seconds=60, release_seconds=5)
    arrivals.stored("a", association=1, now=0)
    arrivals.stored("b", association=1, now=1)
    arrivals.stored("b", association=2, now=2)
    arrivals.ended(1, released=True, now=3)
    assert arrivals.complete(7.9) == [] and arrivals.complete(8) == ["a"]
    arrivals.ended(2, released=False, now=9)  # aborted: only silence counts
    assert arrivals.complete(61.9) == [] and arrivals.complete(63) == ["b"]
    assert arrivals.complete(1000) == []


@pytest.mark.parametrize("broken_off", [1, None])
def test_a_release_does_not_make_up_for_what_another_association_lost(broken_off):
    arrivals = Arrivals(quiet_seconds=60, release_seconds=5)
    arrivals.stored("a", association=broken_off, now=0)
    arrivals.stored("a", association=2, now=1)
    arrivals.ended(1, released=False, now=2)
    arrivals.ended(2, released=True, now=3)
    arrivals.ended(2, released=False, now=3)
    assert arrivals.complete(62) == [] and arrivals.complete(63) == ["a"]


def test_a_connection_that_closes_before_its_release_is_noticed():
    arrivals = Arrivals(quiet_seconds=60, release_seconds=5)
    arrivals.stored("a", association=1, now=0)
    arrivals.ended(1, released=False, now=1)
    arrivals.ended(1, released=True, now=1)
    arrivals.ended(2, released=True, now=30)  # brought nothing of it
    assert arrivals.complete(6) == ["a"]


def test_a_sender_with_an_association_for_each_slice():
    arrivals = Arrivals(quiet_seconds=60, release_seconds=5)
    for second in range(0, 40, 4):
        arrivals.stored("a", association=second, now=second)
        arrivals.ended(second, released=True, now=second + 0.5)
        assert arrivals.complete(second + 3.9) == []
    assert arrivals.complete(41.5) == ["a"]


def test_an_association_that_stays_open():
    arrivals = Arrivals(quiet_seconds=60, release_seconds=5)
    arrivals.stored("a", association=1, now=0)
    arrivals.ended(2, released=True, now=1)  # another one
    assert arrivals.complete(59) == [] and arrivals.complete(60) == ["a"]


@pytest.mark.parametrize("times", [{"quiet_seconds": -1}, {"release_seconds": float("nan")}])
def test_times_that_are_none(times):
    with pytest.raises(ValueError, match="0 or more"):
        Arrivals(**times)
