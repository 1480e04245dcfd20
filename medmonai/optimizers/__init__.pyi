from .pesg import PESG
from .schedule import OneCycle
from .update import pesg_update_

__all__ = ["PESG", "OneCycle", "pesg_update_"]
