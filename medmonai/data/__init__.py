"""Sources of cases, each giving a Cohort: MedMNIST and the lesion phantom; images without labels for inference."""

from .balance import Balance
from .catalogue import DatasetFile, DatasetInfo, dataset_info, dataset_names
from .cohort import Cohort, Provenance
from .ideal_observer import detectability, ideal_observer_auc, ideal_observer_predictions, ideal_observer_scores
from .images import ImageSet, load_images
from .loader import ResidentLoader
from .medmnist import load_medmnist
from .phantom import PhantomDesign, lesion_phantom

__all__ = [
    "Balance",
    "Cohort",
    "DatasetFile",
    "DatasetInfo",
    "ImageSet",
    "PhantomDesign",
    "Provenance",
    "ResidentLoader",
    "dataset_info",
    "dataset_names",
    "detectability",
    "ideal_observer_auc",
    "ideal_observer_predictions",
    "ideal_observer_scores",
    "lesion_phantom",
    "load_images",
    "load_medmnist",
]
