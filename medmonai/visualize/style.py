"""One style for all figures: colors that color-blind readers can tell apart, text that is legible
at the width of a journal column, no pyplot state.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
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

# DejaVu Sans comes with matplotlib: the same figure on every machine. It has no Chinese, Japanese
# or Korean characters; they are taken from the first of these fonts that is installed.
FALLBACKS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Hiragino Sans",
    "Arial Unicode MS",
)
_MISSING = re.compile(r"Glyph (\d+) .*missing from font")
_DROPPED = "_drop_tables_default"

_RC: dict[Any, Any] = {
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
    """Return a context in which a figure is built and saved in the common style; the caller's
    settings are restored afterwards.
    """
    return matplotlib.rc_context({**_RC, "font.family": _families()})


@cache
def _families() -> list[str]:
    """Return DejaVu Sans and, for characters that it lacks, the first installed font of
    `FALLBACKS`.
    """
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *[name for name in FALLBACKS if name in installed][:1]]


def new_figure(height: float, *, width: float = COLUMN_WIDTH) -> Figure:
    """Return an empty figure of that size in inches with the research-use notice, drawn by Agg and
    unknown to pyplot.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.supxlabel(NOTICE, fontsize=5, color="0.4", x=0.99, ha="right")
    return figure


def set_layout(figure: Figure, **settings: Any) -> None:
    """Set the pads (in inches, or as fractions) or the rect of a figure's constrained layout."""
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)  # of every `new_figure`
    engine.set(**settings)


def line_look(index: int) -> dict[str, Any]:
    """Return color and line style of curve `index`; they repeat after 21 curves."""
    return {
        "color": COLORS[index % len(COLORS)],
        "linestyle": LINE_STYLES[index // len(COLORS) % len(LINE_STYLES)],
    }


def open_axes(axes: Axes) -> None:
    """Remove the upper and the right frame line."""
    axes.spines[["top", "right"]].set_visible(False)


def save_figure(
    figure: Figure, path_without_suffix: str | Path, *, overwrite: bool = False
) -> tuple[Path, Path]:
    """Write a PNG (300 dpi) and a PDF (vectors), each whole or not at all.

    The files hold no dates, so the same figure gives the same files. Characters that no installed
    font has are boxes in the figure, with one warning for all of them.

    Args:
        figure: what the figure functions return.
        path_without_suffix: ``out/roc`` gives ``out/roc.png`` and ``out/roc.pdf``; the folder must
            exist.
        overwrite: replace existing files.

    Returns:
        The two paths.

    Raises:
        FileExistsError: one of them exists and `overwrite` is False; neither is written.
        FileNotFoundError: the folder does not exist.
    """
    base = os.fspath(path_without_suffix)
    png = Path(base + ".png")
    pdf = Path(base + ".pdf")
    replaced = replacing(png, overwrite=overwrite), replacing(pdf, overwrite=overwrite)
    quiet = _one_warning_of_missing_characters()
    tables = _without_layout_tables()
    with styled(), quiet, tables, replaced[0] as new_png, replaced[1] as new_pdf:
        figure.savefig(new_png, dpi=DPI, metadata={"Software": None})
        engine = figure.get_layout_engine()
        # the layout of the PNG serves the PDF: computing it is most of the work
        figure.set_layout_engine("none")
        figure.savefig(new_pdf, metadata={"CreationDate": None, "Creator": None, "Producer": None})
        figure.set_layout_engine(engine)
    return png, pdf


@contextmanager
def _one_warning_of_missing_characters() -> Iterator[None]:
    """Replace Matplotlib's warnings, one per character and drawing, by a single one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    missing = set()
    for one in caught:
        found = _MISSING.match(str(one.message))
        if found:
            missing.add(chr(int(found[1])))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if missing:
        warnings.warn(
            f"no installed font has the characters {''.join(sorted(missing))}: figures show boxes "
            "in their place; the tables of the report show them. Install a font such as Noto Sans "
            "CJK.",
            stacklevel=4,
        )


@contextmanager
def _without_layout_tables() -> Iterator[None]:
    """Embed fonts in PDFs without their tables of ligatures and kerning, which a PDF never reads.

    Following them takes most of the time of saving a figure, and Matplotlib offers no way to leave
    them out. If fontTools lacks the attribute, they stay.
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
