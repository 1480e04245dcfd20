"""Reliability diagrams: the points drawn are the bins computed; binary, top label, panels; bad
tables.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medmonai.metrics import reliability_bins
from medmonai.predictions import Predictions
from medmonai.task import Task
from medmonai.visualize import calibration_figure, save_figure


def table(kind="binary", classes=2, n=300, sharpness=1.0):
    rng, task = np.random.default_rng(0), Task(kind, classes)
    logits = rng.normal(size=(n, classes))
    if kind == "multilabel":
        scores = 1 / (1 + np.exp(-sharpness * logits))
        y_true = (rng.random((n, classes)) < 1 / (1 + np.exp(-logits))).astype(int)
    else:
        share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        y_true = np.array([rng.choice(classes, p=p) for p in share])
        scores = share**sharpness / (share**sharpness).sum(1, keepdims=True)
    return Predictions(
        np.arange(n), y_true, scores, task, [f"a class of a long name {c}" for c in range(classes)]
    )


def test_binary_before_and_after(tmp_path, all_inside):
    before, after = table(sharpness=3), table()
    figure = calibration_figure(before, after)
    diagram, histogram = figure.axes
    for line, p in zip((diagram.lines[1], diagram.lines[3]), (before, after)):
        bins = reliability_bins(p.y_true, p.positive_scores, 10)
        np.testing.assert_array_equal(
            line.get_xydata(), np.stack([bins.mean_predicted, bins.observed], axis=1)
        )
    assert [t.get_text() for t in diagram.get_legend().get_texts()] == [
        "before recalibration",
        "after recalibration",
    ]
    assert histogram.patches[0].get_data().values.sum() == 300
    all_inside(figure)
    save_figure(figure, tmp_path / "c")


def test_one_table_has_no_legend():
    assert calibration_figure(table()).axes[0].get_legend() is None


@pytest.mark.parametrize("kind", ["multiclass", "ordinal"])
def test_top_label_and_class_by_class(kind, all_inside):
    p = table(kind, 9)
    top = calibration_figure(p)
    assert top.axes[1].get_xlabel() == "probability of the decided class"
    best = p.y_score.argmax(1)
    bins = reliability_bins((best == p.y_true).astype(int), p.y_score.max(1), 10)
    np.testing.assert_array_equal(top.axes[0].lines[1].get_ydata(), bins.observed)
    panels = calibration_figure(p, average="classwise")
    assert len(panels.axes) == 9
    all_inside(panels)


def test_labels_have_a_panel_each(all_inside):
    p = table("multilabel", 14)
    figure = calibration_figure(table("multilabel", 14, sharpness=2), p)
    bins = reliability_bins(p.y_true[:, 13], p.y_score[:, 13], 10)
    np.testing.assert_array_equal(figure.axes[13].lines[3].get_ydata(), bins.observed)
    all_inside(figure)


def test_bad_tables():
    p = table()
    with pytest.raises(ValueError, match="no y_true"):
        calibration_figure(replace(p, y_true=None))
    with pytest.raises(ValueError, match="same cases in the same order"):
        calibration_figure(p, replace(p, ids=p.ids[::-1]))
    with pytest.raises(ValueError, match="needs probabilities"):
        calibration_figure(replace(p, y_score=p.y_score * 3))
