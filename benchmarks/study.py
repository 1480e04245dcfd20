"""What a study costs beside its cells: seconds a cell of nothing, and the throughput of two jobs
against one.

    python -m benchmarks.study [--empty 200] [--real 4] [--rounds 3] [--jobs 2]

Cells of nothing: a bundle whose run lists write an empty metrics.json; planning, hashing, workers,
folders, logs and claims are in the figure, the workers' imports are not (a first cell warms them
up). Real cells: the 2D phantom bundle, one epoch, the same cells with one job on one thread, one
job on all cores, and `jobs` jobs that share the cores.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import medmonai
from medmonai.studies import plan_cells, read_study
from medmonai.studies.cells import Cell
from medmonai.studies.pools import LokyPool, Resources
from medmonai.studies.runner import cell_folder, write_plan

PHANTOM = Path(__file__).resolve().parent.parent / "bundles" / "lesion_phantom_classification"
CASES = {"_target_": "medmonai.data.lesion_phantom", "split": "train", "num_cases": 10}
EMPTY = {
    "imports": ["$import medmonai"],
    "bundle_root": "$medmonai.bundle.bundle_root()",
    "output_dir": "output",
    "seed": 1,
    "number": 0,
    "train": {"dataset": CASES},
    "validate": {"dataset": CASES},
    "test": {"dataset": CASES},
    "run": ["$@number"],
}
EVALUATE = {"run": ["$medmonai.atomic_files.write_json({}, @output_dir + '/metrics.json')"]}


def empty_bundle(folder: Path) -> Path:
    """Write a bundle whose runs compute nothing, and return its folder."""
    configs = folder / "empty_classification" / "configs"
    configs.mkdir(parents=True)
    for name, content in (("train", EMPTY), ("evaluate", EVALUATE), ("metadata", {})):
        (configs / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return configs.parent


def plan(
    folder: Path, bundle: Path, arms: Mapping[str, Any], settings: Mapping[str, Any]
) -> list[Cell]:
    """Write a study of one bundle and one seed, and plan its cells."""
    path = folder / "study.json"
    path.write_text(
        json.dumps({"bundles": [str(bundle)], "seeds": [1], "arms": dict(arms)}), encoding="utf-8"
    )
    study = read_study(path)
    cells = plan_cells(study, settings=settings)
    write_plan(study, cells, folder / "out", settings=settings)
    return cells


def seconds(cells: list[Cell], output: Path, resources: Resources) -> float:
    """Run cells in workers that have imported everything already; return the wall-clock seconds."""
    pool = LokyPool(resources)
    try:
        for future in [pool._executor.submit(_import) for _ in range(4 * resources.jobs)]:
            future.result()
        start = time.perf_counter()
        for future in [pool.submit(cell, cell_folder(output, cell)) for cell in cells]:
            if (outcome := future.result()).state != "finished":
                raise RuntimeError(f"a cell failed: {outcome.error}")
        return time.perf_counter() - start
    finally:
        pool.close(now=False)


def _import() -> None:
    import medmonai.studies  # noqa: F401  (what a worker imports before its first cell)

    time.sleep(0.2)  # so that every worker takes one of these


def empty_cells(count: int, jobs: int) -> None:
    """Print what a cell of nothing costs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arms = {f"arm {number}": {"number": number} for number in range(count)}
        start = time.perf_counter()
        cells = plan(folder, empty_bundle(folder), arms, {})
        planned = time.perf_counter() - start
        for share in dict.fromkeys((1, jobs)):
            shutil.rmtree(folder / "out" / "cells", ignore_errors=True)
            took = seconds(cells, folder / "out", Resources.shared(share))
            a_cell = 1e3 * (planned + took) / count
            print(
                f"{count} cells of nothing, {share} job(s): {a_cell:.0f} ms a cell, "
                f"{1e3 * planned / count:.1f} to plan it"
            )


def real_cells(count: int, jobs: int, rounds: int) -> None:
    """Print the throughput of several jobs against one, in turn."""
    cores = Resources.shared(1).threads
    kinds = {
        "one job, one thread": Resources(1, 1),
        f"one job, {cores} threads": Resources(1, cores),
        f"{jobs} jobs, {max(1, cores // jobs)} thread(s) each": Resources.shared(jobs),
    }
    took: dict[str, list[float]] = {name: [] for name in kinds}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arms = {
            f"arm {number}": {"learning_rate": 0.001 + 1e-6 * number} for number in range(count)
        }
        cells = plan(folder, PHANTOM, arms, {"max_epochs": 1, "train_cases": 6000})
        for _ in range(rounds):
            for kind, resources in kinds.items():
                shutil.rmtree(folder / "out" / "cells", ignore_errors=True)
                took[kind].append(seconds(cells, folder / "out", resources))
    first = next(iter(kinds))
    for kind, values in took.items():
        ratios = sorted(one / own for one, own in zip(took[first], values))
        print(
            f"{count} real cells, {kind}: {statistics.median(values):.1f} s; throughput "
            f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) times that of "
            f"{first}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--empty", type=int, default=200, help="cells of nothing")
    parser.add_argument("--real", type=int, default=4, help="real cells a round; 0 leaves them out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    print(
        f"medmonai {medmonai.__version__}, torch {torch.__version__}, Python "
        f"{platform.python_version()}, {Resources.shared(1).threads} cores"
    )
    empty_cells(options.empty, options.jobs)
    if options.real:
        real_cells(options.real, options.jobs, options.rounds)


if __name__ == "__main__":
    main()
