from .delivery import CStore, Declined, Destination, StowRS, Unreachable, destination
from .node import Node, dicom_node
from .receiving import Listening
from .security import Security
from .sending import Backoff, Sender

__all__ = [
    "Backoff",
    "CStore",
    "Declined",
    "Destination",
    "Listening",
    "Node",
    "Security",
    "Sender",
    "StowRS",
    "Unreachable",
    "destination",
    "dicom_node",
]
