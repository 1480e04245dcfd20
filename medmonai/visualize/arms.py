"""The variants of a study on one data set: every seed, their mean, the interval over cases, and the
verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .names import shortened
from .style import COLORS, new_figure, open_axes, styled

# Verdict on a variant -> color, marker of its interval: distinct without color too.
_LOOKS = {"better": (COLORS[0], "^"), "worse": (COLORS[1], "v")}
_OTHER = ("0.35", "o")
_WASH = "#FFF3D6"  # behind the selected row
_NAMES, _INTERVAL, _SEEDS = -0.30, 0.0, 0.24  # places within a row of height 1
_BASELINE: dict[str, Any] = {"color": "0.6", "linewidth": 0.8, "linestyle": (0, (4, 3))}
_SEED: dict[str, Any] = {
    "color": "black",
    "marker": "o",
    "markersize": 3.2,
    "linestyle": "",
    "markerfacecolor": "none",
    "markeredgewidth": 0.7,
}
_MEAN: dict[str, Any] = {"color": "black", "marker": "|", "linestyle": "", "markeredgewidth": 1.2}


def arms_figure(
    seeds: Mapping[str, Sequence[float]],
    *,
    intervals: Mapping[str, tuple[float, float, float]] | None = None,
    verdicts: Mapping[str, str] | None = None,
    baseline: str | None = None,
    selected: str | None = None,
    confidence: float = 0.95,
    metric: str = "test AUC",
) -> Figure:
    """Draw one row per variant: its name and verdict, below them the interval, below that every
    seed and their mean.

    The two spreads have different meanings and a line each. The interval shows what other test
    cases would change; the seeds show what another training would change. The vertical line is the
    estimate of the baseline, with which the verdicts compare. An interval that contains it says
    nothing about a paired test. Names longer than 32 characters are shortened.

    Args:
        seeds: variant -> value of each seed; empty for a variant without a finished seed.
        intervals: variant -> (estimate, low, high) of the seed-averaged scores.
        verdicts: variant -> text on the right; "better" and "worse" have their own color and
            marker.
        baseline: the variant whose estimate is the vertical line.
        selected: the variant that was selected on validation; its row is colored.
        confidence: nominal coverage of the intervals.
        metric: label of the axis.

    Returns:
        A figure of column width, with 0.42 inches per variant, unknown to pyplot.

    Raises:
        ValueError: no variant, or a baseline or selected variant that is not among them.
    """
    intervals = dict(intervals or {})
    verdicts = dict(verdicts or {})
    for what, name in (("baseline", baseline), ("selected", selected)):
        if not seeds or (name is not None and name not in seeds):
            known = ", ".join(map(repr, seeds)) or "missing: give at least one"
            raise ValueError(f"{what}={name!r}; the variants are {known}.")
    with styled():
        figure = new_figure(1.05 + 0.42 * len(seeds))
        axes = figure.subplots()
        if baseline in intervals:
            axes.axvline(intervals[baseline][0], zorder=0, **_BASELINE)
        for row, (name, short) in enumerate(zip(seeds, shortened(list(seeds), 32))):
            if name == selected:
                axes.axhspan(row - 0.5, row + 0.5, color=_WASH, linewidth=0, zorder=-1)
            verdict = verdicts.get(name, "baseline" if name == baseline else "")
            _texts(axes, row, short, verdict, ground=_WASH if name == selected else "white")
            _row(axes, row, verdict, seeds[name], intervals.get(name))
        axes.set(ylim=(len(seeds) - 0.45, -0.55), yticks=[], xlabel=metric)
        axes.margins(x=0.08)
        axes.spines["left"].set_visible(False)
        open_axes(axes)
        figure.legend(
            handles=_keys(
                seeds,
                intervals,
                verdicts,
                baseline=baseline,
                selected=selected,
                confidence=confidence,
            ),
            loc="outside upper center",
            ncols=2,
            frameon=False,
            columnspacing=1.2,
            handlelength=1.8,
        )
    return figure


def _texts(axes: Axes, row: int, name: str, verdict: str, *, ground: str) -> None:
    """Write the name on the left and the verdict on the right, clear of the baseline's line."""
    for place, side, text, color in (
        (0, "left", name, "black"),
        (1, "right", verdict, _LOOKS.get(verdict, _OTHER)[0]),
    ):
        if text:
            axes.text(
                place,
                row + _NAMES,
                text,
                transform=axes.get_yaxis_transform(),
                fontsize=6.5,
                ha=side,
                va="center",
                color=color,
                bbox={"facecolor": ground, "edgecolor": "none", "pad": 0.6},
            )


def _row(
    axes: Axes,
    row: int,
    verdict: str,
    values: Sequence[float],
    interval: tuple[float, float, float] | None,
) -> None:
    color, marker = _LOOKS.get(verdict, _OTHER)
    if interval is not None:
        estimate, low, high = interval
        axes.plot(
            [low, high], [row + _INTERVAL] * 2, color=color, linewidth=1.4, solid_capstyle="butt"
        )
        axes.plot(
            [estimate], [row + _INTERVAL], color=color, marker=marker, markersize=4.5, linestyle=""
        )
    if len(values):
        axes.plot(values, [row + _SEEDS] * len(values), **_SEED)
        axes.plot([sum(values) / len(values)], [row + _SEEDS], **_MEAN, markersize=8)


def _keys(
    seeds: Mapping[str, Sequence[float]],
    intervals: Mapping[str, Any],
    verdicts: Mapping[str, str],
    *,
    baseline: str | None,
    selected: str | None,
    confidence: float,
) -> list[Any]:
    """Return the legend's entries for what is drawn."""
    keys: list[Any] = []
    if intervals:
        text = f"all seeds averaged, {100 * confidence:g} % interval"
        keys.append(_interval_key(*_OTHER, text))
    keys += [
        _interval_key(*look, f"{verdict} than the baseline")
        for verdict, look in _LOOKS.items()
        if verdict in verdicts.values()
    ]
    keys.append(Line2D([], [], label="each seed", **_SEED))
    keys.append(Line2D([], [], label="mean of the seeds", **_MEAN, markersize=7))
    if baseline in intervals:
        keys.append(Line2D([], [], label="baseline", **_BASELINE))
    if selected is not None:
        keys.append(
            Patch(facecolor=_WASH, edgecolor="0.8", linewidth=0.5, label="selected on validation")
        )
    return keys


def _interval_key(color: str, marker: str, label: str) -> Line2D:
    return Line2D([], [], color=color, marker=marker, markersize=4, linewidth=1.4, label=label)
