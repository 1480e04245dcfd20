"""ROC curves with the AUC and its interval in the legend."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medmonai.metrics import Interval, auc_interval, roc_points
from medmonai.predictions import Predictions

from .style import line_look, new_figure, open_axes, styled

LONGEST_NAME = 28  # characters that fit into the legend of a column beside the numbers


def roc_figure(predictions: Predictions, *, references: Mapping[str, Predictions] | None = None) -> Figure:
    """Draw the ROC curve of a labelled table, with references such as an ideal observer beside it.

    Binary: one curve for class 1 and one a reference. Otherwise: one curve a class against the rest. Classes that are
    absent are named in the legend without a curve. Intervals are those of `auc_interval`, 95 %, with the table's groups.

    Args:
        predictions: a table with labels.
        references: name -> binary table with labels, drawn beside a binary one.

    Returns:
        A figure of column width, unknown to pyplot.

    Raises:
        ValueError: a table without labels, or references where either table is not binary.
    """
    tables = {"model": predictions, **(references or {})}
    for name, table in tables.items():
        if table.y_true is None:
            raise ValueError(f"the table of {name!r} has no y_true; a ROC curve needs labels.")
        if references and table.task.kind != "binary":
            raise ValueError(f"the table of {name!r} is {table.task.kind}; references are drawn for binary tables only.")
    curves = _binary_curves(tables) if predictions.task.kind == "binary" else _class_curves(predictions)
    with styled():
        outside = len(curves) > 4
        figure = new_figure(3.4 + (0.16 * len(curves) if outside else 0))
        axes = figure.subplots()
        for index, (label, y_true, y_score, interval) in enumerate(curves):
            _draw(axes, label, roc_points(y_true, y_score), interval, line_look(index))
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal", xlabel="1 - specificity", ylabel="sensitivity")
        open_axes(axes)
        where = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17)} if outside else {"loc": "lower right"}
        axes.legend(framealpha=0.8, edgecolor="none", title="AUC (95 % interval)", title_fontsize=7, handlelength=1.8, **where)
    return figure


def _draw(axes: Axes, label: str, points: tuple[np.ndarray, np.ndarray], interval: Interval, look: dict) -> None:
    value = interval.estimate
    text = "undefined" if np.isnan(value) else f"{value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
    short = label if len(label) <= LONGEST_NAME else label[: LONGEST_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"
    axes.plot(*points, label=f"{short}: {text}", **look)


def _binary_curves(tables: Mapping[str, Predictions]) -> list[tuple[str, np.ndarray, np.ndarray, Interval]]:
    curves = []
    for name, table in tables.items():
        label = table.class_names[1] if len(tables) == 1 else name.replace("_", " ")
        curves.append((label, table.y_true, table.positive_scores, _interval(table, table.y_true, table.positive_scores)))
    return curves


def _class_curves(table: Predictions) -> list[tuple[str, np.ndarray, np.ndarray, Interval]]:
    curves = []
    for c, name in enumerate(table.class_names):
        y_true = (table.y_true == c).astype(np.int64) if table.task.exclusive else table.y_true[:, c]
        curves.append((name, y_true, table.y_score[:, c], _interval(table, y_true, table.y_score[:, c])))
    return curves


def _interval(table: Predictions, y_true: np.ndarray, y_score: np.ndarray) -> Interval:
    with warnings.catch_warnings():  # the legend says "undefined"
        warnings.simplefilter("ignore", UserWarning)
        return auc_interval(y_true, y_score, groups=table.groups)
