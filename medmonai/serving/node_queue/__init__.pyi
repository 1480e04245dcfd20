from .arrivals import Arrivals
from .disk_queue import DiskQueue, QueueFull, SeriesTooLarge
from .limits import NodeLimits
from .outbox import Outbox

__all__ = ["Arrivals", "DiskQueue", "NodeLimits", "Outbox", "QueueFull", "SeriesTooLarge"]
