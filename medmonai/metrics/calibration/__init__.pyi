from .calibration import (
    Average,
    ReliabilityBins,
    brier_score_loss,
    calibrated_events,
    check_probabilities,
    expected_calibration_error,
    negative_log_likelihood,
    reliability_bins,
    sums_in_words,
)
from .calibration_summary import summarize_calibration
from .temperature import Temperature, apply_temperature, default_temperature, fit_temperature

__all__ = [
    "Average",
    "ReliabilityBins",
    "Temperature",
    "apply_temperature",
    "brier_score_loss",
    "calibrated_events",
    "check_probabilities",
    "default_temperature",
    "expected_calibration_error",
    "fit_temperature",
    "negative_log_likelihood",
    "reliability_bins",
    "summarize_calibration",
    "sums_in_words",
]
