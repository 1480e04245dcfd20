"""Reliability diagrams: how often an outcome predicted with some probability was observed,
before and after recalibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from medmonai.metrics.calibration import Average, calibrated_events, reliability_bins, sums_in_words
from medmonai.predictions import Predictions

from .names import shortened
from .panels import PANEL_TEXT, label_panels, panel_figure, panel_names, title_panel
from .style import COLORS, new_figure, open_axes, styled

_BINS = 20  # of the histogram
_TEXTS = ("before recalibration", "after recalibration")
_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": COLORS[0], "marker": "o", "linestyle": "-"},
    {"color": COLORS[1], "marker": "s", "linestyle": "--"},
)


def calibration_figure(
    before: Predictions,
    after: Predictions | None = None,
    *,
    bins: int = 10,
    average: Average = "top_label",
) -> Figure:
    """Draw the observed share of positives against the mean predicted probability, above a
    histogram of the predictions.

    Bins hold equal numbers of cases (`medmonai.metrics.reliability_bins`). The bars are Wilson
    intervals, which assume independent cases. A perfectly calibrated model lies on the diagonal;
    below it, predictions are too high. The histogram has 20 bins of equal width.

    Args:
        before: a table with labels and scores in [0, 1].
        after: the same cases after `medmonai.metrics.apply_temperature`.
        bins: the largest number of points per curve.
        average: of a multiclass or ordinal table. ``top_label``: one diagram of the decided class's
            probability and how often that class was right. ``classwise``: one panel per class,
            without histograms. A multilabel table always has one panel per label.

    Returns:
        A figure of column width, unknown to pyplot.

    Raises:
        ValueError: a table without labels, scores outside [0, 1], rows that do not sum to 1, or
            tables of different cases or tasks.
    """
    tables = [before] if after is None else [before, after]
    if any(table.y_true is None for table in tables):
        raise ValueError("a table has no y_true; a reliability diagram needs labels.")
    if after is not None and (
        before.task != after.task or not np.array_equal(before.ids, after.ids)
    ):
        raise ValueError(
            f"before has {len(before)} cases of {before.task}, after has {len(after)} of "
            f"{after.task}, or their ids differ; the same cases in the same order are needed."
        )
    if not all(t.score_kind == "logits" or t.calibratable for t in tables):
        raise ValueError(f"no reliability diagram: {sums_in_words(before.y_score)}")
    events = [calibrated_events(t.labels, t.y_score, t.task, average=average) for t in tables]
    with styled():
        count = events[0][0].shape[1]
        return (
            _one(before, events, bins) if count == 1 else _panels(before.class_names, events, bins)
        )


def _one(table: Predictions, events: Sequence[tuple[np.ndarray, np.ndarray]], bins: int) -> Figure:
    figure = new_figure(4.6)
    axes, histogram = figure.subplots(2, height_ratios=(3.6, 1), sharex=True)
    for (happened, p), look, text in zip(events, _LOOKS, _TEXTS):
        _draw(axes, happened[:, 0], p[:, 0], bins, {**look, "label": text})
        values, edges = np.histogram(p[:, 0], np.linspace(0, 1, _BINS + 1))
        histogram.stairs(values, edges, fill=True, alpha=0.25, color=look["color"])
        histogram.stairs(
            values, edges, linestyle=look["linestyle"], color=look["color"], linewidth=1
        )
    binary = table.task.kind == "binary"
    name = shortened(table.class_names, 34)[1] if binary else ""
    histogram.set(
        ylabel="cases",
        xlabel=f"predicted probability of {name}" if binary else "probability of the decided class",
    )
    axes.set_ylabel("observed share" if binary else "share decided correctly")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    for part in (axes, histogram):
        open_axes(part)
    if len(events) > 1:
        axes.legend(loc="upper left", frameon=False)
    figure.align_ylabels()
    return figure


def _panels(
    class_names: Sequence[str], events: Sequence[tuple[np.ndarray, np.ndarray]], bins: int
) -> Figure:
    figure, panels = panel_figure(
        len(class_names), height=1.05, above=0.15, extra=0.15 * len(events), square=True
    )
    for c, (axes, name) in enumerate(zip(panels, panel_names(class_names))):
        for (happened, p), look in zip(events, _LOOKS):
            _draw(axes, happened[:, c], p[:, c], bins, {**look, "linewidth": 0.9}, size=2)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        title_panel(axes, name)
    label_panels(panels, "predicted", "observed share")
    if len(events) > 1:
        keys = [
            Line2D([], [], markersize=3, label=text, **look) for text, look in zip(_TEXTS, _LOOKS)
        ]
        figure.legend(
            handles=keys, loc="outside upper center", fontsize=PANEL_TEXT, frameon=False, ncols=2
        )
    return figure


def _draw(
    axes: Axes, happened: np.ndarray, p: np.ndarray, bins: int, look: dict, *, size: float = 3.5
) -> None:
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    found = reliability_bins(happened, p, bins)
    axes.vlines(
        found.mean_predicted, found.low, found.high, color=look["color"], linewidth=0.8, alpha=0.7
    )
    axes.plot(found.mean_predicted, found.observed, markersize=size, **look)
