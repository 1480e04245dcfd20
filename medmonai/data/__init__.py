"""Sources of cases, each giving a Cohort: MedMNIST and the lesion phantom; images without labels for inference."""

from .audit import Audit, audit_cohorts
from .balance import Balance
from .catalogue import DatasetFile, DatasetInfo, dataset_info, dataset_names
from .cohort import Cohort, Provenance
from .description import SplitDescription, describe_split
from .duplicates import Case, Finding
from .folds import cross_validation_cohort
from .ideal_observer import detectability, ideal_observer_auc, ideal_observer_predictions, ideal_observer_scores
from .images import ImageSet, load_images
from .leakage import check_leakage, require_no_leakage
from .loader import ResidentLoader
from .medmnist import load_medmnist
from .phantom import PhantomDesign, lesion_phantom
from .similarity import near_pairs, shape_features

__all__ = [
    "Audit",
    "Balance",
    "Case",
    "Cohort",
    "DatasetFile",
    "DatasetInfo",
    "Finding",
    "ImageSet",
    "PhantomDesign",
    "Provenance",
    "ResidentLoader",
    "SplitDescription",
    "audit_cohorts",
    "check_leakage",
    "cross_validation_cohort",
    "dataset_info",
    "dataset_names",
    "describe_split",
    "detectability",
    "ideal_observer_auc",
    "ideal_observer_predictions",
    "ideal_observer_scores",
    "lesion_phantom",
    "load_images",
    "load_medmnist",
    "near_pairs",
    "require_no_leakage",
    "shape_features",
]
