"""The status of a study: its plan, the time that is left, and cells whose process is dead."""

from __future__ import annotations

import json
import os
import socket

import pytest
from study_runs import plan

from medmonai.studies import read_study
from medmonai.studies.status import cell_status, read_plan, remaining_seconds, status_lines
from medmonai.studies.study_folder import cell_folder


def test_the_time_left_is_that_of_the_bundles_own_cells(tmp_path):
    cells = plan(tmp_path)
    for cell, seconds in zip(cells, (10.0, 20.0)):
        folder = cell_folder(tmp_path / "out", cell)
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text("{}")
        (folder / "outcome.json").write_text(json.dumps({"state": "finished", "seconds": seconds}))
    statuses = [cell_status(cell, tmp_path / "out") for cell in cells]
    assert (
        remaining_seconds(statuses, jobs=1) == 30.0 and remaining_seconds(statuses, jobs=2) == 15.0
    )
    # nothing measured: NaN
    assert remaining_seconds(statuses[2:], jobs=1) != remaining_seconds(statuses[2:], jobs=1)
    assert status_lines(tmp_path / "out")[0] == "4 cells: 2 finished, 2 waiting"


def test_a_plan_reads_as_it_was_written(tmp_path):
    cells = plan(tmp_path, grid={"optimizer#lr": [0.1, 0.2]}, baseline=None)
    study, found, settings, file = read_plan(tmp_path / "out")
    assert (
        found == cells
        and settings == {}
        and file == "study.json"
        and study == read_study(tmp_path / "study.json")
    )
    (tmp_path / "out" / "plan.json").write_text('{"study": 1}')
    with pytest.raises(ValueError, match=r"is damaged .*run the study again"):
        read_plan(tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="no study at"):
        read_plan(tmp_path)


def test_a_claim_of_a_dead_process_is_no_running_cell(tmp_path):
    cell = plan(tmp_path)[0]
    folder = cell_folder(tmp_path / "out", cell)
    folder.mkdir(parents=True)
    for text, state in (
        (f"pid={os.getpid()}\nhost={socket.gethostname()}\n", "running"),
        (f"pid=4194303\nhost={socket.gethostname()}\n", "waiting"),
        ("pid=1\nhost=elsewhere\n", "running"),
    ):
        (folder / ".claim").write_text(text)
        assert cell_status(cell, tmp_path / "out").state == state
    os.utime(folder / ".claim", (0, 0))  # of another machine, long not renewed
    assert cell_status(cell, tmp_path / "out").state == "waiting"
