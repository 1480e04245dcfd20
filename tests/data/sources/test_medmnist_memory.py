"""Loading a MedMNIST set takes little memory, and a large one is expanded on disk once."""

from __future__ import annotations

import functools
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from medmnist_sets import ROWS, md5, write_set

from medmonai.data import DatasetFolder, cache_folder, load_medmnist
from medmonai.data.sources import medmnist_files
from medmonai.data.sources.memory import available_memory

pytestmark = pytest.mark.usefixtures("no_other_folders")


@pytest.mark.parametrize(
    ("name", "size", "split"),
    [("pneumoniamnist", 28, "train"), ("vesselmnist3d", 28, "train"), ("vesselmnist3d", 64, "val")],
)
def test_memory_is_at_most_a_fifth_above_the_bytes(real_data, name, size, split):
    load = functools.partial(
        load_medmnist, name, split=split, size=size, dataset_dir=real_data / "medmnist"
    )
    load()  # imports and caches of the first call
    tracemalloc.start()
    cohort = load(memory_limit=1 << 40)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held <= 1.2 * cohort.images.nbytes and peak <= 1.2 * cohort.images.nbytes


def test_colour_needs_no_second_array(tmp_path):
    write_set(tmp_path, "bloodmnist", rows={"train": 2000, "val": 1, "test": 1})
    load = functools.partial(
        load_medmnist,
        "bloodmnist",
        split="train",
        dataset_dir=DatasetFolder(tmp_path, verify=False),
    )
    load()
    tracemalloc.start()
    cohort = load(memory_limit=1 << 40)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 1.2 * cohort.images.nbytes


def test_expanded_once(tmp_path, offer, monkeypatch):
    path, arrays = write_set(tmp_path, "pneumoniamnist")
    offer("pneumoniamnist", url="", md5=md5(path), num_cases=ROWS)
    load = functools.partial(
        load_medmnist, "pneumoniamnist", split="train", dataset_dir=tmp_path, memory_limit=100
    )
    first = load()
    assert isinstance(first.images, np.memmap) and not first.images.flags.writeable
    copies = [
        p for p in cache_folder().iterdir() if p.name.startswith("pneumoniamnist.train_images-")
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["pneumoniamnist.npz"]
    path = Path(first.images.filename)
    assert path in copies and path.with_suffix(".json") in copies
    stamp = path.stat().st_mtime_ns
    # A new process: neither hashed nor expanded again.
    monkeypatch.setattr(medmnist_files, "_md5_of", {})
    monkeypatch.setattr(medmnist_files, "_md5", lambda path: pytest.fail("hashed again"))
    assert np.array_equal(load().images[:, 0], arrays["train_images"])
    assert path.stat().st_mtime_ns == stamp


def test_expanded_anew_when_the_file_changes(tmp_path):
    load = functools.partial(
        load_medmnist,
        "pneumoniamnist",
        split="train",
        memory_limit=0,
        dataset_dir=DatasetFolder(tmp_path, verify=False),
    )
    path, _ = write_set(tmp_path, "pneumoniamnist")
    old = load()
    write_set(tmp_path, "pneumoniamnist", train_images=np.full((7, 28, 28), 9, np.uint8))
    os.utime(path, ns=(1, 1))
    # who holds the old one keeps it
    assert (load().images == 9).all() and not (old.images == 9).all()


def test_failed_expansion_leaves_nothing(tmp_path):
    path, _ = write_set(tmp_path, "pneumoniamnist", rows={"train": 50, "val": 2, "test": 2})
    content = bytearray(path.read_bytes())
    content[5000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read"):
        load_medmnist(
            "pneumoniamnist",
            split="train",
            memory_limit=0,
            dataset_dir=DatasetFolder(tmp_path, verify=False),
        )
    assert [p.name for p in tmp_path.iterdir()] == ["pneumoniamnist.npz"]


@pytest.mark.parametrize("name", ["pneumoniamnist", "vesselmnist3d", "pathmnist"])
def test_a_changed_copy_is_written_again(name, tmp_path):
    write_set(tmp_path, name)
    load = functools.partial(
        load_medmnist,
        name,
        split="train",
        memory_limit=0,
        dataset_dir=DatasetFolder(tmp_path, verify=False),
    )
    path = Path(load().images.filename)
    expected = np.array(load().images)
    for damage in (
        lambda file: (file.seek(500), file.write(b"\1" * 4000)),
        lambda file: file.truncate(700),
    ):
        with open(path, "r+b") as file:
            damage(file)
        assert np.array_equal(load().images, expected)
    path.with_suffix(".json").write_text("{")
    assert np.array_equal(load().images, expected)
    os.utime(path, (1, 1))  # a copy of the cache is taken as it is
    number = path.stat().st_ino
    assert np.array_equal(load().images, expected) and path.stat().st_ino == number


def test_a_place_for_the_copy_can_be_named(tmp_path):
    write_set(tmp_path, "pneumoniamnist")
    cohort = load_medmnist(
        "pneumoniamnist",
        split="val",
        memory_limit=0,
        cache_dir=tmp_path / "beside",
        dataset_dir=DatasetFolder(tmp_path, verify=False),
    )
    assert Path(cohort.images.filename).parent == tmp_path / "beside"


def test_available_memory_is_a_plausible_number():
    assert 1 << 20 < available_memory() < 1 << 50
