"""The cache on disk: where it is, what it holds, which process may write, and how to clear it."""

import lazy_loader

# The names of this room are listed in __init__.pyi; each is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
