from .description import described
from .export import export_model
from .exported import ExportedModel, load_exported
from .familiar import Familiar
from .inputs import GivenCase, given_cases
from .model import Model, load_model
from .model_card import CARD, write_model_card
from .predict import PredictedCase, open_model, predict, predict_batch, read_given, write_predicted
from .scoring import member_covariates, prepared

__all__ = [
    "CARD",
    "ExportedModel",
    "Familiar",
    "GivenCase",
    "Model",
    "PredictedCase",
    "described",
    "export_model",
    "given_cases",
    "load_exported",
    "load_model",
    "member_covariates",
    "open_model",
    "predict",
    "predict_batch",
    "prepared",
    "read_given",
    "write_model_card",
    "write_predicted",
]
