"""Small panels side by side, one per class, within a column: two or three in a row."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .names import shortened, wrapped
from .style import new_figure, open_axes, set_layout

PANEL_TITLE, PANEL_TEXT, PANEL_LEGEND = 6.5, 6, 5.5  # points


def panel_figure(
    count: int,
    *,
    height: float,
    above: float = 0.0,
    extra: float = 0.0,
    square: bool = False,
    shared_y: bool = True,
) -> tuple[Figure, list[Axes]]:
    """Return a figure of column width with `count` panels of shared axes; call inside `styled`.

    Args:
        count: panels; up to 4 are two in a row, more are three in a row.
        height: of a row of three panels, inches; rows of two are 1.4 times as high.
        above: room above each panel, inches.
        extra: room for a legend at the top, inches.
        square: whether both axes have the same scale.
        shared_y: whether all panels have the same vertical axis.

    Returns:
        The figure and its panels in reading order; places without a panel are empty.
    """
    columns = min(count, 2 if count <= 4 else 3)
    rows = math.ceil(count / columns)
    figure = new_figure(0.25 + extra + rows * (above + height * {1: 2.2, 2: 1.4, 3: 1.0}[columns]))
    set_layout(figure, rect=(0, 0, 0.985, 1))  # the last tick label reaches beyond its panel
    grid = figure.subplots(rows, columns, sharex=True, sharey=shared_y, squeeze=False)
    for axes in grid.flat[count:]:
        axes.remove()
    panels = list(grid.flat[:count])
    for index, axes in enumerate(panels):
        open_axes(axes)
        axes.tick_params(
            labelsize=PANEL_TEXT,
            length=2,
            pad=1.5,
            labelbottom=index + columns >= count,
            labelleft=not shared_y or index % columns == 0,
        )
        if square:
            axes.set_aspect("equal")
    return figure, panels


def panel_names(names: Sequence[str], *, beside: int = 0) -> list[str]:
    """Return class names that fit above panels, with `beside` characters of something else next to
    them.
    """
    return shortened(names, (17 if len(names) > 4 else 28) - beside)


def label_panels(panels: list[Axes], xlabel: str, ylabel: str) -> None:
    """Label the outer panels: the lowest of each column and the first of each row."""
    columns = min(len(panels), 2 if len(panels) <= 4 else 3)
    for index, axes in enumerate(panels):
        if index + columns >= len(panels):
            axes.set_xlabel(xlabel, fontsize=PANEL_TITLE, labelpad=2)
            # the place below is empty: do not widen the gap between the rows
            if len(panels) - index > len(panels) % columns > 0:
                axes.xaxis.set_in_layout(False)
        if index % columns == 0:
            axes.set_ylabel(ylabel, fontsize=PANEL_TITLE, labelpad=2)


def title_panel(axes: Axes, title: str) -> None:
    """Set a title at the left end of the panel."""
    axes.set_title(title, fontsize=PANEL_TITLE, pad=3, loc="left")


def above_image(axes: Axes, lines: Sequence[str], *, most: int, points: float) -> None:
    """Write lines above an image, and reserve the height of `most` lines for them.

    A title as wide as several panels would widen its own panel. Blank lines reserve the height; the
    text itself is left out of the layout.
    """
    axes.set_title("\n".join([" "] * most), fontsize=points, pad=2)
    axes.annotate(
        "\n".join(lines),
        (0, 1),
        xytext=(0, 2),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=points,
        annotation_clip=False,
    ).set_in_layout(False)


def image_lines(texts: Sequence[str], inches: float, *, points: float) -> tuple[list, int, float]:
    """Return each text broken into lines that fit above an image, the most lines of one text, and
    the height of that many lines in inches.

    Args:
        texts: one per image.
        inches: width above the image.
        points: size of the text.
    """
    # the digits of DejaVu Sans are 0.64 em wide, and wider than most of its letters
    lines = [wrapped(text, int(inches * 72 / (0.64 * points))) for text in texts]
    most = max(map(len, lines), default=0)
    return lines, most, most * 1.25 * points / 72
