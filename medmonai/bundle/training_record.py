"""What run.json says of a training: its settings when it begins, its best epochs when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.engines import SupervisedTrainer

from medmonai.data import Cohort
from medmonai.engines import RunCheckpoint

_PRECISIONS = {None: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


def what_is_seen(trainer: SupervisedTrainer, cohorts: Sequence[Cohort]) -> dict[str, Any]:
    """Return what the network sees and its precision, from the images and the inferer, not from the
    config.
    """
    seen: dict[str, Any] = {}
    dtype = getattr(trainer.inferer, "dtype", None)  # a user's own inferer may lack it
    if dtype is not None:
        seen["precision"] = _PRECISIONS.get(dtype, str(dtype))
    if cohorts:
        seen |= {
            "spatial_size": list(cohorts[0].spatial_size),
            "in_channels": cohorts[0].in_channels,
            "image_dtype": cohorts[0].images.dtype.name,
            "cases": {cohort.split: len(cohort) for cohort in cohorts},
        }
    return seen


def best_epochs(checkpoint: RunCheckpoint) -> dict[str, Any]:
    """Return what run.json says of the best epochs: the one that is kept, and that of each
    stage.
    """
    best = checkpoint.evaluator.state
    found = checkpoint.state.get("best_epochs")
    of_stages = {} if found is None else {"best_epochs": found.summary()}
    return {
        "best_epoch": best.best_metric_epoch,
        "best_validation_auc": float(best.best_metric),
        **of_stages,
    }
