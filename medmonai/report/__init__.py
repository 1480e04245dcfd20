"""From predictions tables to what a reviewer reads: metrics files, figures, one HTML page, LaTeX
tables.
"""

import lazy_loader

# The public names stand in __init__.pyi; each is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
