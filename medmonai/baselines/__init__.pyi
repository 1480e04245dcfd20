from .covariate_weights import covariate_weights
from .estimators import ESTIMATORS, estimator
from .features import FEATURES, image_features
from .fit import TrainedBaseline, fit_baseline, train_baseline
from .texture import cooccurrence, intensity_texture

__all__ = [
    "ESTIMATORS",
    "FEATURES",
    "TrainedBaseline",
    "cooccurrence",
    "covariate_weights",
    "estimator",
    "fit_baseline",
    "image_features",
    "intensity_texture",
    "train_baseline",
]
