"""The commands, grouped by topic; `medmonai.__main__` gives them their names."""

from .data_sets import cache, check, describe
from .given_ids import given_ids
from .results import compare, evaluate, report
from .runs import bundles, init, run
from .study import run_study, status, summary

__all__ = [
    "bundles",
    "cache",
    "check",
    "compare",
    "describe",
    "evaluate",
    "given_ids",
    "init",
    "report",
    "run",
    "run_study",
    "status",
    "summary",
]
