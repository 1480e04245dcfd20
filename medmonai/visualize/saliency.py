"""What a network looks at: each image next to itself under its saliency map."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from .panels import above_image, image_lines
from .style import PAGE_WIDTH, new_figure, set_layout, styled

CASES_PER_ROW = 4  # images; a volume has a row of its own
# even in lightness, distinct in every color-vision deficiency, and never gray like the image
COLORMAP = "plasma"
_STRONGEST = 0.6  # opacity of a saliency of 1: the image stays visible under it
_POINTS = 6.5  # of the titles
_NOTE_CHARACTERS = 190  # of a line of the note


def saliency_figure(
    images: np.ndarray,
    maps: np.ndarray,
    *,
    titles: Sequence[str] | None = None,
    spacing: Sequence[float] | None = None,
    note: str = "",
) -> Figure:
    """Draw each case next to the same case under its map; volumes as the three planes through the
    map's maximum.

    The overlay's opacity grows with the map, so 0 shows the bare image. Lines on the bare planes of
    a volume show where the other two planes cut. Images are shown as in `samples_figure`, each
    spanning its own gray values. Volumes are cut along axes 0, 1 and 2, from left to right. A map
    of zeros is labeled "no evidence"; a volume is then cut through its middle.

    Args:
        images: (N, C, *spatial) as they are stored, before normalization. Three channels of uint8
            are colors; of anything else the first channel is drawn in gray.
        maps: (N, 1, *spatial) in [0, 1], as `medmonai.engines.grad_cam` and `occlusion_map` return
            them.
        titles: one text per case, such as id, class and score. Long lines are broken.
        spacing: millimeters per voxel along each axis, so that planes have their true proportions;
            default: equal.
        note: text below the figure, such as the verdict and the caveat of a randomization check.

    Returns:
        A figure of two columns' width, unknown to pyplot.

    Raises:
        ValueError: shapes, titles or spacing that do not fit, or maps outside [0, 1].

    Example:
        >>> figure = saliency_figure(
        ...     np.zeros((1, 1, 8, 8)), np.ones((1, 1, 8, 8)), titles=["case 1"]
        ... )
    """
    images = np.asarray(images)
    maps = np.asarray(maps)
    titles = [""] * len(images) if titles is None else list(titles)
    _check(images, maps, titles, spacing)
    dims = images.ndim - 2
    spacing = (1.0,) * dims if spacing is None else tuple(float(step) for step in spacing)
    per_row = CASES_PER_ROW if dims == 2 else 1
    rows = -(-len(images) // per_row)
    width = 2 if dims == 2 else 6  # panels of a case
    panel = (PAGE_WIDTH - 0.2) / (per_row * width)
    heads = [t if m.any() else f"{t} (no evidence)" for t, m in zip(titles, maps)]
    lines, most, above = image_lines(heads, width * panel - 0.06, points=_POINTS)
    planes = (None,) if dims == 2 else range(3)
    tallest = max(_extent(images.shape[2:], spacing, axis) for axis in planes)
    said = [line for part in note.splitlines() for line in textwrap.wrap(part, _NOTE_CHARACTERS)]
    with styled():
        height = 0.55 + rows * (panel * tallest + above + 0.06) + 0.09 * len(said)
        figure = new_figure(height, width=PAGE_WIDTH)
        set_layout(figure, w_pad=0.012, h_pad=0.02, wspace=0, hspace=0.02)
        grid = figure.subplots(rows, per_row * width, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for i, text in enumerate(lines):
            start = (i % per_row) * width
            row = grid[i // per_row][start : start + width]
            _draw_case(row, images[i], maps[i, 0], spacing)
            above_image(row[0], text, most=most, points=_POINTS)
        _scale(figure, grid)
        if said:
            text = "\n".join([*said, figure.get_supxlabel()])
            figure.supxlabel(text, fontsize=5, color="0.25", x=0.01, ha="left")
    return figure


def _scale(figure: Figure, grid: np.ndarray) -> None:
    """Draw the color scale below the panels."""
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), COLORMAP),
        ax=grid,
        orientation="horizontal",
        aspect=50,
        pad=0.03,
        shrink=0.45,
        ticks=[0, 0.5, 1],
    )
    bar.set_label("saliency (1: the maximum of each case)", fontsize=6.5, labelpad=1)
    bar.ax.tick_params(labelsize=6.5, length=2, pad=1)


def _check(
    images: np.ndarray, maps: np.ndarray, titles: Sequence[str], spacing: Sequence[float] | None
) -> None:
    if (
        images.ndim not in (4, 5)
        or 0 in images.shape
        or maps.shape != (len(images), 1, *images.shape[2:])
    ):
        raise ValueError(
            f"images have shape {images.shape} and maps {maps.shape}; (N, C, *spatial) in 2D or 3D "
            "and (N, 1, *spatial) of the same size are needed."
        )
    if not ((maps >= 0) & (maps <= 1)).all():
        raise ValueError(
            f"maps range from {maps.min()} to {maps.max()}; saliency in [0, 1] is needed."
        )
    if len(titles) != len(images):
        raise ValueError(
            f"titles hold {len(titles)} texts for {len(images)} images; give one per image."
        )
    if spacing is not None and (
        len(spacing) != images.ndim - 2 or not all(step > 0 for step in spacing)
    ):
        raise ValueError(f"spacing={spacing}; {images.ndim - 2} lengths above 0 are needed.")


def _extent(size: Sequence[int], spacing: Sequence[float], axis: int | None) -> float:
    """Height over width of the plane that is left when an axis is cut away."""
    lengths = [n * step for k, (n, step) in enumerate(zip(size, spacing)) if k != axis]
    return lengths[0] / lengths[1]


def _draw_case(
    row: Sequence[Axes], image: np.ndarray, saliency: np.ndarray, spacing: Sequence[float]
) -> None:
    colour = len(image) == 3 and image.dtype == np.uint8
    image = np.moveaxis(image, 0, -1) if colour else image[0]
    look = {} if colour else {"cmap": "gray", "vmin": image.min(), "vmax": image.max()}
    if saliency.ndim == 2:
        _draw_pair(row, image, saliency, look, spacing[0] / spacing[1])
        return
    peak = (
        np.unravel_index(saliency.argmax(), saliency.shape)
        if saliency.any()
        else [n // 2 for n in saliency.shape]
    )
    for axis in range(3):
        others = [k for k in range(3) if k != axis]
        pair = row[2 * axis : 2 * axis + 2]
        _draw_pair(
            pair,
            np.take(image, peak[axis], axis=axis),
            np.take(saliency, peak[axis], axis=axis),
            look,
            spacing[others[0]] / spacing[others[1]],
        )
        # Twice, light over dark: visible on any gray.
        for color, style in (("black", "-"), ("white", (0, (2, 2)))):
            pair[0].axhline(float(peak[others[0]]), color=color, linewidth=0.4, linestyle=style)
            pair[0].axvline(float(peak[others[1]]), color=color, linewidth=0.4, linestyle=style)


def _draw_pair(
    pair: Sequence[Axes], image: np.ndarray, saliency: np.ndarray, look: dict, aspect: float
) -> None:
    for axes in pair:
        axes.imshow(image, interpolation="nearest", aspect=aspect, **look)
    pair[1].imshow(
        saliency,
        cmap=COLORMAP,
        vmin=0,
        vmax=1,
        alpha=_STRONGEST * saliency,
        interpolation="nearest",
        aspect=aspect,
    )
