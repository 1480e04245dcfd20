from .description import about_model, described, records_of
from .export import export_model
from .exported import ExportedModel, load_exported
from .familiar import Familiar
from .inputs import GivenCase, given_cases
from .model import Model, load_model, model_place
from .model_card import CARD, adapted_card, write_model_card
from .predict import (
    PredictedCase,
    decoded_batches,
    open_model,
    predict,
    predict_batch,
    read_given,
    write_predicted,
)
from .scoring import member_covariates, prepared, uncalibrated
from .training_values import (
    measurements,
    patient_means,
    read_training_values,
    rounded,
    training_values,
    write_training_values,
)

__all__ = [
    "CARD",
    "ExportedModel",
    "Familiar",
    "GivenCase",
    "Model",
    "PredictedCase",
    "about_model",
    "adapted_card",
    "decoded_batches",
    "described",
    "export_model",
    "given_cases",
    "load_exported",
    "load_model",
    "measurements",
    "member_covariates",
    "model_place",
    "open_model",
    "patient_means",
    "predict",
    "predict_batch",
    "prepared",
    "read_given",
    "read_training_values",
    "records_of",
    "rounded",
    "training_values",
    "uncalibrated",
    "write_model_card",
    "write_predicted",
    "write_training_values",
]
