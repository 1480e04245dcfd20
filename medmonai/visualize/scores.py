"""The distribution of the scores for each outcome, and of the classes in each split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from medmonai.metrics import OperatingPoint
from medmonai.predictions import Predictions

from .names import shortened
from .panels import PANEL_TEXT, PANEL_TITLE, label_panels, panel_figure, panel_names, title_panel
from .style import COLORS, new_figure, open_axes, styled

BINS = 25


def score_distribution_figure(
    predictions: Predictions, *, operating_point: OperatingPoint | None = None
) -> Figure:
    """Draw two histograms of the scores: of cases with the class and of the others.

    Binary: the scores of class 1. Otherwise: one panel per class with the scores of that class.
    Each histogram shows shares of its own outcome, so a rare one can be seen; the legend has the
    numbers of cases. Scores outside [0, 1], such as logits, are drawn over their own range.

    Args:
        predictions: a table with labels.
        operating_point: its thresholds are vertical lines; the highest-score rule has none.

    Returns:
        A figure of column width, unknown to pyplot.

    Raises:
        ValueError: a table without labels.
    """
    p = predictions
    if p.y_true is None:
        raise ValueError("predictions have no y_true; a distribution per outcome needs labels.")
    columns = [1] if p.task.kind == "binary" else list(range(p.task.num_classes))
    thresholds = () if operating_point is None else operating_point.thresholds
    thresholds = thresholds or (None,) * len(columns)
    low = min(0.0, p.y_score.min())
    high = max(1.0, p.y_score.max())
    with styled():
        figure, panels = panel_figure(
            len(columns), height=1.1, extra=0.0 if len(columns) == 1 else 0.3
        )
        tops = []
        outcomes = p.task.one_hot(p.y_true)
        names = panel_names(
            p.class_names, beside=len(f"({outcomes[:, columns].sum(axis=0).max():,})")
        )
        for axes, c, name, threshold in zip(panels, columns, names[columns[0] :], thresholds):
            has = outcomes[:, c] == 1
            tops.append(
                _two_histograms(axes, p.y_score[:, c], has, np.linspace(low, high, BINS + 1))
            )
            if threshold is not None:
                axes.axvline(threshold, color="black", linewidth=0.9, linestyle="--")
            if len(columns) > 1:
                title_panel(axes, f"{name} ({int(has.sum()):,})")
        for axes in panels:  # they share the axis: the highest bar of all decides
            axes.set_ylim(0, 1.05 * max(tops))
        if len(columns) == 1:
            _label_binary(panels[0], p, operating_point)
        else:
            label_panels(panels, "score", "% of outcome")
            figure.legend(
                handles=_keys(
                    ["other cases", "cases with the class (how many)"], thresholds[0] is not None
                ),
                loc="outside upper center",
                ncols=3,
                fontsize=PANEL_TEXT,
                frameon=False,
            )
    return figure


def _two_histograms(axes: Axes, scores: np.ndarray, has: np.ndarray, edges: np.ndarray) -> float:
    """Draw the scores of both outcomes and return the height of the highest bar."""
    highest = 0.0
    for color, own, front in ((COLORS[0], ~has, 1), (COLORS[1], has, 2)):
        share = np.histogram(scores[own], edges)[0] * (100 / max(1, own.sum()))
        highest = max(highest, float(share.max()))
        axes.stairs(share, edges, fill=True, color=color, alpha=0.3, linewidth=0, zorder=front)
        axes.stairs(
            share,
            edges,
            color=color,
            linewidth=1,
            zorder=front,
            linestyle="-" if front == 1 else (0, (3, 1)),
        )
    axes.set_xlim(edges[0], edges[-1])
    return highest


def _label_binary(axes: Axes, p: Predictions, point: OperatingPoint | None) -> None:
    counts = np.bincount(p.labels, minlength=2)
    texts = [f"{name} ({count:,})" for name, count in zip(shortened(p.class_names, 30), counts)]
    axes.tick_params(labelsize=7)
    axes.set_xlabel(f"score of {shortened(p.class_names, 30)[1]}")
    axes.set_ylabel("% of outcome")
    thresholds = () if point is None else point.thresholds
    handles = _keys(texts, bool(thresholds))
    if thresholds:
        handles[-1].set_label(f"threshold {thresholds[0]:.3g}")
    axes.figure.legend(
        handles=handles, loc="outside upper center", ncols=1, fontsize=7, frameon=False
    )


def _keys(texts: Sequence[str], threshold: bool) -> list[Patch | Line2D]:
    keys: list[Patch | Line2D] = [
        Patch(facecolor=(color, 0.3), edgecolor=color, label=text, linestyle=style)
        for color, text, style in zip(COLORS, texts, ("-", (0, (3, 1))))
    ]
    return (
        [*keys, Line2D([], [], color="black", linewidth=0.9, linestyle="--", label="threshold")]
        if threshold
        else keys
    )


def label_distribution_figure(
    counts: Mapping[str, Mapping[str, int]], *, cases: Mapping[str, int] | None = None
) -> Figure:
    """Draw the share of each class in each split as bars, with the counts next to them.

    Args:
        counts: split -> class name -> cases, such as ``{cohort.split: cohort.class_counts()}``.
        cases: split -> number of cases. Needed if a case can have several labels or none; default:
            the sum of the counts.

    Returns:
        A figure of column width, with 0.12 inches per bar, unknown to pyplot.

    Raises:
        ValueError: no split, no class, splits with different classes, negative counts, or a split
            that `cases` lacks.

    Example:
        >>> figure = label_distribution_figure(
        ...     {"train": {"normal": 30, "sick": 10}, "test": {"normal": 5, "sick": 5}}
        ... )
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
        ['normal', 'sick']
    """
    names = list(next(iter(counts.values()), ()))
    wrong = [
        split
        for split, of_split in counts.items()
        if list(of_split) != names or min(of_split.values(), default=-1) < 0
    ]
    if not names or wrong:
        raise ValueError(
            f"counts of {wrong[:1] or list(counts)} do not fit; every split needs the same "
            "classes, at least one, with counts of 0 or more."
        )
    missing = [split for split in counts if cases is not None and split not in cases]
    if missing:
        raise ValueError(
            f"cases lack the split {missing[0]!r}; give the number of cases for every split."
        )
    with styled():
        bar = 0.8 / len(counts)
        figure = new_figure(0.7 + 0.14 * len(counts) + len(names) * (0.12 * len(counts) + 0.05))
        axes = figure.subplots()
        for index, (split, of_split) in enumerate(counts.items()):
            total = sum(of_split.values()) if cases is None else cases[split]
            shares = [100 * count / max(1, total) for count in of_split.values()]
            places = np.arange(len(names)) + (index - (len(counts) - 1) / 2) * bar
            bars = axes.barh(
                places,
                shares,
                height=0.9 * bar,
                color=COLORS[index % len(COLORS)],
                label=f"{shortened([split], 20)[0]} ({total:,} cases)",
            )
            axes.bar_label(
                bars, [f"{count:,}" for count in of_split.values()], fontsize=PANEL_TEXT, padding=2
            )
        axes.set_yticks(range(len(names)), shortened(names, 24), fontsize=7)
        axes.set(xlabel="% of the cases of a split", xlim=(0, axes.get_xlim()[1] * 1.12))
        axes.set_ylim(len(names) - 0.5, -0.5)
        open_axes(axes)
        figure.legend(loc="outside upper center", fontsize=PANEL_TITLE, frameon=False, ncols=1)
    return figure
