"""Faults of a run by real processes: two at once, kills, Ctrl-C, a full disk, another number of threads."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from bundle_runs import BUNDLES, small

BOTH = ["lesion_phantom_classification", "lesion_phantom3d_classification"]
TABLES = ("predictions_test.csv", "predictions_val.csv")


def command(name, folder, **change):
    settings = small(name, None, folder, evaluate=True) | {"max_epochs": 4} | change
    words = [word for key, value in settings.items()
             for word in (f"--{key}", value if isinstance(value, str) else json.dumps(value))]
    return [sys.executable, "-m", "medmonai", "run", str(BUNDLES / name), *words]


def start(words, *, cwd, threads=1):
    return subprocess.Popen(words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**os.environ, "OMP_NUM_THREADS": str(threads)})


def finish(words, *, cwd, expect=0, threads=1):
    process = start(words, cwd=cwd, threads=threads)
    out, _ = process.communicate()
    assert process.returncode == expect, out
    return out


def stop_when(process, there, how=signal.SIGKILL):
    """Send a signal as soon as a file is there."""
    while not there() and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(how)
    out, _ = process.communicate()
    return out


def lines(path):
    return len(path.read_text().splitlines()) if path.is_file() else 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Uninterrupted runs, by bundle."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name) / "whole"
            finish(command(name, made[name]), cwd=made[name].parent)
        return made[name]

    return of


def same_tables(first, second):
    assert [(first / name).read_bytes() for name in TABLES] == [(second / name).read_bytes() for name in TABLES]


def test_two_runs_at_once_in_one_folder_the_second_is_refused(tmp_path):
    folder = tmp_path / "run"
    first = start(command(BOTH[0], folder, seed=1, max_epochs=400), cwd=tmp_path)
    try:
        while not (folder / "run.json").is_file() and first.poll() is None:
            time.sleep(0.01)
        said = finish(command(BOTH[0], folder, seed=2), cwd=tmp_path, expect=1).splitlines()[-1]
        assert f"error: {folder} is in use by process {first.pid} on " in said and "(UTC); wait for it, end it" in said
        configs = BUNDLES / BOTH[0] / "configs"
        stock = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(configs / "inference.json"), "--output_dir",
                 str(folder), "--dataset_dir", str(tmp_path / "nothing")]
        assert "is in use by process" in finish(stock, cwd=tmp_path, expect=1)  # before any image is looked for
        assert json.loads((folder / "config.json").read_text())["seed"] == 1
    finally:
        first.kill()
        first.communicate()


MOMENTS = {  # what is there when the process is killed
    "first epoch": lambda folder: lines(folder / "history.csv") >= 2,
    "third epoch": lambda folder: lines(folder / "history.csv") >= 4,
    "trained": lambda folder: (folder / "models" / "model_final.pt").is_file(),
    "test opened": lambda folder: (folder / "test_opened.json").is_file(),
    "predicted": lambda folder: (folder / "predictions_test.csv").is_file(),
    "decided": lambda folder: (folder / "data.json").is_file(),
    "figures": lambda folder: (folder / "figures" / "samples.png").is_file(),
    "metrics": lambda folder: (folder / "metrics.json").is_file(),
}


@pytest.mark.parametrize(("name", "moment"), [
    pytest.param(name, moment, marks=[] if (name, moment) == (BOTH[0], "third epoch") else
                 pytest.mark.slow) for name in BOTH for moment in MOMENTS])
def test_a_killed_run_ends_as_an_uninterrupted_one(name, moment, whole, tmp_path):
    folder = tmp_path / "run"
    stop_when(start(command(name, folder), cwd=tmp_path), lambda: MOMENTS[moment](folder))
    finish(command(name, folder), cwd=tmp_path)
    same_tables(folder, whole(name))
    assert (folder / "report.html").is_file() and not [path for path in folder.rglob(".*") if path.is_file()]
    for part in ("splits", "references"):
        assert json.loads((folder / "metrics.json").read_text())[part] == json.loads(
            (whole(name) / "metrics.json").read_text())[part]


def test_a_run_goes_on_with_the_threads_it_began_with(whole, tmp_path):
    folder = tmp_path / "run"
    stop_when(start(command(BOTH[0], folder), cwd=tmp_path), lambda: MOMENTS["first epoch"](folder))
    said = finish(command(BOTH[0], folder), cwd=tmp_path, threads=2)
    assert "this run began with 1 CPU threads and this process has 2: it goes on with 1" in said and "OMP_NUM_THREADS=1" in said
    assert json.loads((folder / "run.json").read_text())["threads"] == 1
    same_tables(folder, whole(BOTH[0]))


def test_ctrl_c_is_said_in_a_sentence_and_the_same_command_goes_on(whole, tmp_path):
    folder = tmp_path / "run"
    process = start(command(BOTH[0], folder), cwd=tmp_path)
    said = stop_when(process, (folder / "models" / "last.pt").is_file, signal.SIGINT).splitlines()[-1]
    assert process.returncode in (130, -signal.SIGINT)  # a shell shows 130 for both
    assert said == f"stopped; {folder} keeps the training up to its last whole epoch, and the same command goes on from there."
    assert not (folder / ".claim").exists()
    finish(command(BOTH[0], folder), cwd=tmp_path)
    same_tables(folder, whole(BOTH[0]))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("mount"), reason="mounts a small disk")
@pytest.mark.parametrize("size", ["200k", pytest.param("700k", marks=pytest.mark.slow),
                                  pytest.param("1200k", marks=pytest.mark.slow)])
def test_a_full_disk_is_named_and_the_same_command_goes_on_when_there_is_room(size, whole, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("no disk of its own can be mounted here")
    try:
        words = command(BOTH[0], disk / "run")
        said = finish(words, cwd=tmp_path, expect=1).splitlines()[-1]
        assert said.startswith(f"error: {disk}/run/") and "could not be written: No space left on device" in said, said
        assert said.endswith("free some room there and give the same command again.")
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        finish(words, cwd=tmp_path)
        same_tables(disk / "run", whole(BOTH[0]))
    finally:
        subprocess.run(["umount", str(disk)], check=False)
