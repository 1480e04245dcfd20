from .checkpoint import RunCheckpoint
from .feature_cohort import HeadInferer, frozen_features, training_cohort, training_inferer
from .inference import FlipAveragingInferer, PrecisionInferer, choose_precision
from .randomization import RandomizationCheck, randomization_check
from .reproducibility import (
    keep_threads,
    prepare_process,
    release_freed_memory,
    run_record,
)
from .saliency import grad_cam, occlusion_map
from .saliency_files import write_saliency_nifti
from .target_layer import NoTargetLayer, find_target_layer
from .versions import git_revision, versions
from .weights import load_checkpoint, load_weights, place_weights, recorded_classes, save_atomically

__all__ = [
    "FlipAveragingInferer",
    "HeadInferer",
    "NoTargetLayer",
    "PrecisionInferer",
    "RandomizationCheck",
    "RunCheckpoint",
    "choose_precision",
    "find_target_layer",
    "frozen_features",
    "git_revision",
    "grad_cam",
    "keep_threads",
    "load_checkpoint",
    "load_weights",
    "occlusion_map",
    "place_weights",
    "prepare_process",
    "randomization_check",
    "recorded_classes",
    "release_freed_memory",
    "run_record",
    "save_atomically",
    "training_cohort",
    "training_inferer",
    "versions",
    "write_saliency_nifti",
]
