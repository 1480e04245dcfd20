"""Differences between models with their intervals, one row per pair."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from medmonai.metrics import Comparison

from .names import shortened
from .style import COLORS, new_figure, open_axes, styled

# Verdict on the first of a pair -> color, marker: distinct without color too.
_LOOKS = {
    "better": (COLORS[0], "^"),
    "worse": (COLORS[1], "v"),
    "not distinguishable": ("0.35", "o"),
}


def comparison_figure(comparisons: Sequence[Comparison]) -> Figure:
    """Draw the difference of each pair, first minus second, with its interval, p value and verdict.

    The interval belongs to one pair alone; p value and verdict follow Holm's correction over all
    pairs. So an interval may exclude 0 although the verdict is "not distinguishable". Names longer
    than 24 characters are shortened.

    Args:
        comparisons: of one metric, as `medmonai.metrics.compare_tables` returns them. An undefined
            difference has no mark.

    Returns:
        A figure of column width, with 0.36 inches per pair, unknown to pyplot.

    Raises:
        ValueError: no comparison, or two metrics.
    """
    metrics = {comparison.metric for comparison in comparisons}
    if len(metrics) != 1:
        raise ValueError(
            f"comparisons of the metrics {sorted(metrics)}; a figure needs at least one pair, "
            "all of one metric."
        )
    models = list(dict.fromkeys(name for c in comparisons for name in (c.a, c.b)))
    short = dict(zip(models, shortened(models, 24)))
    with styled():
        figure = new_figure(0.95 + 0.36 * len(comparisons))
        axes = figure.subplots()
        for row, c in enumerate(comparisons):
            _draw(axes, row, c, f"{short[c.a]} - {short[c.b]}")
        axes.axvline(0, color="0.6", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        axes.set(
            ylim=(len(comparisons) - 0.65, -0.65),
            yticks=[],
            xlabel=(
                "difference in "
                f"{_metric_name(metrics.pop())} ({100 * comparisons[0].confidence:g} % interval)"
            ),
        )
        axes.spines["left"].set_visible(False)
        open_axes(axes)
        figure.legend(
            handles=[
                Line2D([], [], color=color, marker=marker, markersize=4, label=verdict)
                for verdict, (color, marker) in _LOOKS.items()
                if any(c.verdict == verdict for c in comparisons)
            ],
            loc="outside upper center",
            ncols=3,
            frameon=False,
            title_fontsize=7,
            title="the first is (p after Holm's correction)",
            columnspacing=1,
            handlelength=1.6,
        )
    return figure


def _draw(axes: Axes, row: int, c: Comparison, pair: str) -> None:
    """Draw the interval of one pair, with its name on the left and its p value on the right."""
    color, marker = _LOOKS[c.verdict]
    axes.plot([c.low, c.high], [row, row], color=color, linewidth=1.4, solid_capstyle="butt")
    axes.plot([c.difference], [row], color=color, marker=marker, markersize=5, linestyle="")
    for place, side, text in ((0, "left", pair), (1, "right", f"p {_p_value(c.p_holm)}")):
        axes.text(
            place,
            row - 0.34,
            text,
            transform=axes.get_yaxis_transform(),
            fontsize=6.5,
            ha=side,
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )


def _p_value(p: float | None) -> str:
    if p is None or math.isnan(p):
        return "undefined"
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _metric_name(metric: str) -> str:
    return metric.upper() if metric == "auc" else metric.replace("_", " ")
