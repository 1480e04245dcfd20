"""A file is the old one or the new one, whatever happens while it is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from medmonai.atomic_files import replacing


def test_the_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "a.txt"
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".txt" and not target.exists()
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="full"), replacing(path, overwrite=True) as temporary:
        temporary.write_text("half")
        raise RuntimeError("disk full")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["p.txt"]


def test_a_file_made_meanwhile_is_kept(tmp_path):
    path = tmp_path / "p.txt"
    with pytest.raises(FileExistsError, match="in the meantime"), replacing(path) as temporary:
        temporary.write_text("mine")
        path.write_text("theirs")
    assert path.read_text() == "theirs"


def test_an_existing_file_is_kept_unless_asked_otherwise(tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("old")
    with pytest.raises(FileExistsError, match="pass overwrite=True"), replacing(path):
        raise AssertionError("the block must not run")
    assert path.read_text() == "old"


def test_a_missing_folder_is_named(tmp_path):
    with (
        pytest.raises(
            FileNotFoundError, match=r"folder .*no of p\.txt does not exist; create it first"
        ),
        replacing(tmp_path / "no" / "p.txt"),
    ):
        raise AssertionError("the block must not run")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of a process are those of POSIX")
def test_a_full_disk_is_said_with_the_file_and_what_is_safe(tmp_path):
    code = (
        "import resource, sys; from medmonai.atomic_files import write_json\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); write_json({'a': 'x' * 10_000}, "
        "sys.argv[1])"
    )
    path = tmp_path / "metrics.json"
    path.write_text("{}")
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(
        rf"medmonai.atomic_files.DiskFull: {path} could not be written: File too large. Finished "
        r"results are safe; free some space there and run the same command again\.",
        last,
    ), done.stderr
    assert os.listdir(tmp_path) == ["metrics.json"] and path.read_text() == "{}"


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path):
    with (
        pytest.raises(OSError, match=r"a\.txt") as caught,
        replacing(tmp_path / "a.txt") as temporary,
    ):
        raise PermissionError(13, "Permission denied", str(temporary))
    assert str(caught.value) == (
        f"{tmp_path / 'a.txt'} cannot be written: Permission denied; choose another location, or "
        "make this one writable."
    )
    assert caught.value.errno == 13
