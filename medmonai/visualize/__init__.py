"""Figures of predictions, training and data: functions that return a `matplotlib.figure.Figure`,
without pyplot.
"""

import lazy_loader

# The public names stand in __init__.pyi; each is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
