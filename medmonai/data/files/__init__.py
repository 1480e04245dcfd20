"""One case from its file: the supported formats, each read by stated rules, and the form that a
network takes.
"""

import lazy_loader

# The names of this room are listed in __init__.pyi; each is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
