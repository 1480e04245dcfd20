from .catalogue import (
    DatasetFile,
    DatasetInfo,
    dataset_info,
    dataset_names,
    is_published,
    sets_of_same_classes,
)
from .class_folders import list_class_folders
from .ideal_observer import (
    detectability,
    ideal_observer_auc,
    ideal_observer_predictions,
    ideal_observer_scores,
)
from .known_groups import with_known_groups
from .medmnist import load_medmnist
from .medmnist_files import DatasetFolder
from .memory import available_memory, default_memory_limit
from .modality_phantom import (
    MODALITIES,
    MODALITY_CLASSES,
    modality_observer_scores,
    modality_phantom,
)
from .npz_file import list_npz
from .phantom import PHANTOM_CLASSES, PhantomDesign, lesion_phantom

__all__ = [
    "MODALITIES",
    "MODALITY_CLASSES",
    "PHANTOM_CLASSES",
    "DatasetFile",
    "DatasetFolder",
    "DatasetInfo",
    "PhantomDesign",
    "available_memory",
    "dataset_info",
    "dataset_names",
    "default_memory_limit",
    "detectability",
    "ideal_observer_auc",
    "ideal_observer_predictions",
    "ideal_observer_scores",
    "is_published",
    "lesion_phantom",
    "list_class_folders",
    "list_npz",
    "load_medmnist",
    "modality_observer_scores",
    "modality_phantom",
    "sets_of_same_classes",
    "with_known_groups",
]
