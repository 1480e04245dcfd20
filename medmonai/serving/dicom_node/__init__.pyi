from .delivery import CStore, Destination, Refused, StowRS, Unreachable, destination
from .node import Node, dicom_node
from .receiving import Listening
from .security import Security
from .sending import Backoff, Sender

__all__ = [
    "Backoff",
    "CStore",
    "Destination",
    "Listening",
    "Node",
    "Refused",
    "Security",
    "Sender",
    "StowRS",
    "Unreachable",
    "destination",
    "dicom_node",
]
