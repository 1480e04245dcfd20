"""Arms of a study: one row per variant, with its seeds, mean, interval and verdict as given."""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.visualize import save_figure
from medmonai.visualize.arms import arms_figure

SEEDS = {"none": [0.90, 0.92], "flip": [0.95, 0.96, 0.97], "noise": []}
INTERVALS = {"none": (0.92, 0.88, 0.95), "flip": (0.965, 0.93, 0.98)}


def drawn(figure):
    """(x values, y) of every line but the baseline's."""
    return [
        (line.get_xdata(), float(line.get_ydata()[0]))
        for line in figure.axes[0].lines
        if line.get_linestyle() != "--"
    ]


def test_everything_is_where_it_was_given(all_inside):
    figure = arms_figure(
        SEEDS, intervals=INTERVALS, verdicts={"flip": "better"}, baseline="none", selected="flip"
    )
    axes = figure.axes[0]
    lines = [np.asarray(x).tolist() for x, _ in drawn(figure)]
    for row, name in enumerate(["none", "flip"]):
        estimate, low, high = INTERVALS[name]
        for expected in ([low, high], [estimate], SEEDS[name]):
            assert expected in lines
            assert abs(drawn(figure)[lines.index(expected)][1] - row) < 0.5
        assert any(x == pytest.approx([np.mean(SEEDS[name])]) for x in lines)
    assert not any(y > 1.5 for _, y in drawn(figure))  # nothing where no seed is finished
    assert axes.lines[0].get_xdata() == [0.92, 0.92]  # the baseline
    assert [t.get_text() for t in axes.texts] == ["none", "baseline", "flip", "better", "noise"]
    assert axes.patches[0].get_y() == 0.5  # the wash behind the second row
    assert {t.get_text() for t in figure.legends[0].get_texts()} == {
        "all seeds averaged, 95 % interval",
        "better than the baseline",
        "each seed",
        "mean of the seeds",
        "baseline",
        "selected on validation",
    }
    all_inside(figure)


def test_seeds_and_interval_are_two_lines():
    figure = arms_figure({"a": [0.8, 0.9]}, intervals={"a": (0.85, 0.7, 0.95)})
    assert len({y for _, y in drawn(figure)}) == 2


def test_a_verdict_is_told_without_colour():
    names = ["a", "b", "c", "d"]
    figure = arms_figure(
        {name: [] for name in names},
        intervals=dict.fromkeys(names, (0.8, 0.7, 0.9)),
        baseline="a",
        verdicts={"b": "better", "c": "worse", "d": "not distinguishable"},
    )
    markers = [line.get_marker() for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert markers == ["o", "^", "v", "o"]


@pytest.mark.parametrize("count", [1, 2, 20])
def test_long_names_stay_clear_of_the_verdict(tmp_path, all_inside, count):
    names = [
        f"random horizontal flip and Gaussian noise, learning_rate=0.1, x_$={i}"
        for i in range(count)
    ]
    seeds = {name: [0.9, 0.91, 0.93] for name in names}
    figure = arms_figure(
        seeds,
        intervals=dict.fromkeys(names, (0.92, 0.9, 0.94)),
        baseline=names[0],
        verdicts=dict.fromkeys(names[1:], "not distinguishable"),
    )
    all_inside(figure)
    texts = figure.axes[0].texts
    for name, verdict in zip(texts[::2], texts[1::2]):
        assert not name.get_window_extent().overlaps(verdict.get_window_extent())
    png, pdf = save_figure(figure, tmp_path / "arms")
    assert png.stat().st_size > 0 and pdf.stat().st_size > 0


def test_no_seed_at_all(all_inside):
    all_inside(arms_figure({"none": []}))


def test_bad_names():
    for options in ({"baseline": "nine"}, {"selected": "nine"}):
        with pytest.raises(ValueError, match="='nine'; the variants are 'none', 'flip', 'noise'"):
            arms_figure(SEEDS, **options)
    with pytest.raises(ValueError, match="give at least one"):
        arms_figure({})
