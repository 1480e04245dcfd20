"""What a plan will cost, and the step that is measured for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medmonai.planning import Division, make_plan
from medmonai.planning.forecast import forecast
from medmonai.planning.measured_step import MeasuredStep, measure_step
from medmonai.planning.rules import size_choice


def test_minutes_memory_and_disk_follow_from_the_measured_step(seen):
    recipe = {"batch_size": 8, "epochs": 10, "flip_axes": [1], "dataset": {}}
    division = Division("rotation", 5, seed=1)
    step = MeasuredStep(
        2.0, forward_seconds=0.8, kept_bytes=2**30, weight_bytes=2**27, texture_seconds=0.5
    )
    cost = forecast(seen, recipe, [32, 32], division, measured=step)
    # 40 cases in five folds: 24 train in 3 batches, 8 validate, 8 test, each scored 0.1 s a pass.
    epoch = 3 * 2.0 + 8 * 0.1
    member = 10 * epoch + 16 * 0.1 * 2 + 40 * 0.5 + 15
    decoding = 40 * seen.decode_seconds
    assert cost.minutes == pytest.approx((12 + decoding + 5 * member) / 60)
    image = 32 * 32
    assert cost.memory_gb == pytest.approx(
        0.9 + 1 + 8 * 2**27 / 2**30 + (40 * image + 6 * 4 * 8 * image) / 2**30
    )
    assert cost.disk_gb == pytest.approx((40 * image + 5 * 9 * 2**27) / 2**30)
    assert cost.step_seconds == 2.0
    # with covariates, a second network sees the images alone
    twice = forecast(
        seen,
        {**recipe, "dataset": {"covariates": [{"name": "age", "kind": "number"}]}},
        [32, 32],
        division,
        measured=step,
    )
    assert twice.minutes == pytest.approx((12 + decoding + 5 * (2 * member - 40 * 0.5)) / 60)
    assert twice.disk_gb == pytest.approx((40 * image + 2 * 5 * 9 * 2**27) / 2**30)


def test_a_step_of_the_trainer_is_measured(seen):
    recipe = make_plan(seen).recipe
    steps = {n: measure_step(seen, {**recipe, "batch_size": n}, [32, 32]) for n in (8, 16, 32)}
    kept = {n: step.kept_bytes for n, step in steps.items()}
    # Autograd keeps the weights, whatever the batch, and so much of every case.
    assert kept[32] - kept[16] == pytest.approx(2 * (kept[16] - kept[8]), rel=0.05)
    assert len({step.weight_bytes for step in steps.values()}) == 1
    for step in steps.values():
        assert min(step.seconds, step.forward_seconds, step.texture_seconds) > 0


def test_the_step_of_a_second_size_is_measured_and_said(seen):
    plan = make_plan(seen)
    (size, seconds) = plan.cost.smaller
    assert size == tuple(size_choice(seen, scale=0.8)[0]["size"])
    assert size != tuple(size_choice(seen)[0]["size"]) and seconds > 0
    assert plan.cost.line().endswith(f" s, {seconds:.2f} s at {' x '.join(map(str, size))})")


def test_a_set_of_one_size_has_no_second(seen):
    named = replace(seen, listing=None)
    assert size_choice(named, scale=0.5)[0] == size_choice(named)[0]
