"""Learning curves: loss and validation AUC per epoch."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import line_look, new_figure, open_axes, styled


def history_figure(
    history: Mapping[str, Sequence[Any]] | str | Path, *, kept: int | None = None
) -> Figure:
    """Draw every ``*loss`` column above every ``*auc`` column over the epochs.

    A vertical line marks where ``stage`` changes. Losses of different stages have different scales,
    so the line is broken there. Empty and non-finite values are left out. A circle marks the best
    AUC of each stage; the filled one belongs to the epoch that is kept.

    Args:
        history: column -> values, or the path of a history.csv. Columns ``epoch`` (default 1, 2,
            ...) and ``stage`` are optional.
        kept: the epoch whose weights are kept; default: the first of those with the best AUC.

    Returns:
        A figure of column width, unknown to pyplot.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: no epoch, no ``*loss`` or ``*auc`` column, columns of different lengths, or a
            value that is not a number.
    """
    columns = _read(Path(history)) if isinstance(history, (str, os.PathLike)) else dict(history)
    losses, aucs = ([name for name in columns if name.endswith(end)] for end in ("loss", "auc"))
    lengths = {name: len(values) for name, values in columns.items()}
    if not losses + aucs or len(set(lengths.values())) != 1 or not min(lengths.values()):
        raise ValueError(
            f"history has columns of lengths {lengths}; at least one epoch, equal lengths and a "
            "column whose name ends with 'loss' or 'auc' are needed."
        )
    count = min(lengths.values())
    epochs = _numbers(columns, "epoch") if "epoch" in columns else np.arange(1.0, count + 1)
    stages = [str(stage) for stage in columns.get("stage", [""] * count)]
    starts = [i for i in range(1, count) if stages[i] != stages[i - 1]]
    panels = [(names, label) for names, label in ((losses, "loss"), (aucs, "AUC")) if names]
    with styled():
        figure = new_figure(0.6 + 1.6 * len(panels))
        grid = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for axes, (names, label) in zip(grid, panels):
            for index, name in enumerate(names):
                values = _numbers(columns, name)
                look = {"label": _words(name), **line_look(index)}
                _draw(axes, epochs, values, starts, look)
                if name.endswith("auc"):
                    _mark_best(axes, epochs, values, stages, kept=kept, colour=look["color"])
            for start in starts:
                axes.axvline(
                    (epochs[start - 1] + epochs[start]) / 2,
                    color="0.5",
                    linewidth=0.8,
                    linestyle="--",
                )
            axes.set_ylabel(label)
            _place_legend(axes)
            open_axes(axes)
        _name_stages(figure.axes[0], epochs, stages, starts)
        grid[-1].set_xlabel("epoch")
        grid[-1].xaxis.get_major_locator().set_params(integer=True)
    return figure


def _place_legend(axes: Axes) -> None:
    """Draw a legend of several lines in a space of its own below the curve, one of a single line
    where it fits.
    """
    entries = len(axes.get_legend_handles_labels()[1])
    if entries > 1:
        low, high = axes.get_ylim()
        axes.set_ylim(low - 0.16 * entries * (high - low), high)
    axes.legend(frameon=False, loc="lower left" if entries > 1 else "best")


def _draw(
    axes: Axes, epochs: np.ndarray, values: np.ndarray, starts: list[int], look: dict[str, Any]
) -> None:
    auc = look["label"].endswith("AUC")
    pieces = [slice(None)] if auc else [slice(a, b) for a, b in zip([0, *starts], [*starts, None])]
    for piece in pieces:
        seen = np.isfinite(values[piece])
        axes.plot(epochs[piece][seen], values[piece][seen], marker=".", markersize=3, **look)
        look = {**look, "label": "_"}  # one legend entry for all pieces


def _mark_best(
    axes: Axes,
    epochs: np.ndarray,
    values: np.ndarray,
    stages: list[str],
    *,
    kept: int | None,
    colour: Any,
) -> None:
    """Mark the best epoch of each stage, with a filled circle if it is kept."""
    seen = np.where(np.isfinite(values), values, -np.inf)
    rows = [
        max((i for i, name in enumerate(stages) if name == stage), key=lambda i: (seen[i], -i))
        for stage in dict.fromkeys(stages)
    ]
    rows = [row for row in rows if np.isfinite(values[row])]
    if not rows:
        return
    chosen = epochs[max(rows, key=lambda i: (seen[i], -i))] if kept is None else kept
    for row in rows:
        is_kept = epochs[row] == chosen
        of = f" of {_words(stages[row])}" if len(rows) > 1 else ""
        label = f"best{of} {values[row]:.4f}, epoch {epochs[row]:g}{' (kept)' if is_kept else ''}"
        axes.plot(
            epochs[row],
            values[row],
            marker="o",
            markersize=5,
            linestyle="",
            color=colour,
            markerfacecolor=colour if is_kept else "none",
            label=label,
        )


def _name_stages(axes: Axes, epochs: np.ndarray, stages: list[str], starts: list[int]) -> None:
    if not starts:
        return
    for first, after in zip([0, *starts], [*starts, len(stages)]):
        middle = (epochs[first] + epochs[after - 1]) / 2
        axes.annotate(
            stages[first],
            (middle, 1),
            xytext=(0, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=7,
            color="0.35",
        )


def _words(name: str) -> str:
    return name.replace("_", " ").removesuffix("auc") + ("AUC" if name.endswith("auc") else "")


def _numbers(columns: Mapping[str, Sequence[Any]], name: str) -> np.ndarray:
    values = np.empty(len(columns[name]))
    for i, value in enumerate(columns[name]):
        try:
            values[i] = np.nan if value is None or value == "" else float(value)
        except (TypeError, ValueError):
            raise ValueError(
                f"history column {name!r}, epoch {i + 1}: {value!r} is not a number."
            ) from None
    return values


def _read(path: Path) -> dict[str, list[str]]:
    with open(path, newline="", encoding="utf-8-sig") as file:
        header, *rows = [row for row in csv.reader(file) if row] or [[]]
    short = [i for i, row in enumerate(rows, start=2) if len(row) != len(header)]
    if short:
        raise ValueError(
            f"{path}: row {short[0]} has {len(rows[short[0] - 2])} cells; the header has "
            f"{len(header)} columns."
        )
    return {name: [row[i] for row in rows] for i, name in enumerate(header)}
