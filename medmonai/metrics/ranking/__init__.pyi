from .delong import (
    auc_influence,
    class_auc_influence,
    delong_covariance,
    delong_variance,
    influence_freedom,
)
from .intervals import FEW, Interval, auc_interval, macro_auc_interval, zero_variance
from .medmnist_score import medmnist_acc, medmnist_auc
from .ranking import auc_score, auc_scores, check_binary, macro_auc_score, one_vs_rest, roc_points
from .ranking_influence import average_precision_influence, partial_auc_influence
from .ranking_points import (
    average_precision_score,
    cut_at_sensitivity,
    cut_at_specificity,
    cut_counts,
    partial_auc_score,
    precision_recall_points,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from .ranking_summary import average_precision_interval, summarize_ranking
from .resampled_curves import (
    GRID,
    RESAMPLES,
    ResampledCurves,
    curve_thresholds,
    precision_recall_band,
    resampled_counts,
    roc_band,
)
from .summary import accuracy_interval, as_json, summarize

__all__ = [
    "FEW",
    "GRID",
    "RESAMPLES",
    "Interval",
    "ResampledCurves",
    "accuracy_interval",
    "as_json",
    "auc_influence",
    "auc_interval",
    "auc_score",
    "auc_scores",
    "average_precision_influence",
    "average_precision_interval",
    "average_precision_score",
    "check_binary",
    "class_auc_influence",
    "curve_thresholds",
    "cut_at_sensitivity",
    "cut_at_specificity",
    "cut_counts",
    "delong_covariance",
    "delong_variance",
    "influence_freedom",
    "macro_auc_interval",
    "macro_auc_score",
    "medmnist_acc",
    "medmnist_auc",
    "one_vs_rest",
    "partial_auc_influence",
    "partial_auc_score",
    "precision_recall_band",
    "precision_recall_points",
    "resampled_counts",
    "roc_band",
    "roc_points",
    "sensitivity_at_specificity",
    "specificity_at_sensitivity",
    "summarize",
    "summarize_ranking",
    "zero_variance",
]
