from .familiar import Familiar
from .model import Model, load_model
from .predict import PredictedCase, predict, write_predicted

__all__ = ["Familiar", "Model", "PredictedCase", "load_model", "predict", "write_predicted"]
