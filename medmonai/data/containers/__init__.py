"""Checks of files before decoding: memory limits, checksums, headers, and the fields that say how
values are stored.
"""

import lazy_loader

# The names of this room are listed in __init__.pyi; each is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
