"""ROC curves with the AUC and its interval in the legend; on request with bands, operating points
or several models.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medmonai.metrics import OperatingPoint, auc_interval, roc_points
from medmonai.metrics.ranking import roc_band
from medmonai.predictions import Predictions

from .curve_data import Curve, curves_of, positive_of, tables_of
from .curves import Plane, curve_figure


def roc_figure(
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
    """Draw the ROC curve of a labeled table or of several models, with references such as an ideal
    observer.

    Binary: one curve of class 1 per model or reference. Otherwise: one curve per class against the
    rest, all in one pair of axes; several models, bands and operating points need one panel per
    class. Absent classes are named without a curve. Intervals are those of `auc_interval`, with the
    table's groups.

    The band is pointwise: at each value of 1 - specificity it holds 95 % of the sensitivities of
    1,000 bootstraps of the cases (of the groups, if the table has them). The whole curve lies
    inside less often, and a perfect curve has no band. The point of a multiclass or ordinal table
    (highest score) need not lie on the curve of a class, which uses one score alone.

    Args:
        predictions: a table with labels, or model name -> table of the same task.
        references: name -> binary table with labels, drawn with a binary one.
        band: draw the pointwise bootstrap band.
        operating_points: up to four of the first table, or table name -> one or several (a single
            table is named "model"). Choose them on validation.
        confidence: nominal coverage of the intervals.
        seed: of the band.

    Returns:
        A figure of column width, unknown to pyplot. 14 panels are legible at that width, in 5 rows
        of 3.

    Raises:
        ValueError: a table without labels, tables of two tasks, references unless all tables are
            binary, or an operating point of an unknown table.
    """
    classes = curves_of(tables_of(predictions, references), operating_points)
    panels = len(classes) > 1 and (band or operating_points is not None or len(classes[0]) > 1)
    plane = Plane(
        corners=roc_points,
        band=roc_band,
        place=_place,
        text=partial(_text, confidence=confidence),
        behind=_chance,
        labels=("1 - specificity", f"sensitivity{positive_of(classes)}"),
        legend=f"AUC ({100 * confidence:g} % interval)",
        with_band=band,
        seed=seed,
        corner="lower right",
    )
    return curve_figure(classes, plane, panels=panels)


def _text(curve: Curve, *, confidence: float) -> str:
    with warnings.catch_warnings():  # the legend says "undefined"
        warnings.simplefilter("ignore", UserWarning)
        found = auc_interval(
            curve.y_true, curve.y_score, confidence=confidence, groups=curve.groups
        )
    if np.isnan(found.estimate):
        return "undefined"
    return f"{found.estimate:.3f} ({found.low:.3f} to {found.high:.3f})"


def _place(y_true: np.ndarray, called: np.ndarray) -> tuple[float, float]:
    return float(called[y_true == 0].mean()), float(called[y_true == 1].mean())


def _chance(axes: Axes, curves: Sequence[Curve]) -> None:
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
