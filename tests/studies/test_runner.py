"""Running cells: skipped, resumed, failed, killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
from study_runs import TWO, alive, plan, starts, states, wait_for
from tiny_bundle import write_tiny_bundle

from medmonai.studies.cell_run import run_cell
from medmonai.studies.runner import part_of_cells, run_cells
from medmonai.studies.status import cell_status, status_lines, strangers
from medmonai.studies.study_folder import cell_folder


def test_cells_run_once_and_a_changed_study_adds_what_is_new(tmp_path, here):
    cells = plan(tmp_path)
    outcomes = run_cells(cells, tmp_path / "out", resources=TWO, backend="here")
    assert {o.state for o in outcomes.values()} == {"finished"} and set(outcomes) == {
        cell.key for cell in cells
    }
    for cell in cells:
        folder = cell_folder(tmp_path / "out", cell)
        known = json.loads((folder / "cell.json").read_text())
        assert (known["key"], known["variant"], known["seed"]) == (
            cell.key,
            cell.variant,
            cell.seed,
        )
        assert (folder / "command.txt").read_text().count("python -m monai.bundle run") == 2
        assert not (folder / ".claim").exists()
    more = plan(tmp_path, arms={"none": {}, "strong": {"effect": 3.0}, "weak": {"effect": 0.5}})
    assert states(tmp_path, more) == {"finished": 4, "waiting": 2}
    run_cells(more, tmp_path / "out", resources=TWO, backend="here")
    assert states(tmp_path, more) == {"finished": 6} and {
        starts(tmp_path, cell) for cell in more
    } == {1}
    fewer = plan(tmp_path, seeds=[1])
    assert len(strangers(fewer, tmp_path / "out")) == 4
    assert "4 folders in" in status_lines(tmp_path / "out")[-1]


def test_a_cell_that_fails_stops_no_other_and_runs_again(tmp_path, here):
    cells = plan(tmp_path, arms={"none": {}, "bad": {"fail": True}})
    seen = []
    outcomes = run_cells(
        cells,
        tmp_path / "out",
        resources=TWO,
        backend="here",
        watch=lambda cell, how: seen.append((cell.arm, how.state)),
    )
    assert sorted(seen) == [("bad", "failed")] * 2 + [("none", "finished")] * 2
    bad = next(cell for cell in cells if cell.arm == "bad")
    assert outcomes[bad.key].error == "effect=1.0 is impossible"
    assert "Traceback" in (cell_folder(tmp_path / "out", bad) / "log.txt").read_text()
    assert any(
        "failed: tiny_classification: bad, seed 1: effect=1.0" in line
        for line in status_lines(tmp_path / "out")
    )
    run_cells(cells, tmp_path / "out", resources=TWO, backend="here")
    assert [starts(tmp_path, cell) for cell in cells] == [1, 2, 1, 2]


def test_the_same_bits_as_the_command_that_the_cell_names(tmp_path, here):
    cell = plan(tmp_path)[0]
    run_cells([cell], tmp_path / "out", resources=TWO, backend="here")
    folder = cell_folder(tmp_path / "out", cell)
    for line in (folder / "command.txt").read_text().splitlines():
        (tmp_path / f"repeated-{cell.key}").mkdir(exist_ok=True)
        subprocess.run(
            line.replace("python", sys.executable, 1),
            shell=True,
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
    repeated = tmp_path / f"repeated-{cell.key}"
    for file in ("predictions_val.csv", "predictions_test.csv"):
        assert (folder / file).read_bytes() == (repeated / file).read_bytes()


RUNNER = """
import sys
from medmonai.studies.pools import Resources
from medmonai.studies.runner import run_cells
from medmonai.studies.status import read_plan
if __name__ == "__main__":
    run_cells(read_plan(sys.argv[1])[1], sys.argv[1], resources=Resources(jobs=2, threads=1))
"""


def test_a_study_that_is_killed_leaves_nobody_behind_and_goes_on(tmp_path, here):
    sleep = (
        f"$(__import__('os').path.exists({str(tmp_path / 'go')!r}) or "
        "__import__('time').sleep(600)) and 0"
    )
    cells = plan(tmp_path, arms={"none": {}, "long": {"die": sleep}}, seeds=[1])
    (tmp_path / "runner.py").write_text(RUNNER)
    process = subprocess.Popen([sys.executable, str(tmp_path / "runner.py"), str(tmp_path / "out")])
    folder = cell_folder(tmp_path / "out", cells[1])
    wait_for(lambda: (folder / "command.txt").exists() and states(tmp_path, cells)["finished"] == 1)
    claim = (folder / ".claim").read_text()
    worker = int(
        next(line for line in claim.splitlines() if line.startswith("pid=")).partition("=")[2]
    )
    assert states(tmp_path, cells) == {"finished": 1, "running": 1}
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not alive(worker))
    # the claim is still there, and void
    assert states(tmp_path, cells) == {"finished": 1, "broken off": 1}
    (tmp_path / "go").write_text("")
    outcomes = run_cells(cells, tmp_path / "out", resources=TWO, backend="here")
    assert {outcome.state for outcome in outcomes.values()} == {"finished"}
    assert not (folder / ".claim").exists()


def test_a_claim_of_a_dead_process_is_void_at_once_and_a_living_one_is_respected(tmp_path):
    cell = plan(tmp_path)[0]
    folder = cell_folder(tmp_path / "out", cell)
    folder.mkdir(parents=True)
    hold = (
        f"lease = filelock.SoftFileLease({str(folder / '.claim')!r}, lease_duration=30.0); "
        "lease.acquire(); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", f"import filelock, time; {hold}"])
    wait_for((folder / ".claim").exists)
    outcome = run_cell(cell, folder)
    assert (
        outcome.state == "elsewhere"
        and f"is in use by process {holder.pid} on {socket.gethostname()}" in outcome.error
    )
    assert not (folder / "cell.json").exists()
    holder.kill()
    holder.wait()
    assert run_cell(cell, folder).state == "finished"


def test_a_folder_of_another_cell_is_refused(tmp_path):
    cell, other = plan(tmp_path)[:2]
    folder = cell_folder(tmp_path / "out", cell)
    run_cell(other, cell_folder(tmp_path / "out", other))
    cell_folder(tmp_path / "out", other).rename(folder)
    before = (folder / "metrics.json").read_bytes()
    outcome = run_cell(cell, folder)
    assert (
        outcome.state == "failed"
        and f"holds cell {other.key}, which is of another study or other code" in outcome.error
    )
    assert (folder / "metrics.json").read_bytes() == before


def test_an_output_that_cannot_be_written_is_said(tmp_path):
    cell = plan(tmp_path)[0]
    (tmp_path / "file").write_text("")
    outcome = run_cell(cell, tmp_path / "file" / "cell")
    assert outcome.state == "failed" and "is a file, not a folder" in outcome.error


@pytest.mark.parametrize("parts", [1, 2, 3, 9])
def test_parts_of_a_study_are_disjoint_and_complete(parts, tmp_path):
    cells = plan(tmp_path)
    found = [part_of_cells(cells, f"{number}/{parts}") for number in range(1, parts + 1)]
    assert sorted(cell.key for some in found for cell in some) == sorted(cell.key for cell in cells)
    assert max(map(len, found)) - min(map(len, found)) <= 1


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_parts_that_there_are_not(part):
    with pytest.raises(ValueError, match=r"write i/n with i from 1 to n"):
        part_of_cells([], part)


@pytest.mark.parametrize("file", ["outcome.json", "cell.json"])
def test_a_damaged_note_beside_good_results_does_no_harm(file, tmp_path, here):
    cell = plan(tmp_path)[0]
    run_cells([cell], tmp_path / "out", resources=TWO, backend="here")
    folder = cell_folder(tmp_path / "out", cell)
    before = (folder / "metrics.json").read_bytes()
    (folder / file).write_text("")
    assert (
        run_cells([cell], tmp_path / "out", resources=TWO, backend="here")[cell.key].state
        == "finished"
    )
    assert cell_status(cell, tmp_path / "out").state == "finished" and starts(tmp_path, cell) == 1
    assert (folder / "metrics.json").read_bytes() == before


def test_looking_at_a_finished_cell_adds_no_seconds(tmp_path, here):
    cell = plan(tmp_path)[0]
    for _ in range(3):
        run_cells([cell], tmp_path / "out", resources=TWO, backend="here")
        seconds = cell_status(cell, tmp_path / "out").seconds
    assert (
        seconds
        == json.loads((cell_folder(tmp_path / "out", cell) / "outcome.json").read_text())["seconds"]
        > 0
    )
    assert starts(tmp_path, cell) == 1


def test_bundles_with_modules_of_one_name_run_their_own_code(tmp_path, here):
    other = write_tiny_bundle(tmp_path, "other_classification")
    module = other / "tiny_cell.py"
    module.write_text(module.read_text().replace("effect * (", "(effect + 8) * ("))
    cells = plan(
        tmp_path,
        bundles=["tiny_classification", "other_classification"],
        arms={"none": {}},
        seeds=[1],
    )
    run_cells(cells, tmp_path / "out", resources=TWO, backend="here")
    aucs = [
        json.loads((cell_folder(tmp_path / "out", cell) / "metrics.json").read_text())["splits"][
            "test"
        ]["auc"]["estimate"]
        for cell in cells
    ]
    assert aucs[0] < 0.9 and aucs[1] > 0.99
