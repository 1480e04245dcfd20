"""Tables that people keep: CSV in all its kinds and Excel workbooks, by one reader, as text."""

import lazy_loader

# The public names are listed in __init__.pyi; each is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
