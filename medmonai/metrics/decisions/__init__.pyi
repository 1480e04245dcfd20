from .counting import (
    accuracy,
    balanced_accuracy,
    cohen_kappa,
    f1,
    mcc,
    one_vs_rest_matrices,
    precision,
    recall,
    specificity,
)
from .decision_curve import THRESHOLDS, DecisionCurve, decision_curve, net_benefit
from .decision_metrics import MEANS, METRICS, ClassMean
from .decision_summary import summarize_decisions, warn_undefined_decisions
from .decisions import OperatingPoint, choose_operating_point, decide, default_operating_point
from .resampled_counts import ResampledCounts
from .stored_decision import read_decision
from .subgroups import band_values, subgroup_summary

__all__ = [
    "MEANS",
    "METRICS",
    "THRESHOLDS",
    "ClassMean",
    "DecisionCurve",
    "OperatingPoint",
    "ResampledCounts",
    "accuracy",
    "balanced_accuracy",
    "band_values",
    "choose_operating_point",
    "cohen_kappa",
    "decide",
    "decision_curve",
    "default_operating_point",
    "f1",
    "mcc",
    "net_benefit",
    "one_vs_rest_matrices",
    "precision",
    "read_decision",
    "recall",
    "specificity",
    "subgroup_summary",
    "summarize_decisions",
    "warn_undefined_decisions",
]
