"""Studies of the tiny bundle: planned, counted, and waited for."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from tiny_bundle import write_study

from medmonai.studies import plan_cells, read_study
from medmonai.studies.pools import Resources
from medmonai.studies.runner import write_plan
from medmonai.studies.status import cell_status
from medmonai.studies.study_folder import cell_folder

TWO = Resources(jobs=2, threads=1)


def plan(tmp_path, **content):
    study = read_study(write_study(tmp_path, **content))
    cells = plan_cells(study)
    (tmp_path / "out").mkdir(exist_ok=True)
    write_plan(study, cells, tmp_path / "out", settings={})
    return cells


def starts(tmp_path, cell):
    return len((cell_folder(tmp_path / "out", cell) / "starts.txt").read_text().split())


def states(tmp_path, cells):
    return Counter(cell_status(cell, tmp_path / "out").state for cell in cells)


def wait_for(condition):
    for _ in range(12_000):  # a net for a fault, far from what a busy machine needs
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never came")


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
