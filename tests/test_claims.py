"""One process works in a folder; the dead lose it, the living are named."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from medmonai.claims import FolderInUse, claim, claimed, refuse_in_use
from medmonai.processes import start_token

HOLD = """
import sys, time
from medmonai.claims import claim
with claim(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def holder(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_a_living_process_is_named_and_a_dead_one_loses_the_folder(tmp_path):
    folder = tmp_path / "run"
    process = holder(folder)
    try:
        who = (
            rf"run is in use by process {process.pid} on {socket.gethostname()} since 20\d\d-.* "
            r"\(UTC\); wait for it"
        )
        with pytest.raises(FolderInUse, match=who), claim(folder):
            raise AssertionError("the block must not run")
        with pytest.raises(FolderInUse, match=who):
            refuse_in_use(folder)
        assert claimed(folder)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (folder / ".claim").exists() and not claimed(folder)  # what a kill leaves
    refuse_in_use(folder)
    with claim(folder):
        assert claimed(folder)
        (folder / "kept").write_text("")
    assert os.listdir(folder) == ["kept"]


def test_a_claim_is_of_one_process_and_not_of_the_next_with_its_number(tmp_path):
    with claim(tmp_path):
        said = (tmp_path / ".claim").read_text()
        start = re.search(r"start=(\d+)", said)[1]
        assert int(start) == start_token(os.getpid())
    # that of a machine before its restart
    (tmp_path / ".claim").write_text(said.replace(start, str(int(start) - 1)))
    refuse_in_use(tmp_path)
    with claim(tmp_path):
        pass


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/pid"), reason="no namespaces of processes")
def test_in_a_container_the_dead_lose_the_folder_at_once_too(tmp_path):
    with claim(tmp_path):
        said = (tmp_path / ".claim").read_text()
    host, namespace = f"host={socket.gethostname()}", os.stat("/proc/self/ns/pid").st_ino
    # as filelock writes it in a container
    said = re.sub("host=.*", f"{host}?pidns-{namespace:x}", said)
    (tmp_path / ".claim").write_text(said)
    with pytest.raises(
        FolderInUse, match=rf"in use by process {os.getpid()} on {socket.gethostname()}; wait"
    ):
        refuse_in_use(tmp_path)
    (tmp_path / ".claim").write_text(re.sub("pid=.*", "pid=999999999", said))
    refuse_in_use(tmp_path)
    (tmp_path / ".claim").write_text(
        re.sub("pidns-.*", "pidns-1", re.sub("pid=.*", "pid=999999999", said))
    )
    # another container: nobody here can know
    with pytest.raises(FolderInUse, match="in use by process 999999999"):
        refuse_in_use(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "file").write_text("")
    for name, said in (
        ("link", "link is a broken link; choose another"),
        ("file/a", "file is a file, not a folder"),
        ("x" * 300, "xxx cannot be created .File name too long.; choose another --output_dir"),
    ):
        with pytest.raises(OSError, match=said), claim(tmp_path / name):
            raise AssertionError("the block must not run")
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]


def test_of_many_processes_at_once_one_gets_the_folder(tmp_path):
    code = HOLD.replace(
        "time.sleep(600)",
        "open(f'{sys.argv[1]}-held-{os.getpid()}', 'w').close(); sys.stdin.readline()",
    )
    code = code.replace("import sys", "import os, sys").replace(
        "with claim", "sys.stdin.readline()\nwith claim"
    )
    many = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "run")],
            stdin=subprocess.PIPE,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for process in many:
        process.stdin.write("\n")
        process.stdin.flush()
    while (
        sum(process.poll() is not None for process in many) + len(list(tmp_path.glob("run-held-*")))
        < 4
    ):
        time.sleep(0.05)
    ends = [process.communicate() for process in many]
    assert sorted(out for out, _ in ends) == ["", "", "", "held\n"]
    assert sum("is in use by process" in err for _, err in ends) == 3


def test_a_process_claims_again_what_it_holds(tmp_path):
    with claim(tmp_path / "run"):
        with claim(tmp_path / "run"):
            pass
        assert claimed(tmp_path / "run")
        with claim(tmp_path / "other" / ".." / "run"):
            pass
    assert not claimed(tmp_path / "run")


def test_only_folders_that_were_made_and_stayed_empty_are_removed(tmp_path):
    (tmp_path / "mine").mkdir()
    for folder in ("mine", "made/deep", "full"):
        with claim(tmp_path / folder):
            if folder == "full":
                (tmp_path / folder / "result").write_text("")
    assert sorted(os.listdir(tmp_path)) == ["full", "mine"]


def test_a_folder_whose_claim_is_of_another_machine_is_watched_and_then_taken(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr("medmonai.claims.LEASE", 0.4)
    monkeypatch.setattr("medmonai.claims.PATIENCE", 1.5)
    with claim(tmp_path):
        said = (tmp_path / ".claim").read_text()
    elsewhere = said.replace(f"host={socket.gethostname()}", "host=elsewhere").replace(
        f"pid={os.getpid()}", "pid=12"
    )
    (tmp_path / ".claim").write_text(elsewhere)
    (tmp_path / ".claim.json").write_text(
        json.dumps({"host": "elsewhere", "pid": 12, "since": "2026-01-01"})
    )
    with claim(tmp_path):
        assert f"host={socket.gethostname()}" in (tmp_path / ".claim").read_text()
    assert "is claimed by process 12 on elsewhere; waiting up to" in caplog.text


def test_temporary_files_of_killed_processes_are_removed_by_the_next_that_holds_the_folder(
    tmp_path,
):
    write = (
        "import sys, os, signal; from medmonai.atomic_files import replacing\n"
        "with replacing(sys.argv[1]) as t:\n"
        "    t.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    (tmp_path / "models").mkdir()
    for name in ("metrics.json", "models/last.pt"):
        subprocess.run([sys.executable, "-c", write, str(tmp_path / name)], check=False)
    left = [path for path in tmp_path.rglob(".*") if path.is_file()]
    assert len(left) == 2
    host, pid = left[0].name.split("medmonai-")[1].split("-")[:2]
    # of a living process
    kept = [
        tmp_path / name
        for name in (
            f".a.medmonai-{host}-{os.getpid()}-01234567.json",
            # of another machine, fresh
            f".a.medmonai-0badcafe-{pid}-01234567.json",
            ".a.0123456789abcdef0123456789abcdef.json",
            ".mine",
            ".claims",
            "a.json",
        )
    ]
    gone = [
        tmp_path / f".b.medmonai-0badcafe-{pid}-01234567",
        tmp_path / ".b.0123456789abcdef0123456789abcdef.pt",
    ]
    for path in kept + gone:
        path.write_text("")
    for path in (*gone, tmp_path / ".mine"):  # two days ago
        os.utime(path, (time.time() - 2 * 86_400,) * 2)
    with claim(tmp_path):
        assert sorted(
            path for path in tmp_path.rglob("*") if path.is_file() and ".claim" not in path.name
        ) == sorted(path for path in kept if ".claim" not in path.name)
