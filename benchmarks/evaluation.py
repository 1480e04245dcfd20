"""CPU seconds that the evaluation of a large table takes: its parts, with intervals, and everything
that `evaluate` writes.

    OMP_NUM_THREADS=1 python -m benchmarks.evaluation [--cases 47280] [--classes 8] [--rounds 5]

The table is drawn: as many cases and classes as TissueMNIST's test split has. Cases are
independent, and once more in groups of two. Validation has half as many.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from medmonai.metrics import (
    default_operating_point,
    summarize_calibration,
    summarize_decisions,
    summarize_ranking,
)
from medmonai.metrics.ranking import (
    curve_thresholds,
    precision_recall_band,
    resampled_counts,
    roc_band,
)
from medmonai.predictions import Predictions, write_predictions
from medmonai.report import evaluate_files
from medmonai.task import Task


def drawn(cases: int, classes: int, *, split: str, grouped: bool = False) -> Predictions:
    """Draw a multiclass table in which higher scores say something."""
    rng = np.random.default_rng([cases, len(split)])
    y_true = rng.integers(0, classes, cases)
    y_score = rng.dirichlet(np.ones(classes), cases) + 0.7 * np.eye(classes)[y_true]
    groups = [f"{split}{i // 2}" for i in range(cases)] if grouped else None
    return Predictions(
        [f"{split}{i}" for i in range(cases)],
        y_true,
        y_score / y_score.sum(axis=1, keepdims=True),
        Task("multiclass", classes),
        [f"class {c}" for c in range(classes)],
        groups,
    )


def bands(table: Predictions) -> None:
    """Compute the bands of one class's ROC and precision-recall curve."""
    y_true = table.y_true == 0
    y_score = table.y_score[:, 0]
    counts = resampled_counts(
        y_true, y_score, curve_thresholds(y_true, y_score), groups=table.groups
    )
    roc_band(counts), precision_recall_band(counts)


def whole(table: Predictions, validation: Predictions) -> None:
    """Evaluate from files to files, figures included."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.csv" for name in ("test", "validation")]
        for path, one in zip(paths, (table, validation)):
            write_predictions(one, path)
        evaluate_files(paths[0], validation=paths[1], output=Path(folder) / "out")


def cpu_seconds(function: Callable[[], object], rounds: int) -> list[float]:
    """Return the CPU seconds of each round, a first one left out."""
    found = []
    for _ in range(rounds + 1):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return found[1:]


def main() -> None:
    """Time everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=47_280)
    parser.add_argument("--classes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        f"NumPy {np.__version__}, Python {platform.python_version()}; {given.cases} cases, "
        f"{given.classes} classes"
    )
    for grouped in (False, True):
        table, validation = (
            drawn(n, given.classes, split=split, grouped=grouped)
            for n, split in ((given.cases, "test"), (given.cases // 2, "val"))
        )
        parts = {
            "ranking": lambda t=table: summarize_ranking(t),
            "decisions": lambda t=table: summarize_decisions(t, default_operating_point(t.task)),
            "calibration": lambda t=table: summarize_calibration(t),
            "bands of one class": lambda t=table: bands(t),
            "files to files, with figures": lambda t=table, v=validation: whole(t, v),
        }
        for name, function in parts.items():
            found = cpu_seconds(function, given.rounds)
            print(
                f"{'groups of two' if grouped else 'independent':>14}  {name:30} "
                f"{statistics.median(found):6.2f} s CPU ({min(found):.2f} to {max(found):.2f})"
            )


if __name__ == "__main__":
    main()
