from .alike import Alike, AlikeSearch, group_sets
from .case_digests import case_rows, cohort_digest, labeled_digests
from .duplicates import CaseTable, image_chunks, image_keys, same_rows
from .findings import Case, Finding, RowSets, one_per_split
from .similarity import COPY_THRESHOLD, MAX_PAIRS, NEAR_THRESHOLD, near_pairs, shape_features

__all__ = [
    "COPY_THRESHOLD",
    "MAX_PAIRS",
    "NEAR_THRESHOLD",
    "Alike",
    "AlikeSearch",
    "Case",
    "CaseTable",
    "Finding",
    "RowSets",
    "case_rows",
    "cohort_digest",
    "group_sets",
    "image_chunks",
    "image_keys",
    "labeled_digests",
    "near_pairs",
    "one_per_split",
    "same_rows",
    "shape_features",
]
