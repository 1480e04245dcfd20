"""Comparison figure: differences, intervals and verdicts as given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medmonai.metrics import Comparison, compare_tables
from medmonai.predictions import Predictions
from medmonai.task import Task
from medmonai.visualize import comparison_figure, save_figure


def pair(a="a", b="b", difference=0.1, verdict="better", p=0.01):
    return Comparison(
        a,
        b,
        "auc",
        difference,
        difference - 0.05,
        difference + 0.05,
        p,
        p,
        verdict,
        "delong",
        90,
        None,
        1,
        1,
        0.95,
        0.05,
    )


def test_a_row_a_pair(tmp_path, all_inside):
    found = [
        pair(),
        pair("a", "c", -0.2, "worse", 1e-5),
        pair("b", "c", 0.01, "not distinguishable", None),
    ]
    figure = comparison_figure(found)
    axes = figure.axes[0]
    for i, c in enumerate(found):
        assert axes.lines[2 * i].get_xydata().tolist() == [[c.low, i], [c.high, i]]
        assert axes.lines[2 * i + 1].get_xydata().tolist() == [[c.difference, i]]
    assert [t.get_text() for t in axes.texts] == [
        "a - b",
        "p = 0.010",
        "a - c",
        "p < 0.001",
        "b - c",
        "p undefined",
    ]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "better",
        "worse",
        "not distinguishable",
    ]
    assert axes.get_xlabel() == "difference in AUC (95 % interval)"
    assert len({line.get_marker() for line in axes.lines[1:6:2]}) == 3
    all_inside(figure)
    save_figure(figure, tmp_path / "c")


def test_long_names_do_not_meet_their_p_value(all_inside):
    found = [
        pair(f"a network with a long name and seed {i}", f"another network with a long name {i}")
        for i in range(10)
    ]
    figure = comparison_figure(found)
    all_inside(figure)
    texts = figure.axes[0].texts
    for name, p in zip(texts[::2], texts[1::2]):
        assert not name.get_window_extent().overlaps(p.get_window_extent())


def test_takes_what_compare_tables_returns():
    y_true, rng = np.repeat([0, 1], 40), np.random.default_rng(0)
    tables = {}
    for i, name in enumerate(("one", "two", "three")):
        p = rng.random(80) * 0.6 + 0.2 * i * y_true
        tables[name] = Predictions(
            np.arange(80), y_true, np.stack([1 - p, p], 1), Task("binary", 2), ("n", "p")
        )
    assert len(comparison_figure(compare_tables(tables)).axes[0].texts) == 6


def test_one_metric():
    with pytest.raises(ValueError, match=r"metrics \['auc', 'f1'\]"):
        comparison_figure([pair(), replace(pair(), metric="f1")])
    with pytest.raises(ValueError, match="at least one pair"):
        comparison_figure([])
