"""The cache of decoded images on full disks, after kills, and in two processes at once."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys

import numpy as np
import pytest
from cached_images import FORM, get, names
from source_files import write_picture

from medmonai.data.decoding import image_cache
from medmonai.data.decoding.image_cache import relative_paths

DECODE = (
    "import sys; from pathlib import Path; from medmonai.data import ImageForm; "
    "from medmonai.data.decoding.image_cache import decoded_images as d; "
    "f = d([Path(p) for p in sys.argv[2:]], ImageForm((10, 8), in_channels=1), name='a', "
    "cache_dir=sys.argv[1]); print(f.new, f.images(on_disk=True).sum())"
)


def test_nothing_is_left_of_a_decode_that_failed(files, tmp_path, monkeypatch):
    write_picture(files[5], np.full((4, 4), 60000, np.uint16))
    with pytest.raises(ValueError, match=r"5.png has .* give intensity_range"):
        get(files, tmp_path)
    assert names(tmp_path) == []


def test_no_room(files, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 100})())
    with pytest.raises(
        OSError,
        match=r"12 decoded images need 960 bytes and .*/cache has 100 bytes; pass cache_dir",
    ) as raised:
        get(files, tmp_path)
    assert raised.value.errno == errno.ENOSPC and names(tmp_path) == []


def test_a_disk_that_fills_up_is_named(files, tmp_path):
    pytest.importorskip("resource", reason="no limit of a file's size on this system")
    code = DECODE.replace(
        "f = d(", "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400)); f = d("
    )
    command = [sys.executable, "-c", code, str(tmp_path / "cache"), *map(str, files)]
    said = subprocess.run(
        command, stderr=subprocess.PIPE, text=True, timeout=1200, check=False
    ).stderr.strip()
    assert (
        "12 decoded images need 960 bytes and " in said
        and "/cache took only a part of them (File too large); " in said
    )
    assert (
        said.endswith("pass cache_dir or set MEDMONAI_CACHE to a folder with room")
        and names(tmp_path) == []
    )


def test_what_a_killed_process_left_is_removed(files, tmp_path):
    path = get(files, tmp_path).path
    path.unlink()
    part, other = path.with_name(f".{path.stem}.0a1b.npy"), path.with_name(".another.0a1b.npy")
    for file in (part, other):
        file.write_bytes(b"half")
    assert get(files, tmp_path).new and not part.exists() and other.exists()


def test_a_process_thought_dead_takes_what_the_next_has_made(files, tmp_path, monkeypatch):
    write = image_cache._write_array

    def slow(path, *rest):
        monkeypatch.setattr(image_cache, "_write_array", write)
        write(path, *rest)
        path.unlink()  # as the next one does
        key = image_cache._key(files, relative_paths(files), FORM)
        final = path.with_name(path.name[1:].split(".")[0] + ".npy")
        image_cache._decode_into(
            final, files, relative_paths(files), FORM, name="a set/1", key=key, jobs=1
        )

    monkeypatch.setattr(image_cache, "_write_array", slow)
    found = get(files, tmp_path)
    assert (
        not found.new
        and found.images(on_disk=False).shape == (12, 1, 10, 8)
        and names(tmp_path) == [".json", ".npy"]
    )


def test_two_processes_at_once(files, tmp_path):
    command = [sys.executable, "-c", DECODE, str(tmp_path / "cache"), *map(str, files)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=1200)[0].split() for process in running]
    assert sorted(new for new, _ in said) == ["False", "True"] and said[0][1] == said[1][1]
    assert names(tmp_path) == [".json", ".npy"]


def test_a_cache_that_is_removed_while_it_is_written(files, tmp_path, monkeypatch):
    whole = image_cache._write_array

    def write(path, *arguments):
        whole(path, *arguments)
        shutil.rmtree(path.parent)

    monkeypatch.setattr(image_cache, "_write_array", write)
    with pytest.raises(
        FileNotFoundError,
        match="was removed while images were decoded into it; run the same command again",
    ):
        get(files, tmp_path)
    monkeypatch.setattr(image_cache, "_write_array", whole)
    assert len(get(files, tmp_path).rows) == len(files)
