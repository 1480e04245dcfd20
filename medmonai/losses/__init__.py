"""Losses on logits: cross-entropy for every task, and the AUC margin loss that PESG minimizes and
maximizes.
"""

import lazy_loader

# The public names are listed in __init__.pyi; each is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
