"""The predictions table: one per split, and everything after training reads only that."""

from .files import read_predictions, write_predictions
from .table import Predictions, align, check_same_cases

__all__ = ["Predictions", "align", "check_same_cases", "read_predictions", "write_predictions"]
