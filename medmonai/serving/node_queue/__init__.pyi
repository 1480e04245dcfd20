from .arrivals import Arrivals
from .disk_queue import DiskQueue
from .limits import NodeLimits, QueueFull, SeriesTooLarge
from .outbox import Outbox

__all__ = ["Arrivals", "DiskQueue", "NodeLimits", "Outbox", "QueueFull", "SeriesTooLarge"]
