"""Faults of a run by real processes: two at once, kills, Ctrl-C, a full disk, another number of
threads.
"""

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
from forks import Process

BOTH = ["lesion_phantom_classification", "lesion_phantom3d_classification"]
TABLES = ("predictions_test.csv", "predictions_val.csv")


def command(name, folder, evaluate=True, **change):
    settings = small(name, None, folder, evaluate=evaluate) | {"max_epochs": 4} | change
    words = [
        word
        for key, value in settings.items()
        for word in (f"--{key}", value if isinstance(value, str) else json.dumps(value))
    ]
    return ["run", str(BUNDLES / name), *words]


def stock(name, folder, *files, **change):
    configs = [str(BUNDLES / name / "configs" / file) for file in files]
    return [
        "--config_file",
        str(configs),
        *command(name, folder, evaluate="evaluate.json" in files, **change)[2:],
    ]


def finish(words, *, cwd, expect=0):
    code, out = Process(words, cwd).end()
    assert code == expect, out
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
    assert [(first / name).read_bytes() for name in TABLES] == [
        (second / name).read_bytes() for name in TABLES
    ]


def test_two_runs_at_once_in_one_folder_the_second_is_refused_by_every_door(tmp_path):
    folder = tmp_path / "run"
    first = Process(command(BOTH[0], folder, seed=1, max_epochs=400), tmp_path)
    try:
        while not (folder / "models" / "last.pt").is_file() and first.process.is_alive():
            time.sleep(0.01)
        config = str(BUNDLES / BOTH[0] / "configs" / "inference.json")
        inference = [
            "--config_file",
            config,
            "--output_dir",
            str(folder),
            "--dataset_dir",
            str(tmp_path / "nothing"),
        ]
        for words in (
            command(BOTH[0], folder, seed=2),
            stock(BOTH[0], folder, "train.json", seed=2),
            stock(BOTH[0], folder, "train.json", "evaluate.json", seed=1),
            inference,
        ):  # refused before any image is looked for
            said = finish(words, cwd=tmp_path, expect=1).splitlines()[-1]
            assert (
                f"error: {folder} is in use by process {first.pid} on " in said
                and "(UTC); wait for it, end it" in said
            )
        assert json.loads((folder / "config.json").read_text())["seed"] == 1
    finally:
        first.stop()


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


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        pytest.param(
            name,
            moment,
            marks=[] if (name, moment) == (BOTH[0], "third epoch") else pytest.mark.slow,
        )
        for name in BOTH
        for moment in MOMENTS
    ],
)
def test_a_killed_run_ends_as_an_uninterrupted_one(name, moment, whole, tmp_path):
    folder = tmp_path / "run"
    Process(command(name, folder), tmp_path).stop_when(lambda: MOMENTS[moment](folder))
    finish(command(name, folder), cwd=tmp_path)
    same_tables(folder, whole(name))
    assert (folder / "report.html").is_file() and not [
        path for path in folder.rglob(".*") if path.is_file()
    ]
    for part in ("splits", "references"):
        assert (
            json.loads((folder / "metrics.json").read_text())[part]
            == json.loads((whole(name) / "metrics.json").read_text())[part]
        )


def test_a_run_that_lost_a_file_or_was_moved_says_so_or_ends_the_same(whole, tmp_path):
    folder, moved = tmp_path / "run", tmp_path / "ein anderer Ort" / "run"
    assert (
        Process(command(BOTH[0], folder), tmp_path, moment=("last.pt", 4)).end()[0]
        == -signal.SIGKILL
    )
    kept = (folder / "models" / "model.pt").read_bytes()
    (folder / "models" / "model.pt").unlink()
    said = finish(command(BOTH[0], folder), cwd=tmp_path, expect=1).splitlines()[-1]
    assert (
        said.startswith(f"error: {folder}/models/model.pt, the best epoch so far (")
        and "is missing; put back" in said
    )
    (folder / "models" / "model.pt").write_bytes(kept)
    shutil.copytree(folder, moved)
    finish(command(BOTH[0], moved), cwd=tmp_path)
    for name in ("last.pt", "previous.pt"):
        (folder / "models" / name).unlink(missing_ok=True)
    assert f"{folder}/models has no last.pt: the training begins with" in finish(
        command(BOTH[0], folder), cwd=tmp_path
    )
    for one in (moved, folder):
        same_tables(one, whole(BOTH[0]))


def test_a_run_goes_on_with_the_threads_it_began_with(whole, tmp_path):
    folder = tmp_path / "run"
    assert (
        Process(command(BOTH[0], folder), tmp_path, moment=("last.pt", 2)).end()[0]
        == -signal.SIGKILL
    )
    said = subprocess.run(
        [sys.executable, "-m", "medmonai", *command(BOTH[0], folder)],
        cwd=tmp_path,
        check=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ).stdout
    assert (
        "this run began with 1 CPU threads and this process has 2: it goes on with 1" in said
        and "OMP_NUM_THREADS=1" in said
    )
    assert json.loads((folder / "run.json").read_text())["threads"] == 1
    same_tables(folder, whole(BOTH[0]))


def test_ctrl_c_is_said_in_a_sentence_and_the_same_command_goes_on(whole, tmp_path):
    folder = tmp_path / "run"
    code, out = Process(
        command(BOTH[0], folder), tmp_path, moment=("last.pt", 2), how=signal.SIGINT
    ).end()
    assert code == 130
    assert out.splitlines()[-1] == (
        f"stopped; {folder} keeps the training up to its last whole epoch, and the same command "
        "goes on from there."
    )
    assert not (folder / ".claim").exists()
    finish(stock(BOTH[0], folder, "train.json"), cwd=tmp_path)
    for words in (stock(BOTH[0], folder, "train.json", "evaluate.json"), command(BOTH[0], folder)):
        code, out = Process(
            words, tmp_path, moment=("predictions_test.csv", 1), how=signal.SIGINT
        ).end()
        assert code in (1, 130) and out.splitlines()[-1].endswith(
            f"stopped; {folder} keeps the trained network, and the same command begins the "
            "evaluation again."
        ), out
        assert not (folder / ".claim").exists()
        (folder / "predictions_val.csv").unlink(missing_ok=True)
    finish(command(BOTH[0], folder), cwd=tmp_path)
    same_tables(folder, whole(BOTH[0]))


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("mount"),
    reason="mounts a small disk",
)
@pytest.mark.parametrize(
    "size",
    [
        "200k",
        pytest.param("700k", marks=pytest.mark.slow),
        pytest.param("1200k", marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_is_named_and_the_same_command_goes_on_when_there_is_room(
    size, whole, tmp_path
):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], check=False
    ).returncode:
        pytest.skip("no disk of its own can be mounted here")
    try:
        words = command(BOTH[0], disk / "run")
        out = finish(words, cwd=tmp_path, expect=1)
        said = out.splitlines()[-1]
        assert out.count("could not be written") == 1, out
        assert (
            said.startswith(f"error: {disk}/run/")
            and "could not be written: No space left on device" in said
        ), said
        assert said.endswith("free some space there and run the same command again.")
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        finish(words, cwd=tmp_path)
        same_tables(disk / "run", whole(BOTH[0]))
    finally:
        subprocess.run(["umount", str(disk)], check=False)
