"""Decision curves: the net benefit of acting on a model, on everyone and on nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from medmonai.metrics.decisions import THRESHOLDS, decision_curve
from medmonai.predictions import Predictions

from .curve_data import LONGEST_NAME, Curve, curves_of, positive_of, tables_of
from .names import shortened
from .panels import PANEL_TEXT, label_panels, panel_figure, panel_names, title_panel
from .style import line_look, new_figure, open_axes, styled

_ALL = {"color": "0.45", "linewidth": 1.0, "linestyle": (0, (1, 1))}
_NOBODY = {"color": "0.45", "linewidth": 0.8, "linestyle": "-"}


def decision_curve_figure(
    predictions: Predictions | Mapping[str, Predictions],
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    band: bool = True,
) -> Figure:
    """Draw net benefit against the probability above which one would act
    (`medmonai.metrics.decision_curve`).

    A model is useful at the thresholds where its curve lies above both others. Binary: class 1,
    one curve per model. Otherwise: one panel per class against the rest. The vertical axis begins
    a little below 0, because acting on everyone falls without bound. A class without cases has no
    curve. Pass calibrated probabilities (`medmonai.metrics.apply_temperature`).

    Args:
        predictions: a table with labels and scores in [0, 1], or model name -> table of the same
            task.
        thresholds: those to draw; the range that a clinician would accept is enough.
        band: draw pointwise 95 % intervals, with the table's groups.

    Returns:
        A figure of column width, unknown to pyplot.

    Raises:
        ValueError: a table without labels, scores outside [0, 1], thresholds outside [0, 1), or
            tables of two tasks.
    """
    classes = curves_of(tables_of(predictions, None), None)
    models = shortened([curve.model for curve in classes[0]], LONGEST_NAME)
    with styled():
        keys = [Line2D([], [], label=name, **line_look(i)) for i, name in enumerate(models)]
        keys += [
            Line2D([], [], label="act on everyone", **_ALL),
            Line2D([], [], label="act on nobody", **_NOBODY),
        ]
        keys += (
            [Patch(facecolor="0.5", alpha=0.3, linewidth=0, label="pointwise 95 % band")]
            if band
            else []
        )
        lines = -(-len(keys) // 2)
        if len(classes) == 1:
            figure = new_figure(2.9 + 0.16 * lines)
            axes = figure.subplots()
            _draw(axes, classes[0], thresholds, band)
            axes.set(xlabel=f"threshold probability{positive_of(classes)}", ylabel="net benefit")
            open_axes(axes)
            figure.legend(handles=keys, loc="outside upper center", frameon=False, ncols=2)
            return figure
        figure, panels = panel_figure(
            len(classes), height=0.95, above=0.15, extra=0.15 * lines, shared_y=False
        )
        # tick labels between the panels
        names = panel_names([curves[0].class_name for curves in classes], beside=2)
        for axes, curves, name in zip(panels, classes, names):
            _draw(axes, curves, thresholds, band, linewidth=0.9)
            title_panel(axes, name)
        label_panels(panels, "threshold", "net benefit")
        figure.legend(
            handles=keys, loc="outside upper center", fontsize=PANEL_TEXT, frameon=False, ncols=2
        )
    return figure


def _draw(
    axes: Axes,
    curves: Sequence[Curve],
    thresholds: Sequence[float],
    band: bool,
    *,
    linewidth: float = 1.3,
) -> None:
    highest = 0.01
    for index, curve in enumerate(curves):
        if not curve.y_true.any():  # nothing to gain: any curve would show harm alone
            axes.text(
                0.5, 0.5, "no cases", transform=axes.transAxes, ha="center", fontsize=PANEL_TEXT
            )
            continue
        found = decision_curve(curve.y_true, curve.y_score, thresholds, groups=curve.groups)
        look = {**line_look(index), "linewidth": linewidth}
        axes.plot(found.thresholds, found.model, **look)
        if band:
            axes.fill_between(
                found.thresholds,
                found.low,
                found.high,
                color=look["color"],
                alpha=0.18,
                linewidth=0,
                zorder=1,
            )
        axes.plot(found.thresholds, found.treat_all, zorder=0, **_ALL)
        highest = max(highest, float(np.mean(curve.y_true)), float(found.high[0]) if band else 0)
    axes.axhline(0, zorder=0, **_NOBODY)
    axes.set(xlim=(0, max(thresholds)), ylim=(-0.15 * highest, 1.05 * highest))
