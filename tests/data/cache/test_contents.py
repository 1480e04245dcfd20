"""What the cache holds, and that clearing it removes that and nothing else."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from filelock import SoftFileLease
from PIL import Image

from medmonai.data import (
    DatasetFolder,
    ImageForm,
    clear_cache,
    list_cache,
    list_class_folders,
    load_listing,
    load_medmnist,
    split_listing,
)


@pytest.fixture
def cache(tmp_path):
    """A cache with decoded pictures, an expanded array, what a killed process left, and files of
    somebody else.
    """
    rng = np.random.default_rng(0)
    for i in range(12):
        folder = tmp_path / "set" / "AB"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(folder / f"{i}.png")
    listing = split_listing(
        list_class_folders(tmp_path / "set", name="my set"),
        val_fraction=0.25,
        test_fraction=0.25,
        min_validation=0,
    )
    place = tmp_path / "cache"
    load_listing(listing, ImageForm((8, 8), in_channels=1), cache_dir=place)
    arrays = {
        f"{split}_{what}": rng.integers(0, 2, (5, *shape), np.uint8)
        for split in ("train", "val", "test")
        for what, shape in (("images", (28, 28)), ("labels", (1,)))
    }
    np.savez(tmp_path / "pneumoniamnist.npz", **arrays)
    load_medmnist(
        "pneumoniamnist",
        split="val",
        memory_limit=0,
        cache_dir=place,
        dataset_dir=DatasetFolder(tmp_path, verify=False),
    )
    (place / ".my_set-0123.medmonai-00000000-12-0a1b2c3d.npy").write_bytes(b"half")
    (place / ".mine.npy").write_bytes(b"mine")
    np.save(place / "mine.npy", np.zeros(3))
    (place / "notes.txt").write_text("mine")
    return place


def test_list(cache):
    found = list_cache(cache)
    assert [(entry.kind, entry.of, entry.cases) for entry in found] == [
        ("expanded array", "pneumoniamnist.npz: val_images", 5),
        ("decoded images", "my set", 12),
        ("remainder", "", 0),
    ]
    for entry in found:
        files = [entry.path, entry.path.with_suffix(".json")]
        assert entry.nbytes == sum(file.stat().st_size for file in files if file.exists())
    assert "12 decoded images of my set" in found[1].line() and "bytes" in found[1].line()
    assert list_cache(cache / "none") == []


def test_clear_removes_its_own_and_nothing_else(cache):
    removed, left = clear_cache(cache)
    assert len(removed) == 3 and not left and list_cache(cache) == []
    assert {file.name for file in cache.iterdir() if file.suffix != ".lock"} == {
        "mine.npy",
        ".mine.npy",
        "notes.txt",
    }


@pytest.mark.parametrize("name", ["my set", "pneumoniamnist.npz"])
def test_clear_by_name(cache, name):
    removed, _ = clear_cache(cache, [name])
    assert len(removed) == 1 and len(list_cache(cache)) == 2
    with pytest.raises(ValueError, match=r"holds nothing of 'my sett'; it holds "):
        clear_cache(cache, ["my sett"])


def test_what_is_being_written_is_left(cache):
    entry = list_cache(cache)[1]
    with SoftFileLease(entry.path.with_suffix(".lock"), lease_duration=30).acquire(timeout=0):
        removed, left = clear_cache(cache)
    assert (
        [kept.path for kept in left] == [entry.path] and len(removed) == 2 and entry.path.exists()
    )


def test_on_the_command_line(cache):
    command = [sys.executable, "-m", "medmonai", "cache", "--folder", str(cache)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(said) == 4 and said[-1].startswith(f"{cache}: 3 entries, ")
    refused = subprocess.run([*command, "my set"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "is given without --clear" in refused.stderr
    cleared = subprocess.run(
        [*command, "--clear"], capture_output=True, text=True, check=True
    ).stdout
    assert "3 entries removed" in cleared and list_cache(cache) == []


def test_places_that_are_no_folder(tmp_path):
    (tmp_path / "file").touch()
    for name, status, words in (
        ("file", 1, "is a file; give the cache folder"),
        ("none", 0, "no such folder"),
    ):
        command = [sys.executable, "-m", "medmonai", "cache", "--folder", str(tmp_path / name)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert found.returncode == status and f"{tmp_path / name}" in found.stdout + found.stderr
        assert words in found.stdout + found.stderr
    assert not (tmp_path / "none").exists()
