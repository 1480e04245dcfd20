from .audit.audit import Audit
from .audit.audit_files import write_audit
from .audit.auditing import audit_cohorts
from .audit.leakage import check_leakage, require_no_leakage
from .balance import Balance
from .cache.contents import CacheEntry, clear_cache, list_cache
from .cache.location import cache_folder
from .cohort import Cohort, Provenance
from .containers.faults import UnreadableImageError
from .covariate_encoder import CovariateEncoder, MemberEncoders, read_covariates
from .covariate_fitting import covariate_layout, fit_covariates
from .datalist import About, LeftOut, Listing, in_dataset_dir
from .decoding.deferred import DeferredImages
from .decoding.images import ImageSet, load_images
from .decoding.source_cohorts import SourceCohorts, load_listing
from .describe.description import SplitDescription, describe_split
from .duplicates.findings import Case, Finding
from .duplicates.similarity import near_pairs, shape_features
from .encoded_covariates import CovariateTable, with_covariates
from .files.map_transforms import LoadImaged, ToImageFormd
from .formats.pictures import read_picture
from .image_form import ImageForm
from .image_place import ImagePlace
from .positive_class import positive_last, with_positive_class
from .resident_loader import ResidentLoader
from .sources.catalogue import DatasetFile, DatasetInfo, dataset_info, dataset_names
from .sources.class_folders import list_class_folders
from .sources.groups import CaseGroups
from .sources.ideal_observer import (
    detectability,
    ideal_observer_auc,
    ideal_observer_predictions,
    ideal_observer_scores,
)
from .sources.known_groups import with_known_groups
from .sources.medmnist import load_medmnist
from .sources.medmnist_files import DatasetFolder
from .sources.modality_phantom import modality_observer_scores, modality_phantom
from .sources.npz_file import list_npz
from .sources.phantom import PhantomDesign, lesion_phantom
from .splits.folds import cross_validation_cohort
from .splits.split_files import read_splits, write_splits
from .splits.splits import split_listing, take_per_class
from .tables.image_table import list_image_table
from .tables.table_options import ImageFiles, TableColumns, TableFile
from .tables.unlabeled_table import UnlabeledRow, UnlabeledTable, list_unlabeled_table

__all__ = [
    "About",
    "Audit",
    "Balance",
    "CacheEntry",
    "Case",
    "CaseGroups",
    "Cohort",
    "CovariateEncoder",
    "CovariateTable",
    "DatasetFile",
    "DatasetFolder",
    "DatasetInfo",
    "DeferredImages",
    "Finding",
    "ImageFiles",
    "ImageForm",
    "ImagePlace",
    "ImageSet",
    "LeftOut",
    "Listing",
    "LoadImaged",
    "MemberEncoders",
    "PhantomDesign",
    "Provenance",
    "ResidentLoader",
    "SourceCohorts",
    "SplitDescription",
    "TableColumns",
    "TableFile",
    "ToImageFormd",
    "UnlabeledRow",
    "UnlabeledTable",
    "UnreadableImageError",
    "audit_cohorts",
    "cache_folder",
    "check_leakage",
    "clear_cache",
    "covariate_layout",
    "cross_validation_cohort",
    "dataset_info",
    "dataset_names",
    "describe_split",
    "detectability",
    "fit_covariates",
    "ideal_observer_auc",
    "ideal_observer_predictions",
    "ideal_observer_scores",
    "in_dataset_dir",
    "lesion_phantom",
    "list_cache",
    "list_class_folders",
    "list_image_table",
    "list_npz",
    "list_unlabeled_table",
    "load_images",
    "load_listing",
    "load_medmnist",
    "modality_observer_scores",
    "modality_phantom",
    "near_pairs",
    "positive_last",
    "read_covariates",
    "read_picture",
    "read_splits",
    "require_no_leakage",
    "shape_features",
    "split_listing",
    "take_per_class",
    "with_covariates",
    "with_known_groups",
    "with_positive_class",
    "write_audit",
    "write_splits",
]
