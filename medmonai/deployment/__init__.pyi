from .export import export_model
from .exported import ExportedModel, load_exported
from .familiar import Familiar
from .model import Model, load_model
from .predict import PredictedCase, open_model, predict, write_predicted

__all__ = [
    "ExportedModel",
    "Familiar",
    "Model",
    "PredictedCase",
    "export_model",
    "load_exported",
    "load_model",
    "open_model",
    "predict",
    "write_predicted",
]
