"""One look for all figures: colour-blind safe colours, legible at the width of a journal column, no
pyplot state.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from medmonai.atomic_files import replacing

COLUMN_WIDTH = 3.5  # inches: one column of most journals
PAGE_WIDTH = 7.0  # inches: two columns
DPI = 300  # crisp at twice the width of a column of the report
NOTICE = "Research use only, not for clinical use"
# Okabe & Ito (2008), without yellow, which is too faint for a line on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINE_STYLES = ("-", "--", ":")

_DROPPED = "_drop_tables_default"

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure on every machine
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.3,
    "pdf.fonttype": 42,  # text stays text in the PDF
}


def styled() -> AbstractContextManager[None]:
    """Context in which a figure is built and saved in the one look; the caller's own settings come
    back afterwards.
    """
    return matplotlib.rc_context(_RC)


def new_figure(height: float, *, width: float = COLUMN_WIDTH) -> Figure:
    """An empty figure of that size in inches with the research-use notice, drawn by Agg and unknown
    to pyplot.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.supxlabel(NOTICE, fontsize=5, color="0.4", x=0.99, ha="right")
    return figure


def set_layout(figure: Figure, **settings: Any) -> None:
    """Set the pads (inches, parts of the figure) or the rect of a figure's constrained layout."""
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)  # of every `new_figure`
    engine.set(**settings)


def line_look(index: int) -> dict[str, Any]:
    """Colour and line style of curve `index`: 21 that differ, then they repeat."""
    return {
        "color": COLORS[index % len(COLORS)],
        "linestyle": LINE_STYLES[index // len(COLORS) % len(LINE_STYLES)],
    }


def open_axes(axes: Axes) -> None:
    """Leave only the left and lower frame lines."""
    axes.spines[["top", "right"]].set_visible(False)


def save_figure(
    figure: Figure, path_without_suffix: str | Path, *, overwrite: bool = False
) -> tuple[Path, Path]:
    """Write PNG (300 dpi) and PDF (vectors), each whole or not at all, without dates: the same
    figure is the same file.

    Args:
        figure: what the figure functions return.
        path_without_suffix: ``out/roc`` gives ``out/roc.png`` and ``out/roc.pdf``; the folder must
            exist.
        overwrite: replace existing files.

    Returns:
        The two paths.

    Raises:
        FileExistsError: one of them exists and `overwrite` is False; then neither is written.
        FileNotFoundError: the folder does not exist.
    """
    base = os.fspath(path_without_suffix)
    png = Path(base + ".png")
    pdf = Path(base + ".pdf")
    replaced = replacing(png, overwrite=overwrite), replacing(pdf, overwrite=overwrite)
    with styled(), _without_layout_tables(), replaced[0] as new_png, replaced[1] as new_pdf:
        figure.savefig(new_png, dpi=DPI, metadata={"Software": None})
        engine = figure.get_layout_engine()
        # the places found for the PNG serve the PDF: finding them is most of the work
        figure.set_layout_engine("none")
        figure.savefig(new_pdf, metadata={"CreationDate": None, "Creator": None, "Producer": None})
        figure.set_layout_engine(engine)
    return png, pdf


@contextmanager
def _without_layout_tables() -> Iterator[None]:
    """Embed fonts in PDFs without their tables of ligatures and kerning, which a PDF never reads.

    To follow them takes fontTools most of the time of saving a figure, and Matplotlib gives no way
    to leave them out. Where fontTools does not have the attribute, they stay.
    """
    from fontTools.subset import Options

    kept = getattr(Options, _DROPPED, None)
    if kept is None:
        yield
        return
    setattr(Options, _DROPPED, [*kept, "GDEF", "GPOS", "GSUB"])
    try:
        yield
    finally:
        setattr(Options, _DROPPED, kept)
