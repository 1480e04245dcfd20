"""Example cases of each class: images as they are, volumes as three orthogonal middle planes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from medmonai.data import Cohort

from .names import shortened
from .style import new_figure, set_layout, styled


def samples_figure(
    cohort: Cohort,
    *,
    per_class: int | None = None,
    seed: int = 0,
    cases: Mapping[str, int] | None = None,
) -> Figure:
    """Draw a grid of example cases with one row per class (multilabel: per label).

    One-channel data are drawn in gray, three channels of uint8 in color, and of anything else the
    first channel in gray. Gray values span the range of each row, so cases of one class can be
    compared. A volume (C, A, B, D) has three panels, the middle planes of its three axes.

    Args:
        cohort: where the cases come from.
        per_class: cases per class; default: 6 images or 2 volumes.
        seed: selects the cases; the same seed gives the same figure.
        cases: class name -> number of cases written above its row, for a cohort that is a few cases
            of a larger set; default: that of the cohort.

    Returns:
        A figure of column width, unknown to pyplot.

    Raises:
        ValueError: `per_class` below 1, images that are neither 2D nor 3D.
    """
    dims = cohort.images.ndim - 2
    if dims not in (2, 3):
        raise ValueError(
            f"images have shape {cohort.images.shape}; (N, C, *spatial) in 2D or 3D is needed."
        )
    per_class = (6 if dims == 2 else 2) if per_class is None else per_class
    if per_class < 1:
        raise ValueError(f"per_class={per_class}; at least 1 is needed.")
    columns = per_class * (1 if dims == 2 else 3)
    names = cohort.class_names
    rng = np.random.default_rng(seed)
    with styled():
        figure = new_figure(0.15 + len(names) * (3.4 / columns + 0.24))
        set_layout(figure, w_pad=0.015, h_pad=0.075, wspace=0, hspace=0)
        grid = figure.subplots(len(names), columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for name, row, is_class in zip(names, grid, cohort.task.one_hot(cohort.labels).T):
            members = np.flatnonzero(is_class)
            chosen = np.sort(rng.choice(members, min(per_class, len(members)), replace=False))
            shown = len(members) if cases is None else cases[name]
            text = f"{shortened([name], 40)[0]} ({shown} cases)"
            title = row[0].set_title(text, loc="left", fontsize=7, pad=2)
            title.set_in_layout(False)  # or the first panel would get the width of its title
            _draw_row(
                row,
                [panel for i in chosen for panel in middle_planes(np.asarray(cohort.images[i]))],
            )
    return figure


def middle_planes(image: np.ndarray) -> list[np.ndarray]:
    """Return an image (C, H, W), or the middle planes of a volume (C, A, B, D), as panels (H, W) or
    (H, W, 3).
    """
    image = image if image.shape[0] == 3 and image.dtype == np.uint8 else image[:1]
    planes = [image]
    if image.ndim == 4:
        planes = [np.take(image, image.shape[axis] // 2, axis=axis) for axis in (1, 2, 3)]
    return [plane[0] if len(plane) == 1 else np.moveaxis(plane, 0, -1) for plane in planes]


def _draw_row(row: np.ndarray, panels: list[np.ndarray]) -> None:
    if not panels:
        return
    low = min(panel.min() for panel in panels)
    high = max(panel.max() for panel in panels)
    for axes, panel in zip(row, panels):
        axes.imshow(panel, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
