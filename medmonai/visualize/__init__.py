"""Figures of predictions, training and data: functions that return a `matplotlib.figure.Figure`, without pyplot."""

from .history import history_figure
from .roc import roc_figure
from .samples import samples_figure
from .style import save_figure

__all__ = ["history_figure", "roc_figure", "samples_figure", "save_figure"]
