from .calibration import calibration_figure
from .confusion import confusion_figure
from .decision_curve import decision_curve_figure
from .differences import comparison_figure
from .failures import confident_mistakes, failures_figure
from .history import history_figure
from .image_sizes import image_sizes_figure
from .precision_recall import precision_recall_figure
from .roc import roc_figure
from .saliency import saliency_figure
from .samples import samples_figure
from .scores import label_distribution_figure, score_distribution_figure
from .style import DPI, save_figure, styled

__all__ = [
    "DPI",
    "calibration_figure",
    "comparison_figure",
    "confident_mistakes",
    "confusion_figure",
    "decision_curve_figure",
    "failures_figure",
    "history_figure",
    "image_sizes_figure",
    "label_distribution_figure",
    "precision_recall_figure",
    "roc_figure",
    "saliency_figure",
    "samples_figure",
    "save_figure",
    "score_distribution_figure",
    "styled",
]
