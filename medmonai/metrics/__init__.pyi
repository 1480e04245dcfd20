from .calibration.calibration import (
    ReliabilityBins,
    brier_score_loss,
    expected_calibration_error,
    negative_log_likelihood,
    reliability_bins,
)
from .calibration.calibration_summary import summarize_calibration
from .calibration.temperature import (
    Temperature,
    apply_temperature,
    default_temperature,
    fit_temperature,
)
from .comparison.accuracy_difference import accuracy_test, mcnemar
from .comparison.auc_difference import delong_test
from .comparison.decision_tests import decision_test
from .comparison.independent import auc_shift, distribution_shift, share_shift
from .comparison.paired_tests import PairedDifference, paired_bootstrap
from .comparison.paired_verdicts import compare_tables
from .comparison.scope import verdict_scope
from .comparison.seeds import average_seeds, seed_spread
from .comparison.verdicts import Comparison, Comparisons, holm
from .decisions.counting import (
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
from .decisions.decision_curve import DecisionCurve, decision_curve, net_benefit
from .decisions.decision_summary import summarize_decisions, warn_undefined_decisions
from .decisions.decisions import (
    OperatingPoint,
    choose_operating_point,
    decide,
    default_operating_point,
)
from .decisions.stored_decision import read_decision
from .decisions.subgroups import band_values, subgroup_summary
from .ranking.delong import auc_influence, delong_covariance, delong_variance
from .ranking.intervals import Interval, auc_interval, macro_auc_interval
from .ranking.medmnist_score import medmnist_acc, medmnist_auc
from .ranking.ranking import auc_score, auc_scores, macro_auc_score, roc_points
from .ranking.ranking_influence import average_precision_influence, partial_auc_influence
from .ranking.ranking_points import (
    average_precision_score,
    cut_counts,
    partial_auc_score,
    precision_recall_points,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from .ranking.ranking_summary import average_precision_interval, summarize_ranking
from .ranking.summary import accuracy_interval, summarize
from .resampling import wilson

__all__ = [
    "Comparison",
    "Comparisons",
    "DecisionCurve",
    "Interval",
    "OperatingPoint",
    "PairedDifference",
    "ReliabilityBins",
    "Temperature",
    "accuracy",
    "accuracy_interval",
    "accuracy_test",
    "apply_temperature",
    "auc_influence",
    "auc_interval",
    "auc_score",
    "auc_scores",
    "auc_shift",
    "average_precision_influence",
    "average_precision_interval",
    "average_precision_score",
    "average_seeds",
    "balanced_accuracy",
    "band_values",
    "brier_score_loss",
    "choose_operating_point",
    "cohen_kappa",
    "compare_tables",
    "cut_counts",
    "decide",
    "decision_curve",
    "decision_test",
    "default_operating_point",
    "default_temperature",
    "delong_covariance",
    "delong_test",
    "delong_variance",
    "distribution_shift",
    "expected_calibration_error",
    "f1",
    "fit_temperature",
    "holm",
    "macro_auc_interval",
    "macro_auc_score",
    "mcc",
    "mcnemar",
    "medmnist_acc",
    "medmnist_auc",
    "negative_log_likelihood",
    "net_benefit",
    "one_vs_rest_matrices",
    "paired_bootstrap",
    "partial_auc_influence",
    "partial_auc_score",
    "precision",
    "precision_recall_points",
    "read_decision",
    "recall",
    "reliability_bins",
    "roc_points",
    "seed_spread",
    "sensitivity_at_specificity",
    "share_shift",
    "specificity",
    "specificity_at_sensitivity",
    "subgroup_summary",
    "summarize",
    "summarize_calibration",
    "summarize_decisions",
    "summarize_ranking",
    "verdict_scope",
    "warn_undefined_decisions",
    "wilson",
]
