"""What the tests of figures share: is everything inside the figure, and clear of the notice at its
foot?
"""

from __future__ import annotations

import pytest


def _check(figure):
    """Draw, then look at the extent of the panels with their labels, of legends and of texts."""
    figure.draw_without_rendering()
    notice = figure._supxlabel.get_window_extent()
    legends = [
        legend
        for legend in (*figure.legends, *(axes.get_legend() for axes in figure.axes))
        if legend
    ]
    boxes = {"figure": figure.get_tightbbox().transformed(figure.dpi_scale_trans)}
    boxes |= {f"legend {i}": legend.get_window_extent() for i, legend in enumerate(legends)}
    boxes |= {
        f"panel {i}": axes.get_tightbbox() for i, axes in enumerate(figure.axes) if axes.axison
    }
    for name, box in boxes.items():
        assert (
            box.x0 >= -1
            and box.y0 >= -1
            and box.x1 <= figure.bbox.x1 + 1
            and box.y1 <= figure.bbox.y1 + 1
        ), f"{name}: {box}"
        assert name == "figure" or not box.overlaps(notice), f"{name} lies on the notice"
    for axes in figure.axes:
        for legend in figure.legends:
            assert not axes.get_window_extent().overlaps(legend.get_window_extent()), (
                "a legend lies on a panel"
            )


@pytest.fixture
def all_inside():
    """Call with a figure: fails where something is cut off, or lies on the notice."""
    return _check
