"""A MedMNIST set has its pixels, labels, ids, licence and known issues, and a wrong layout is
named.
"""

from __future__ import annotations

import logging

import medmnist as official
import numpy as np
import pytest
from medmnist_sets import ROWS, write_set

from medmonai.data import DatasetFolder, dataset_info, dataset_names, load_medmnist
from medmonai.data.sources import medmnist as module

pytestmark = pytest.mark.usefixtures("no_other_folders")


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


def test_arguments_are_checked_first():
    with pytest.raises(ValueError, match="did you mean 'pneumoniamnist'"):
        load_medmnist("pneumonia", split="train")
    with pytest.raises(
        ValueError, match="split='validation' is unknown; use one of train, val, test"
    ):
        load_medmnist("pneumoniamnist", split="validation")
    with pytest.raises(ValueError, match="size=29 does not exist"):
        load_medmnist("pneumoniamnist", split="train", size=29)


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
