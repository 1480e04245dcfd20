"""Sources of cases, each giving Cohorts: MedMNIST, class folders, tables, the lesion phantom;
images for inference.
"""

import lazy_loader

# The public names stand in __init__.pyi; each is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
