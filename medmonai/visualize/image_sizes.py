"""The sizes of the images of a source along each axis."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import line_look, new_figure, open_axes, styled

_BINS = 30


def image_sizes_figure(sizes: np.ndarray) -> Figure:
    """Draw a step histogram of the image sizes for each axis.

    Args:
        sizes: (N, 2) height and width, or (N, 3) voxels along each axis, such as `Headers.sizes`.

    Returns:
        A figure of column width, unknown to pyplot.

    Raises:
        ValueError: no image, or not two or three axes.

    Example:
        >>> figure = image_sizes_figure(np.array([[450, 600], [450, 600], [1024, 1024]]))
        >>> figure.axes[0].get_xlabel()
        'voxels along an axis'
    """
    sizes = np.asarray(sizes)
    if sizes.ndim != 2 or sizes.shape[1] not in (2, 3) or len(sizes) == 0:
        raise ValueError(
            f"sizes have shape {sizes.shape}; (N, 2) or (N, 3) with at least one image is needed."
        )
    names = ("height", "width") if sizes.shape[1] == 2 else ("axis 1", "axis 2", "axis 3")
    low = int(sizes.min())
    high = max(int(sizes.max()), int(sizes.min()) + 4)
    edges = np.linspace(low - 0.5, high + 0.5, min(_BINS, high - low + 1) + 1)
    with styled():
        figure = new_figure(2.2)
        axes = figure.subplots()
        for index, name in enumerate(names):
            counts = np.histogram(sizes[:, index], edges)[0]
            axes.stairs(counts, edges, label=name, linewidth=1.3, **line_look(index))
        axes.set(xlabel="voxels along an axis", ylabel="images", ylim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
        open_axes(axes)
        figure.legend(loc="outside upper center", ncols=len(names), frameon=False)
    return figure
