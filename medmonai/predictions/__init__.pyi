from .alignment import align, check_same_cases, in_one_order, moved_names
from .files import read_predictions, write_predictions
from .table import Predictions, sums_to_one

__all__ = [
    "Predictions",
    "align",
    "check_same_cases",
    "in_one_order",
    "moved_names",
    "read_predictions",
    "sums_to_one",
    "write_predictions",
]
