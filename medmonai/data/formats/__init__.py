"""The formats of image files: one class per format, from a path to its header and its pixels."""

import lazy_loader

# The names of this room stand in __init__.pyi; each is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
