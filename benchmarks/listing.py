"""Seconds of listing a table of 220,025 images, and of drawing folds, beside what the same costs by
other means.

    OMP_NUM_THREADS=1 python -m benchmarks.listing [--rows 220025] [--cases 50000] [--rounds 5]

All in one process, interleaved, after a warm-up, the folder in the page cache:

- list_image_table: the table in the layout of Histopathologic Cancer Detection, one empty file a
  row; every row checked, its file found, classes and ids made.
- The same by hand: `csv.DictReader`, and `os.path.isfile` for each row; nothing is checked.
- fold_numbers: 50,000 cases of 5 classes in 20,000 groups, 5 folds; beside scikit-learn's
  StratifiedGroupKFold.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sklearn
from sklearn.model_selection import StratifiedGroupKFold

from medmonai.data import ImageFiles, TableColumns, list_image_table
from medmonai.data.splits import fold_numbers
from medmonai.task import Task


def write_table(root: Path, rows: int) -> Path:
    """Write train_labels.csv (id, label) with ids of 40 hexadecimal digits, and an empty .tif for
    each.
    """
    rng = np.random.default_rng(0)
    names = [rng.bytes(20).hex() for _ in range(rows)]
    labels = rng.integers(0, 2, rows)
    (root / "train").mkdir()
    for name in names:
        (root / "train" / f"{name}.tif").touch()
    table = root / "train_labels.csv"
    table.write_text(
        "id,label\n" + "".join(f"{name},{label}\n" for name, label in zip(names, labels))
    )
    return table


def by_hand(table: Path) -> tuple[list[str], list[int]]:
    files = []
    labels = []
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            path = f"{table.parent}/train/{row['id']}.tif"
            if os.path.isfile(path):
                files.append(path)
                labels.append(int(row["label"]))
    return files, labels


def interleaved(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each work and round, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for round_number in range(rounds + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if round_number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=220_025)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, given.cases)
    units = rng.integers(0, given.cases * 2 // 5, given.cases)
    theirs = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        table = write_table(Path(folder), given.rows)
        pairs = [
            {
                "list_image_table": lambda: list_image_table(
                    table,
                    TableColumns("id", "label"),
                    name="pcam",
                    images=ImageFiles("train", suffix=".tif"),
                ),
                "by hand": lambda: by_hand(table),
            },
            {
                "fold_numbers": lambda: fold_numbers(
                    labels, units, task=Task("multiclass", 5), folds=5
                ),
                "StratifiedGroupKFold": lambda: list(theirs.split(labels, labels, units)),
            },
        ]
        print(
            f"{given.rows} rows, {given.cases} cases; {platform.machine()}, Python "
            f"{platform.python_version()}, scikit-learn {sklearn.__version__}; median of "
            f"{given.rounds} rounds [range]"
        )
        for works in pairs:
            seconds = interleaved(works, given.rounds)
            ours, other = seconds.values()
            for name, values in seconds.items():
                print(
                    f"{name:22s} {statistics.median(values):6.2f} s [{min(values):.2f}, "
                    f"{max(values):.2f}]"
                )
            ratios = [a / b for a, b in zip(ours, other)]
            print(
                f"{' / '.join(seconds)}: {statistics.median(ratios):.2f} [{min(ratios):.2f}, "
                f"{max(ratios):.2f}]"
            )


if __name__ == "__main__":
    main()
