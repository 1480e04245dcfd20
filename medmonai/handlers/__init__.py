"""Handlers for MONAI's engines: the second (AUC) stage, metrics, histories, guards. Each is one
entry of a bundle's list.
"""

import lazy_loader

# The public names are listed in __init__.pyi; each is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
