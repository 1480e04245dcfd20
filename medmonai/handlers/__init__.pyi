from .auc_metric import AUCMetric
from .best_epochs import BestEpochs
from .early_stopping import EarlyStopping
from .history import HistoryWriter
from .loader_epoch import LoaderEpoch
from .loss_output import LossOutput
from .non_finite import NonFiniteGuard
from .order import in_order
from .pesg_stage import PESGStage, RegularizerDecay
from .plateau import PlateauSchedule
from .predictions_collector import PredictionsCollector
from .predictions_writer import PredictionsWriter
from .progress import Progress
from .trainer import Trainer
from .unfreezing import GradualUnfreezing
from .weight_average import WeightAverage

__all__ = [
    "AUCMetric",
    "BestEpochs",
    "EarlyStopping",
    "GradualUnfreezing",
    "HistoryWriter",
    "LoaderEpoch",
    "LossOutput",
    "NonFiniteGuard",
    "PESGStage",
    "PlateauSchedule",
    "PredictionsCollector",
    "PredictionsWriter",
    "Progress",
    "RegularizerDecay",
    "Trainer",
    "WeightAverage",
    "in_order",
]
