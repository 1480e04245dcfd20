"""Confusion matrices: rows are true classes, columns are predicted classes, the shade is the
share of the true class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .names import shortened
from .panels import PANEL_TEXT, PANEL_TITLE, label_panels, panel_figure, panel_names, title_panel
from .style import COLUMN_WIDTH, new_figure, styled

Normalize = Literal["true", "predicted", "all"]
_PARTS = {
    "true": "share of the true class",
    "predicted": "share of the predicted class",
    "all": "share of all cases",
}


def confusion_figure(
    matrix: Any,
    class_names: Sequence[str] | None = None,
    *,
    normalize: Normalize = "true",
    width: float = COLUMN_WIDTH,
) -> Figure:
    """Draw a confusion matrix, or one 2 x 2 matrix per label.

    A cell holds its share in percent and, where there is room, the count. Cells without cases stay
    empty; the row of an absent class is hatched. Counts of about 5 classes fit into a column (3.5
    inches), more if the names are short. With 9 or 11 classes, percentages alone are legible there;
    pass ``width=7`` (two columns) to see the counts.

    Args:
        matrix: (C, C) counts, rows are the truth; or of a multilabel table (L, 2, 2) or label ->
            [[tn, fp], [fn, tp]].
        class_names: one per class or label; not needed if `matrix` names its labels.
        normalize: what is 100 %: each row ("true"; the diagonal is the recall), each column
            ("predicted"; the diagonal is the precision) or everything ("all").
        width: inches.

    Returns:
        A figure unknown to pyplot.

    Raises:
        ValueError: another shape, counts that are negative or not whole numbers, another number of
            names, or an unknown `normalize`.

    Example:
        >>> confusion_figure([[50, 3], [4, 40]], ("normal", "pneumonia")).axes[0].get_ylabel()
        'true class (cases)'
    """
    if normalize not in get_args(Normalize):
        raise ValueError(
            f"normalize={normalize!r} is unknown; use one of {', '.join(get_args(Normalize))}."
        )
    if isinstance(matrix, Mapping):
        class_names = tuple(matrix)
        matrix = list(matrix.values())
    counts = np.asarray(matrix)
    classes = len(counts) if counts.ndim else 0
    if counts.shape not in ((classes, classes), (classes, 2, 2)) or classes == 0:
        raise ValueError(
            f"matrix has shape {counts.shape}; (C, C), or (L, 2, 2) for labels, is needed."
        )
    if class_names is None or len(class_names) != classes:
        raise ValueError(
            f"class_names={class_names}; a matrix of {classes} classes needs {classes} names."
        )
    if (
        counts.dtype.kind not in "iuf"
        or not (np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts))).all()
    ):
        raise ValueError(
            "matrix holds values that are not counts; whole numbers of 0 or more are needed."
        )
    with styled():
        if counts.ndim == 3:
            return _label_panels(counts.astype(np.int64), class_names, normalize)
        return _one_matrix(counts.astype(np.int64), class_names, normalize, width)


def _one_matrix(
    counts: np.ndarray, class_names: Sequence[str], normalize: Normalize, width: float
) -> Figure:
    classes = len(counts)
    names = shortened(class_names, 28 if width >= 6 else 20 if classes <= 6 else 17)
    longest = max(map(len, names))
    upright = longest * classes > 11 * width  # column names side by side would meet
    small = PANEL_TEXT if classes > 6 else 7
    rows = [f"{name} ({total:,})" for name, total in zip(names, counts.sum(axis=1))]
    cell = (width - small * 0.0083 * max(map(len, rows)) - 0.4) / classes
    figure = new_figure(classes * cell + 0.6 + (0.056 * longest if upright else 0.1), width=width)
    axes = figure.subplots()
    longest_count = max(4, len(f"{counts.max():,}"))  # as wide as "99 %"
    room = cell * 72 * 1.5  # points of one character
    with_counts = room / longest_count >= 6.5
    _shade(
        axes,
        counts,
        normalize,
        points=min(8.0, room / longest_count) if with_counts else min(6.5, room / 3),
        with_counts=with_counts,
    )
    axes.set_xticks(range(classes), names, rotation=90 if upright else 0, fontsize=small)
    axes.set_yticks(range(classes), rows, fontsize=small)
    axes.set(xlabel="predicted class", ylabel="true class (cases)")
    axes.set_title(f"%: {_PARTS[normalize]}", fontsize=7, loc="right", pad=3)
    return figure


def _label_panels(counts: np.ndarray, class_names: Sequence[str], normalize: Normalize) -> Figure:
    figure, panels = panel_figure(len(counts), height=1.2, extra=0.15)
    for axes, matrix, name in zip(panels, counts, panel_names(class_names)):
        _shade(axes, matrix, normalize, points=PANEL_TEXT, with_counts=True)
        title_panel(axes, name)
        axes.set_xticks([0, 1], ["no", "yes"])
        axes.set_yticks([0, 1], ["no", "yes"])
    label_panels(panels, "predicted", "true")
    figure.suptitle(f"%: {_PARTS[normalize]}", fontsize=PANEL_TITLE, x=0.99, ha="right")
    return figure


def _shade(
    axes: Axes, counts: np.ndarray, normalize: Normalize, *, points: float, with_counts: bool
) -> None:
    whole = {
        "true": counts.sum(axis=1, keepdims=True),
        "predicted": counts.sum(axis=0, keepdims=True),
        "all": counts.sum(keepdims=True),
    }[normalize]
    share = counts / np.maximum(whole, 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    axes.tick_params(length=0)
    for row, column in zip(*np.nonzero(counts)):
        text = _percent(share[row, column], with_sign=with_counts)
        if with_counts:
            text = f"{text}\n{counts[row, column]:,}"
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=points,
            linespacing=1.05,
            color="white" if share[row, column] > 0.55 else "black",
        )
    for row in np.flatnonzero(counts.sum(axis=1) == 0):
        axes.axhspan(
            row - 0.5, row + 0.5, facecolor="none", edgecolor="0.75", hatch="////", linewidth=0
        )


def _percent(share: float, *, with_sign: bool) -> str:
    """Return a whole percentage; "<1" for a share above 0 that rounds to 0, ">99" for one below 1
    that rounds to 100.
    """
    text = "<1" if share < 0.005 else ">99" if 0.995 <= share < 1 else f"{100 * share:.0f}"
    return f"{text} %" if with_sign else text
