"""From a listing to Cohorts: each image decoded once and cached; images without labels;
previews.
"""

import lazy_loader

# The names of this room are listed in __init__.pyi; each is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
