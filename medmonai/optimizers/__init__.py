"""PESG, the optimiser of the AUC margin loss, and a learning-rate schedule."""

from .pesg import PESG
from .schedule import OneCycle
from .update import pesg_update_

__all__ = ["PESG", "OneCycle", "pesg_update_"]
