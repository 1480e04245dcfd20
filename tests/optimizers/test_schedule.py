"""OneCycle: values by hand, torch's curve, its end, pickling."""

from __future__ import annotations

import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medmonai.optimizers import OneCycle


def test_by_hand():
    cycle = OneCycle(10, warmup=0.2, start=0.5, end=0.1)
    assert cycle(0) == 0.5
    assert cycle(1) == pytest.approx(0.75)
    assert cycle(2) == 1.0
    assert cycle(6) == pytest.approx(0.55)
    assert cycle(10) == cycle(11) == cycle(10**9) == 0.1


def test_it_is_torchs_curve():
    steps = 101
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    # torch puts its peak at pct_start * total - 1 and its end at total - 1.
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=1.0,
        total_steps=steps,
        pct_start=31 / 101,
        div_factor=25,
        final_div_factor=400,
        cycle_momentum=False,
    )
    ours = OneCycle(steps - 1, warmup=0.3, start=0.04, end=1e-4)
    for step in range(steps):
        assert ours(step) == pytest.approx(theirs.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        if step < steps - 1:
            theirs.step()


@given(
    total=st.integers(1, 500),
    warmup=st.floats(0, 0.99),
    start=st.floats(0, 1),
    end=st.floats(0, 1),
    step=st.integers(0, 10**6),
)
def test_it_stays_between_its_ends_and_1(total, warmup, start, end, step):
    cycle = OneCycle(total, warmup=warmup, start=start, end=end)
    assert min(start, end) - 1e-12 <= cycle(step) <= 1 + 1e-12


def test_without_warmup_it_starts_at_the_peak():
    assert OneCycle(5, warmup=0)(0) == 1.0


def test_a_prolonged_run_does_not_fail_and_resumes():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, OneCycle(4))
    for _ in range(20):
        optimizer.step()
        schedule.step()
    assert schedule.get_last_lr() == [2.0 * 1e-4]
    other = torch.optim.lr_scheduler.LambdaLR(
        torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0), OneCycle(9)
    )
    other.load_state_dict(schedule.state_dict())
    assert other.lr_lambdas[0] == OneCycle(4)


def test_it_can_be_pickled():  # as a checkpoint of LambdaLR and a spawned process do with it
    assert pickle.loads(pickle.dumps(OneCycle(7, end=0.5))) == OneCycle(7, end=0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"total_steps": 0}, "total_steps=0"),
        ({"total_steps": 5, "warmup": 1.0}, "warmup=1.0"),
        ({"total_steps": 5, "start": -0.1}, "start=-0.1"),
        ({"total_steps": 5, "end": 2}, "end=2"),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        OneCycle(**arguments)
