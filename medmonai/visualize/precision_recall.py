"""Precision-recall curves with the average precision in the legend and the prevalence as a line."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medmonai.metrics import OperatingPoint, average_precision_interval, precision_recall_points
from medmonai.metrics.ranking import precision_recall_band
from medmonai.predictions import Predictions

from .curve_data import Curve, curves_of, positive_of, tables_of
from .curves import Plane, curve_figure


def precision_recall_figure(
    predictions: Predictions | Mapping[str, Predictions],
    *,
    references: Mapping[str, Predictions] | None = None,
    band: bool = False,
    operating_points: OperatingPoint
    | Sequence[OperatingPoint]
    | Mapping[str, OperatingPoint | Sequence[OperatingPoint]]
    | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Figure:
    """Draw precision against recall, in the layout of `roc_figure`.

    A curve has a step at each distinct score, as in average precision = sum (R_k - R_(k-1)) P_k.
    The dashed lines are the prevalences, the precision of a score without information; more than
    four are left out. Precision depends on the prevalence, so curves of data sets with different
    prevalences cannot be compared. Intervals of the average precision are those of
    `average_precision_interval`, with the table's groups. The band is pointwise: it holds
    percentiles of the precision at each recall over 1,000 bootstraps of the cases (of the groups,
    if the table has them).

    Args:
        predictions: a table with labels, or model name -> table of the same task.
        references: name -> binary table with labels, drawn with a binary one.
        band: draw the pointwise 95 % bootstrap band.
        operating_points: as for `roc_figure`.
        confidence: nominal coverage of the intervals.
        seed: of the band.

    Returns:
        A figure of column width, unknown to pyplot.

    Raises:
        ValueError: as for `roc_figure`.
    """
    classes = curves_of(tables_of(predictions, references), operating_points)
    panels = len(classes) > 1 and (band or operating_points is not None or len(classes[0]) > 1)
    plane = Plane(
        corners=_corners,
        band=precision_recall_band,
        place=_place,
        text=partial(_text, confidence=confidence),
        behind=_prevalences,
        labels=(f"recall (sensitivity){positive_of(classes)}", "precision"),
        legend=f"average precision ({100 * confidence:g} % interval)",
        with_band=band,
        seed=seed,
    )
    return curve_figure(classes, plane, panels=panels)


def _corners(y_true: np.ndarray, y_score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the steps: each precision holds from the previous recall to its own."""
    if np.min(y_true) == np.max(y_true):
        return np.empty(0), np.empty(0)
    recall, precision, _ = precision_recall_points(y_true, y_score)
    return np.append(0, np.repeat(recall, 2)[:-1]), np.repeat(precision, 2)


def _text(curve: Curve, *, confidence: float) -> str:
    with warnings.catch_warnings():  # the legend says "undefined"
        warnings.simplefilter("ignore", UserWarning)
        found = average_precision_interval(
            curve.y_true, curve.y_score, confidence=confidence, groups=curve.groups
        )
    if found["estimate"] is None:
        return "undefined"
    ends = "" if found["low"] is None else f" ({found['low']:.3f} to {found['high']:.3f})"
    return f"{found['estimate']:.3f}{ends}"


def _place(y_true: np.ndarray, called: np.ndarray) -> tuple[float, float]:
    """Return recall and precision of the cases called positive; NaN without such a case."""
    return float(called[y_true == 1].mean()), float(
        y_true[called].mean()
    ) if called.any() else np.nan


def _prevalences(axes: Axes, curves: Sequence[Curve]) -> None:
    prevalences = {float(np.mean(curve.y_true)) for curve in curves}
    for prevalence in prevalences if len(prevalences) <= 4 else ():
        axes.axhline(prevalence, color="0.6", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
