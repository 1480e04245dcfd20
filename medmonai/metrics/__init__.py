"""Metrics of a predictions table in NumPy float64; every function takes `(y_true, y_score)`."""

from .delong import auc_influence, delong_covariance, delong_variance
from .intervals import Interval, auc_interval, macro_auc_interval
from .medmnist_score import medmnist_acc, medmnist_auc
from .ranking import auc_score, auc_scores, macro_auc_score, roc_points
from .summary import accuracy_interval, summarize

__all__ = [
    "Interval",
    "accuracy_interval",
    "auc_influence",
    "auc_interval",
    "auc_score",
    "auc_scores",
    "delong_covariance",
    "delong_variance",
    "macro_auc_interval",
    "macro_auc_score",
    "medmnist_acc",
    "medmnist_auc",
    "roc_points",
    "summarize",
]
