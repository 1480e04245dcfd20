"""The commands, by what they are about; `medmonai.__main__` gives them their names."""

from .data_sets import cache, check, describe
from .dicom_node import dicom_node
from .given_ids import given_ids
from .models import export, fit, predict
from .results import compare, evaluate, report
from .runs import bundles, init, run
from .serving import serve
from .sites import adapt
from .study import run_study, status, summary

__all__ = [
    "adapt",
    "bundles",
    "cache",
    "check",
    "compare",
    "describe",
    "dicom_node",
    "evaluate",
    "export",
    "fit",
    "given_ids",
    "init",
    "predict",
    "report",
    "run",
    "run_study",
    "serve",
    "status",
    "summary",
]
