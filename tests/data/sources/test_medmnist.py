from __future__ import annotations

import functools
import hashlib
import http.server
import logging
import os
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import medmnist as official
import numpy as np
import pytest

from medmonai.data import DatasetFolder, cache_folder, dataset_info, dataset_names, load_medmnist
from medmonai.data.sources import medmnist as module
from medmonai.data.sources import medmnist_files
from medmonai.data.sources.memory import available_memory

ROWS = {"train": 7, "val": 3, "test": 4}


def write_set(folder, name, *, size=28, rows=ROWS, **changes):
    """Write a small file of MedMNIST's layout; `changes` replaces arrays, None leaves one out."""
    info = dataset_info(name)
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in rows.items():
        shape = (n, *[size] * info.spatial_dims, *([3] if info.in_channels == 3 else []))
        arrays[f"{split}_images"] = rng.integers(0, 256, shape, dtype=np.uint8)
        wide = info.task.num_classes if info.task.kind == "multilabel" else 1
        top = 2 if info.task.kind == "multilabel" else info.task.num_classes
        arrays[f"{split}_labels"] = rng.integers(0, top, (n, wide)).astype(np.uint8)
    arrays.update(changes)
    path = folder / info.file(size).name
    np.savez_compressed(path, **{k: v for k, v in arrays.items() if v is not None})
    return path, arrays


@pytest.fixture(autouse=True)
def no_other_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MEDMNIST_ROOT", raising=False)
    monkeypatch.setattr(module, "_announced", set())
    monkeypatch.setattr(medmnist_files, "_md5_of", {})


@pytest.fixture
def offer(monkeypatch):
    """Let a catalogue entry point to another URL and MD5."""

    def change(name, *, url, md5, size=28, num_cases=None):
        info = dataset_info(name)
        files = {**info.files, size: replace(info.file(size), url=url, md5=md5)}
        info = replace(info, files=files, num_cases=num_cases or info.num_cases)
        monkeypatch.setattr(module, "dataset_info", lambda _: info)
        return info.file(size)

    return change


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", dataset_names())
@pytest.mark.parametrize("limit", [None, 0])
def test_every_set_as_generated_file(tmp_path, name, limit):
    info = dataset_info(name)
    _, arrays = write_set(tmp_path, name)
    for split, n in ROWS.items():
        cohort = load_medmnist(
            name,
            split=split,
            memory_limit=limit,
            dataset_dir=DatasetFolder(tmp_path, download=False, verify=False),
        )
        raw = arrays[f"{split}_images"]
        expected = np.moveaxis(raw, -1, 1) if info.in_channels == 3 else raw[:, None]
        assert np.array_equal(cohort.images, expected) and cohort.images.flags.c_contiguous
        assert isinstance(cohort.images, np.memmap) == (limit == 0)
        labels = arrays[f"{split}_labels"]
        assert np.array_equal(
            cohort.labels, labels if info.task.kind == "multilabel" else labels[:, 0]
        )
        assert cohort.ids.tolist() == [f"{name}-{split}-{i:06d}" for i in range(n)]
        assert (cohort.task, cohort.class_names, cohort.split) == (
            info.task,
            info.class_names,
            split,
        )
        assert cohort.provenance.checksum == "" and cohort.provenance.licence.startswith(
            "not stated"
        )


@pytest.mark.parametrize(
    ("name", "size"),
    [("pathmnist", 64), ("pathmnist", 128), ("chestmnist", 224), ("nodulemnist3d", 64)],
)
def test_larger_sizes(tmp_path, name, size):
    write_set(tmp_path, name, size=size, rows={"train": 2, "val": 1, "test": 1})
    cohort = load_medmnist(
        name, split="train", size=size, dataset_dir=DatasetFolder(tmp_path, verify=False)
    )
    assert cohort.spatial_size == (size,) * dataset_info(name).spatial_dims


@pytest.mark.parametrize(("name", "size"), [("pneumoniamnist", 28), ("vesselmnist3d", 28)])
def test_real_files_equal_medmnist(real_data, name, size):
    folder = real_data / "medmnist"
    for split in ("train", "val", "test"):
        cohort = load_medmnist(
            name, split=split, size=size, dataset_dir=DatasetFolder(folder, download=False)
        )
        other = getattr(official, official.INFO[name]["python_class"])(
            split, root=folder, size=size
        )
        assert np.array_equal(cohort.images[:, 0], other.imgs) and np.array_equal(
            cohort.labels, other.labels[:, 0]
        )
        cohort.require_every_class()
    assert cohort.provenance.checksum == f"md5:{official.INFO[name]['MD5']}"


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


def test_search_order(tmp_path, monkeypatch):
    folders = {
        "given": tmp_path / "given",
        "root": tmp_path / "root",
        "home": tmp_path / "home" / ".medmnist",
    }
    for n, folder in enumerate(folders.values(), start=1):
        folder.mkdir(parents=True)
        write_set(folder, "breastmnist", rows={"train": n, "val": 1, "test": 1})
    load = functools.partial(load_medmnist, "breastmnist", split="train")
    monkeypatch.setenv("MEDMNIST_ROOT", str(folders["root"]))
    assert len(load(dataset_dir=DatasetFolder(folders["given"], verify=False))) == 1
    assert (
        len(load(dataset_dir=DatasetFolder(tmp_path, verify=False))) == 2
        and len(load(dataset_dir=DatasetFolder(verify=False))) == 2
    )
    for root in (folders["root"], tmp_path / "typo"):
        monkeypatch.setenv("MEDMNIST_ROOT", str(root))
        with pytest.raises(FileNotFoundError, match="there is no such folder"):
            load(**({"dataset_dir": tmp_path / "absent"} if root == folders["root"] else {}))
    assert not (tmp_path / "absent").exists() and not (tmp_path / "typo").exists()
    monkeypatch.delenv("MEDMNIST_ROOT")
    assert len(load(dataset_dir=DatasetFolder(verify=False))) == 3


def test_wrong_md5_leaves_the_file(tmp_path):
    path, _ = write_set(tmp_path, "pneumoniamnist")
    before = path.read_bytes()
    match = f"has MD5 {md5(path)}, expected 28209eda62fecd6e6a2d98b1501bb15f: truncated or"
    with pytest.raises(ValueError, match=match) as raised:
        load_medmnist("pneumoniamnist", split="train", dataset_dir=tmp_path)
    assert (
        path.read_bytes() == before
        and "\n" not in str(raised.value)
        and "verify=False" in str(raised.value)
    )


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_truncated_file_without_verification(tmp_path, keep):
    path, _ = write_set(tmp_path, "pneumoniamnist")
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(
        ValueError, match=r"pneumoniamnist.npz \(\d+ bytes\) is not a complete npz file"
    ) as raised:
        load_medmnist(
            "pneumoniamnist", split="train", dataset_dir=DatasetFolder(tmp_path, verify=False)
        )
    assert "\n" not in str(raised.value)


def test_flipped_byte_without_verification(tmp_path):
    path, _ = write_set(tmp_path, "pneumoniamnist", rows={"train": 50, "val": 2, "test": 2})
    content = bytearray(path.read_bytes())
    content[5000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"pneumoniamnist.npz: train_images cannot be read"):
        load_medmnist(
            "pneumoniamnist", split="train", dataset_dir=DatasetFolder(tmp_path, verify=False)
        )


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"train_images": None},
            (
                r"pneumoniamnist.npz: train_images cannot be read: the key is missing; keys found: "
                r"train_labels"
            ),
        ),
        ({"train_labels": None}, r"train_labels cannot be read: the key is missing"),
        (
            {"train_images": np.array([None] * 7)},
            r"train_images is an object array \(pickled\), which is never loaded",
        ),
        ({"train_labels": np.array([["a"]] * 7, object)}, r"train_labels is an object array"),
        (
            {"train_images": np.zeros((7, 28, 27), np.uint8)},
            r"train_images has shape \(7, 28, 27\), expected \(N, 28, 28\)",
        ),
        ({"train_images": np.zeros((0, 28, 28), np.uint8)}, r"has shape \(0, 28, 28\), expected"),
        ({"train_images": np.zeros((7, 28, 28, 3), np.uint8)}, r"has shape \(7, 28, 28, 3\)"),
        ({"val_images": np.zeros((7, 64, 64), np.uint8)}, r"val_images has shape \(7, 64, 64\)"),
        (
            {"train_images": np.zeros((7, 28, 28), np.float32)},
            r"train_images has dtype float32, expected uint8",
        ),
        (
            {"train_images": np.zeros((28, 28, 7), np.uint8).T},
            r"train_images is stored in Fortran order",
        ),
        (
            {"train_labels": np.zeros((6, 1), np.uint8)},
            r"train_labels has shape \(6, 1\), expected 7 rows",
        ),
        (
            {"train_labels": np.zeros((7, 2), np.uint8)},
            r"pneumoniamnist.npz: train_labels have shape \(7, 2\)",
        ),
        ({"train_labels": np.full((7, 1), 2)}, r"train_labels range from 2 to 2; a binary task"),
        ({"train_labels": np.array([["a"]] * 7)}, r"train_labels has dtype <U1; a numeric dtype"),
    ],
)
def test_wrong_layout(tmp_path, changes, match):
    write_set(tmp_path, "pneumoniamnist", **changes)
    with pytest.raises(ValueError, match=match) as raised:
        load_medmnist(
            "pneumoniamnist", split="train", dataset_dir=DatasetFolder(tmp_path, verify=False)
        )
    assert "\n" not in str(raised.value)


def test_number_of_cases_is_part_of_the_verification(tmp_path, offer):
    path, _ = write_set(tmp_path, "pneumoniamnist")
    offer("pneumoniamnist", url="http://127.0.0.1:9/", md5=md5(path))
    with pytest.raises(ValueError, match=r"has shape \(7, 28, 28\), expected \(4708, 28, 28\)"):
        load_medmnist("pneumoniamnist", split="train", dataset_dir=tmp_path)


def test_arguments_are_checked_first():
    with pytest.raises(ValueError, match="did you mean 'pneumoniamnist'"):
        load_medmnist("pneumonia", split="train")
    with pytest.raises(
        ValueError, match="split='validation' is unknown; use one of train, val, test"
    ):
        load_medmnist("pneumoniamnist", split="validation")
    with pytest.raises(ValueError, match="size=29 does not exist"):
        load_medmnist("pneumoniamnist", split="train", size=29)


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


def test_no_network_is_one_line(tmp_path, offer):
    wanted = offer("pneumoniamnist", url="http://127.0.0.1:9/pneumoniamnist.npz", md5="0" * 32)
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(FileNotFoundError) as raised:
        load_medmnist("pneumoniamnist", split="train", dataset_dir=folder)
    text = str(raised.value)
    assert "\n" not in text and all(
        part in text
        for part in (
            "pneumoniamnist.npz",
            "0" * 32,
            wanted.url,
            str(folder),
            "bundles/lesion_phantom_classification",
            "download failed",
        )
    )
    assert not list(tmp_path.rglob("*.npz")) and not [p for p in folder.glob("*") if p.is_file()]


def test_download_switched_off(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDMNIST_ROOT", str(tmp_path / "root"))
    (tmp_path / "root").mkdir()
    with pytest.raises(
        FileNotFoundError,
        match=r"vesselmnist3d_64.npz \(MD5 6bb274a8.*\) is not in .*root and download=False",
    ):
        load_medmnist(
            "vesselmnist3d", split="train", size=64, dataset_dir=DatasetFolder(download=False)
        )


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    ) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_download_is_verified_and_kept(tmp_path, server, offer):
    folder, url = server
    path, arrays = write_set(folder, "pneumoniamnist")
    offer("pneumoniamnist", url=f"{url}/{path.name}", md5=md5(path), num_cases=ROWS)
    target = tmp_path / "new" / "folder"
    target.mkdir(parents=True)
    cohort = load_medmnist("pneumoniamnist", split="test", dataset_dir=target)
    assert np.array_equal(cohort.images[:, 0], arrays["test_images"])
    assert [p.name for p in target.iterdir()] == ["pneumoniamnist.npz"]
    path.unlink()
    # no second download
    assert len(load_medmnist("pneumoniamnist", split="val", dataset_dir=target)) == 3


def test_wrong_download_leaves_no_file(tmp_path, server, offer):
    folder, url = server
    path, _ = write_set(folder, "pneumoniamnist")
    offer("pneumoniamnist", url=f"{url}/{path.name}", md5="0" * 32)
    target = tmp_path / "new"
    target.mkdir()
    with pytest.raises(FileNotFoundError, match="another MD5") as raised:
        load_medmnist("pneumoniamnist", split="test", dataset_dir=target)
    assert list(target.iterdir()) == [] and "\n" not in str(raised.value)


def test_missing_on_the_server(tmp_path, server, offer):
    offer("pneumoniamnist", url=f"{server[1]}/absent.npz", md5="0" * 32)
    with pytest.raises(FileNotFoundError, match="404"):
        load_medmnist("pneumoniamnist", split="test", dataset_dir=tmp_path)


def test_licence_and_issues_are_shown_once(tmp_path, caplog):
    write_set(tmp_path, "dermamnist")
    with caplog.at_level(logging.INFO, logger="medmonai.data"):
        for split in ROWS:
            load_medmnist(
                "dermamnist", split=split, dataset_dir=DatasetFolder(tmp_path, verify=False)
            )
    shown = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "medmonai.data"]
    (_, licence), (level, leak) = shown  # not verified
    assert "licence not stated" in licence and "please cite" not in licence
    assert (
        level == "WARNING" and "Known of the published dermamnist" in leak and "773 of 2005" in leak
    )


@pytest.mark.parametrize("name", dataset_names())
def test_an_unverified_file_names_the_leaks_of_the_published_one_and_nothing_else(name, tmp_path):
    write_set(tmp_path, name)
    said, info = (
        load_medmnist(
            name, split="test", dataset_dir=DatasetFolder(tmp_path, verify=False)
        ).provenance,
        dataset_info(name),
    )
    assert said.citation == said.source == said.checksum == "" and said.licence.startswith(
        "not stated"
    )
    assert len(said.known_issues) == len(info.known_leaks)
    for told, leak in zip(said.known_issues, info.known_leaks):
        assert told == (
            f"Known of the published {name}, while this file was not verified as that one: {leak}"
        )


def test_licence_and_issues_of_a_verified_file_are_shown(caplog):
    info = dataset_info("dermamnist")
    module._announced.discard("dermamnist")
    with caplog.at_level(logging.INFO, logger="medmonai.data"):
        module._announce(module._provenance(info, info.file(28), "0" * 32))
    shown = [r.getMessage() for r in caplog.records if r.name == "medmonai.data"]
    assert "CC BY-NC 4.0" in shown[0] and "Tschandl" in shown[0] and "773 of 2005" in shown[1]


def test_available_memory_is_a_plausible_number():
    assert 1 << 20 < available_memory() < 1 << 50
