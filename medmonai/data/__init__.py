"""Sources of Cohorts (MedMNIST, class folders, tables, the lesion phantom), and images for
inference.
"""

import lazy_loader

# The public names are listed in __init__.pyi; each is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
