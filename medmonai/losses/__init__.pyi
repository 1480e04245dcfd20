from .auc_margin import AUCMarginLoss, auc_margin, auc_margin_v2
from .class_weights import balanced_class_weights
from .classification import TaskLoss

__all__ = ["AUCMarginLoss", "TaskLoss", "auc_margin", "auc_margin_v2", "balanced_class_weights"]
