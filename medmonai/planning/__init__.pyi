from .choice import Choice
from .division import Division, choose_division, divided
from .fitting import fit_source
from .forecast import Forecast, forecast
from .look import Look, look
from .plan import Plan, make_plan

__all__ = [
    "Choice",
    "Division",
    "Forecast",
    "Look",
    "Plan",
    "choose_division",
    "divided",
    "fit_source",
    "forecast",
    "look",
    "make_plan",
]
