"""Classification of medical images and volumes on MONAI: batched transforms, AUC maximization,
honest evaluation.

Research software: not for clinical use.
"""

import lazy_loader

__version__ = "0.1.0"

# `import medmonai` is enough in a config; each room is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "baselines",
        "bundle",
        "data",
        "deployment",
        "engines",
        "handlers",
        "losses",
        "metrics",
        "networks",
        "optimizers",
        "planning",
        "predictions",
        "report",
        "serving",
        "sites",
        "studies",
        "task",
        "transforms",
        "visualize",
    ],
    submod_attrs={
        "commands": ["compare", "evaluate", "fit", "run"],
        "deployment": ["predict"],
        "run_results": ["RunFolder", "TrainingHistory"],
    },
)
