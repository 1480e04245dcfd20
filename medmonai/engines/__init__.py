"""What surrounds MONAI's SupervisedTrainer and SupervisedEvaluator: precision, checkpoints, reproducibility."""

from .checkpoint import RunCheckpoint, load_checkpoint, load_weights, save_atomically
from .inference import FlipAveragingInferer, PrecisionInferer, choose_precision
from .reproducibility import git_revision, prepare_process, run_record, versions

__all__ = [
    "FlipAveragingInferer",
    "PrecisionInferer",
    "RunCheckpoint",
    "choose_precision",
    "git_revision",
    "load_checkpoint",
    "load_weights",
    "prepare_process",
    "run_record",
    "save_atomically",
    "versions",
]
