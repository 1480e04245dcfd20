from .folds import cross_validation_cohort, fold_numbers, gather_images, units_of
from .split_files import csv_text, left_out_text, read_splits, splits_text, write_splits
from .splits import require_every_class, split_listing, take_per_class, validation_advice

__all__ = [
    "cross_validation_cohort",
    "csv_text",
    "fold_numbers",
    "gather_images",
    "left_out_text",
    "read_splits",
    "require_every_class",
    "split_listing",
    "splits_text",
    "take_per_class",
    "units_of",
    "validation_advice",
    "write_splits",
]
