from .captures import captures
from .instances import Instance, read_instance
from .report import Answered, Identity, structured_report
from .selection import Selection
from .series_answer import NotAnswered, answer_series

__all__ = [
    "Answered",
    "Identity",
    "Instance",
    "NotAnswered",
    "Selection",
    "answer_series",
    "captures",
    "read_instance",
    "structured_report",
]
