"""What ROC and precision-recall figures share: the layout of curves, bands and markers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from medmonai.metrics.ranking import (
    GRID,
    RESAMPLES,
    ResampledCurves,
    curve_thresholds,
    resampled_counts,
)

from .curve_data import LONGEST_NAME, MARKERS, Curve
from .names import shortened
from .panels import PANEL_LEGEND, PANEL_TEXT, PANEL_TITLE, label_panels, panel_figure, panel_names
from .style import line_look, new_figure, open_axes, styled


@dataclass(frozen=True)
class Plane:
    """How a curve is drawn.

    Args:
        corners: labels and scores -> x, y; empty where undefined.
        band: resampled counts -> low, high over `GRID`.
        place: labels and called positive -> place of the marker.
        text: curve -> the area with its interval.
        behind: draws what lies behind the curves.
        labels: of the two axes.
        legend: says what the numbers are.
        with_band: whether bands are drawn.
        seed: of the resampling.
        corner: place of a short legend inside the axes.
    """

    corners: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    band: Callable[[ResampledCurves], tuple[np.ndarray, np.ndarray]]
    place: Callable[[np.ndarray, np.ndarray], tuple[float, float]]
    text: Callable[[Curve], str]
    behind: Callable[[Axes, Sequence[Curve]], None]
    labels: tuple[str, str]
    legend: str
    with_band: bool
    seed: int
    corner: str | None = None


def curve_figure(classes: list[list[Curve]], plane: Plane, *, panels: bool) -> Figure:
    """Draw the curves of all classes in one pair of axes, or in one panel per class."""
    with styled():
        return (_panels if panels else _one_axes)(classes, plane)


def _one_axes(classes: list[list[Curve]], plane: Plane) -> Figure:
    curves = [curve for of_class in classes for curve in of_class]
    several = len(classes[0]) > 1
    names = shortened(
        [curve.model if several else curve.class_name for curve in curves], LONGEST_NAME
    )
    keys = _keys(curves, plane.with_band)
    entries = len(curves) + len(keys)
    inside = plane.corner if entries <= 4 and not plane.with_band else None
    figure = new_figure(3.4 + (0 if inside else 0.4 + 0.172 * entries))
    axes = figure.subplots()
    for index, (curve, name) in enumerate(zip(curves, names)):
        text = _draw(axes, curve, plane, line_look(index))
        axes.lines[-1].set_label(f"{name}: {text}")
        _mark(axes, curve, plane, line_look(index)["color"])
    handles = [line for line in axes.lines if not str(line.get_label()).startswith("_")] + keys
    plane.behind(axes, curves)
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect="equal",
        xlabel=plane.labels[0],
        ylabel=plane.labels[1],
    )
    open_axes(axes)
    legend: Any = axes.legend if inside else figure.legend
    legend(
        handles=handles,
        loc=inside or "outside upper center",
        framealpha=0.8,
        edgecolor="none",
        title=plane.legend,
        title_fontsize=7,
        handlelength=1.8,
        borderpad=0.2,
    )
    return figure


def _panels(classes: list[list[Curve]], plane: Plane) -> Figure:
    several = len(classes[0]) > 1
    looks = [
        Line2D([], [], label=name, **line_look(i))
        for i, name in enumerate(shortened([curve.model for curve in classes[0]], LONGEST_NAME))
        if several
    ]
    keys = [*looks, *_keys([curve for of_class in classes for curve in of_class], plane.with_band)]
    figure, panels = panel_figure(
        len(classes),
        height=1.05,
        above=0.13 + 0.09 * len(classes[0]),
        extra=0.15 * (len(keys) + 1),
        square=True,
    )
    names = panel_names([curves[0].class_name for curves in classes])
    for axes, curves, name in zip(panels, classes, names):
        for index, curve in enumerate(curves):
            text = _draw(axes, curve, plane, {**line_look(index), "linewidth": 0.9})
            axes.lines[-1].set_label(text.replace(" to ", "\N{EN DASH}"))
            _mark(axes, curve, plane, line_look(index)["color"])
        plane.behind(axes, curves)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        _head(axes, name, several=several, lines=1 + len(curves))
    label_panels(panels, *plane.labels)
    figure.legend(
        handles=keys,
        loc="outside upper center",
        fontsize=PANEL_TEXT,
        frameon=False,
        title_fontsize=PANEL_TEXT,
        title=f"below each name: {plane.legend}",
    )
    return figure


def _head(axes: Axes, name: str, *, several: bool, lines: int) -> None:
    """Write the class and the areas above a panel, as a legend that may be wider than the panel."""
    axes.set_title("\n".join([" "] * lines), fontsize=PANEL_TITLE, pad=0)  # room for the legend
    legend = axes.legend(
        title=name,
        title_fontsize=PANEL_TITLE,
        alignment="left",
        loc="lower left",
        bbox_to_anchor=(0, 1),
        fontsize=PANEL_LEGEND,
        frameon=False,
        handlelength=0.7 * several,
        handletextpad=0.3 * several,
        borderaxespad=0.2,
        borderpad=0,
        labelspacing=0.15,
    )
    legend.set_in_layout(False)


def _draw(axes: Axes, curve: Curve, plane: Plane, look: dict[str, Any]) -> str:
    """Draw the curve, last of the axes' lines, and its band; return the text of its area."""
    x, y = plane.corners(curve.y_true, curve.y_score)
    axes.plot(x, y, **look)
    if len(x) and plane.with_band:
        thresholds = curve_thresholds(curve.y_true, curve.y_score)
        low, high = plane.band(
            resampled_counts(
                curve.y_true, curve.y_score, thresholds, groups=curve.groups, seed=plane.seed
            )
        )
        axes.fill_between(GRID, low, high, color=look["color"], alpha=0.18, linewidth=0, zorder=1)
    return plane.text(curve)


def _mark(axes: Axes, curve: Curve, plane: Plane, color: str) -> None:
    for marker, (_, called) in zip(MARKERS, curve.points):
        if 0 < curve.y_true.sum() < len(curve.y_true):
            axes.plot(
                *plane.place(curve.y_true, called),
                marker=marker,
                markersize=5,
                markerfacecolor="white",
                markeredgecolor=color,
                markeredgewidth=1.1,
                linestyle="",
                label="_",
                zorder=3,
                clip_on=False,
            )


def _keys(curves: Sequence[Curve], band: bool) -> list[Any]:
    """Return legend entries for the operating points and the band."""
    keys: dict[str, Any] = {}
    for curve in curves:
        for marker, (text, _) in zip(MARKERS, curve.points):
            keys.setdefault(
                text,
                Line2D(
                    [],
                    [],
                    marker=marker,
                    markersize=5,
                    markerfacecolor="white",
                    linestyle="",
                    markeredgecolor="0.3",
                    label=text,
                ),
            )
    if band:
        unit = "cases" if curves[0].groups is None else "groups"
        text = f"pointwise 95 % band, {RESAMPLES:,} bootstraps of {unit}"
        keys[text] = Patch(facecolor="0.5", alpha=0.3, linewidth=0, label=text)
    return list(keys.values())
