from .arrivals import Arrivals
from .disk_queue import DiskQueue, QueueFull, SeriesTooLarge
from .limits import NodeLimits

__all__ = ["Arrivals", "DiskQueue", "NodeLimits", "QueueFull", "SeriesTooLarge"]
