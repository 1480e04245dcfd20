"""The parts of the GPU run, the most valuable first."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """One part.

    Args:
        function: "module:name" in benchmarks.gpu.
        limit: seconds after which it is stopped.
        alone: whether it is timed, so that nothing may run beside it.
    """

    function: str
    limit: float
    alone: bool


PARTS = {
    "bundles": Part("works:bundles", 150, False),
    "tests": Part("works:tests", 240, False),
    "ranks": Part("works:ranks", 90, False),
    "fit": Part("works:fit", 180, False),
    "resume": Part("works:resume", 200, False),
    "precision": Part("works:precision", 240, False),
    "synchronisations": Part("loops:synchronisations", 60, True),
    "epochs": Part("loops:epochs", 60, True),
    "inputs": Part("pipeline:inputs", 45, True),
    "captured": Part("steps:captured", 60, True),
    "results": Part("reach:results", 150, True),
    "stacked": Part("steps:stacked", 60, True),
    "optimizers": Part("steps:optimizers", 40, True),
}
