from .adaptation import Adaptation, adapted
from .adapting import adapt, adapted_beside
from .cases_needed import cases_for_width
from .evaluating import evaluate_site
from .labeled import LabeledCases, list_labeled
from .locking import Decision
from .measured import MeasuredCases, measure

__all__ = [
    "Adaptation",
    "Decision",
    "LabeledCases",
    "MeasuredCases",
    "adapt",
    "adapted",
    "adapted_beside",
    "cases_for_width",
    "evaluate_site",
    "list_labeled",
    "measure",
]
