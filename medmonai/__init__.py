"""Classification of medical images and volumes on MONAI: batched transforms, AUC maximisation, honest evaluation.

Research software: not for clinical use.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__version__ = "0.1.0"

_ROOMS = ("bundle", "data", "engines", "handlers", "losses", "metrics", "networks", "optimizers", "predictions",
          "task", "transforms", "visualize")


def __getattr__(name: str) -> ModuleType:
    """Import a room when it is first named, so that `import medmonai` is enough in a config and costs nothing."""
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
