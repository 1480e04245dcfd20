"""Running one cell in its folder: claimed, logged, resumable, and either finished or failed with a
reason.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TextIO

from medmonai.atomic_files import replacing, write_json
from medmonai.bundle import (
    EVALUATE,
    RunCases,
    bundle_cohorts,
    bundle_config,
    commands,
    now,
    own_modules,
    planned_cases,
    run_bundle,
)
from medmonai.claims import FolderInUse, claim
from medmonai.engines import run_record
from medmonai.errors import one_line
from medmonai.predictions import write_predictions
from medmonai.report import evaluate, write_decision, write_evaluation, write_report

from .cell import Cell
from .cell_results import load_cell
from .study_folder import noted

State = Literal["finished", "failed", "elsewhere"]


@dataclass(frozen=True)
class Outcome:
    """How a cell ended.

    Args:
        key: the cell.
        state: "finished", "failed", or "elsewhere" if another process is at it.
        seconds: this attempt took.
        error: why it failed, in one line.
    """

    key: str
    state: State
    seconds: float = 0.0
    error: str = ""


def run_cell(cell: Cell, folder: str | Path) -> Outcome:
    """Run a cell in its folder and return how it ended; what it prints goes to `log.txt` there.

    The folder gets `cell.json` (what the cell is), for networks `command.txt` (the same with
    `python -m monai.bundle run` alone) and what the run leaves. A run that broke off is taken up
    where it stopped; one that is finished is left as it is. A cell that another living process runs
    is left to it.

    Args:
        cell: the cell.
        folder: its folder, created if missing.
    """
    folder = Path(folder)
    try:
        with claim(folder), _log(folder / "log.txt") as log:
            start = time.monotonic()
            try:
                _check_folder(cell, folder)
                if (folder / "metrics.json").exists():
                    _check_finished(folder)
                    return Outcome(cell.key, "finished")
                _run(cell, folder)
                return note_outcome(Outcome(cell.key, "finished", time.monotonic() - start), folder)
            except Exception as error:
                traceback.print_exc(file=log)
                return note_outcome(
                    Outcome(cell.key, "failed", time.monotonic() - start, one_line(error)), folder
                )
    except FolderInUse as error:
        return Outcome(cell.key, "elsewhere", error=str(error))
    except OSError as error:
        # the folder cannot be written: not even the failure can be noted there
        return Outcome(cell.key, "failed", error=one_line(error))


def note_outcome(outcome: Outcome, folder: Path) -> Outcome:
    """Note the outcome in the folder; the seconds of the attempts that ended add up."""
    before = noted(folder / "outcome.json").get("seconds", 0.0)
    write_json({**asdict(outcome), "seconds": before + outcome.seconds}, folder / "outcome.json")
    return outcome


def _check_folder(cell: Cell, folder: Path) -> None:
    known = noted(folder / "cell.json")
    if known.get("key", cell.key) != cell.key:
        raise ValueError(
            f"{folder} holds cell {known['key']}, which is of another study or other code; move it "
            "away."
        )


def _check_finished(folder: Path) -> None:
    load_cell(folder)
    if not (folder / "report.html").exists():  # it broke off between the two
        write_report([folder])


def _run(cell: Cell, folder: Path) -> None:
    write_json({**asdict(cell), "variant": cell.variant}, folder / "cell.json")
    if cell.estimator is None:
        _write_text(folder / "command.txt", "\n".join(_commands(cell)) + "\n")
        with own_modules(cell.bundle), planned_cases(cell.data):
            run_bundle(cell.bundle, output_dir=folder, overrides=cell.overrides)
    else:
        _run_baseline(cell, folder)


def _commands(cell: Cell) -> Iterator[str]:
    """Yield the two commands that repeat the cell in a folder of their own; threads belong to it,
    they decide the bits.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "")
    prefix = f"OMP_NUM_THREADS={threads} " if threads else ""
    for line in commands(cell.bundle, {**cell.overrides, "output_dir": f"repeated-{cell.key}"}):
        yield prefix + line


def _run_baseline(cell: Cell, folder: Path) -> None:
    from medmonai.baselines import train_baseline

    started = now()
    train, validation, test = cohorts = bundle_cohorts(cell.bundle, cell.overrides)
    with planned_cases(cell.data):
        RunCases(None, cohorts).check_planned(test_too=True)
    rule = bundle_config(cell.bundle, cell.overrides, files=EVALUATE).get(
        "operating_point_rule", "youden"
    )
    given = cell.estimator
    assert given is not None  # what makes the cell a baseline
    # One job: cells run side by side already.
    fitted = train_baseline(
        train,
        estimator=given["name"],
        features=given["features"],
        parameters=given["parameters"],
        seed=cell.seed,
    )
    tables = {
        name: fitted.predict(cohort) for name, cohort in (("val", validation), ("test", test))
    }
    for name, table in tables.items():
        write_predictions(table, folder / f"predictions_{name}.csv", overwrite=True)
    write_json(
        {
            "finished": True,
            "started": started,
            "ended": now(),
            **run_record(seed=cell.seed, device="cpu"),
            "estimator": fitted.record,
        },
        folder / "run.json",
    )
    evaluation = evaluate(tables["test"], validation=tables["val"], rule=rule)
    write_decision(evaluation, folder)
    write_evaluation(evaluation, folder, data=test.provenance.as_dict())
    write_report([folder])


def _write_text(path: Path, text: str) -> None:
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def _log(path: Path) -> Iterator[TextIO]:
    """Send everything that this process prints, in Python or below it, to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with path.open("a", encoding="utf-8") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        handlers = list(logging.getLogger().handlers)
        try:
            yield file
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            logging.getLogger().handlers[:] = handlers
            for descriptor, old in zip((1, 2), kept):
                os.dup2(old, descriptor)
                os.close(old)
