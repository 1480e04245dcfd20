"""Metrics of a predictions table in NumPy float64; every function takes `(y_true, y_score)`."""

import lazy_loader

# The public names are listed in __init__.pyi; each is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
