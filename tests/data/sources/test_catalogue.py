from __future__ import annotations

import subprocess
import sys

import medmnist
import pytest

from medmonai.data import dataset_info, dataset_names

KINDS = {
    "binary-class": "binary",
    "multi-class": "multiclass",
    "ordinal-regression": "ordinal",
    "multi-label, binary-class": "multilabel",
}


def test_all_eighteen_sets():
    assert dataset_names() == tuple(medmnist.INFO) and len(dataset_names()) == 18


@pytest.mark.parametrize("name", list(medmnist.INFO))
def test_equals_medmnist(name):
    info, entry = dataset_info(name), medmnist.INFO[name]
    module = getattr(medmnist, entry["python_class"])
    assert info.sizes == tuple(module.available_sizes) and info.spatial_dims == (
        3 if name.endswith("3d") else 2
    )
    assert info.task.kind == KINDS[entry["task"]] and info.task.num_classes == len(entry["label"])
    assert list(info.class_names) == [entry["label"][str(i)] for i in range(len(entry["label"]))]
    assert (info.in_channels, dict(info.num_cases), info.licence) == (
        entry["n_channels"],
        entry["n_samples"],
        entry["license"],
    )
    for size in info.sizes:
        suffix = "" if size == 28 else f"_{size}"
        file = info.file(size)
        assert (
            file.name == f"{name}{suffix}.npz"
            and file.md5 == entry[f"MD5{suffix}"]
            and file.url == entry[f"url{suffix}"]
        )
    assert "10.1038/s41597-022-01721-8" in info.citation


def test_kinds_of_known_sets():
    assert (
        dataset_info("chestmnist").task.kind == "multilabel"
        and dataset_info("chestmnist").task.num_classes == 14
    )
    assert dataset_info("retinamnist").task.kind == "ordinal"
    assert (
        dataset_info("pathmnist").task.kind == "multiclass"
        and dataset_info("pathmnist").in_channels == 3
    )
    assert dataset_info("nodulemnist3d").task.kind == "binary"


def test_known_issues():
    derma = " ".join(dataset_info("dermamnist").known_issues)
    assert "641" in derma and "773 of 2005" in derma and "2401.14497" in derma
    assert dataset_info("dermamnist").licence == "CC BY-NC 4.0"
    assert dataset_info("adrenalmnist3d").known_issues == ()  # stated to be split by patient
    assert all(dataset_info(n).known_issues for n in dataset_names() if n != "adrenalmnist3d")
    assert all(
        "unverified" in " ".join(dataset_info(n).known_issues)
        for n in dataset_names()
        if n not in ("adrenalmnist3d", "dermamnist")
    )
    pneumonia = " ".join(dataset_info("pneumoniamnist").known_issues)
    assert "prior" in pneumonia and "saturated" in pneumonia
    breast = " ".join(dataset_info("breastmnist").known_issues)
    assert "Class 1" in breast and "opposite labels" in breast and "59 of 156" in breast
    leaking = {"dermamnist", "pneumoniamnist", "vesselmnist3d", "breastmnist"}
    assert {n for n in dataset_names() if dataset_info(n).known_leaks} == leaking
    assert all(
        set(dataset_info(n).known_leaks) <= set(dataset_info(n).known_issues)
        for n in dataset_names()
    )


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("pneumonia", "pneumoniamnist"),
        ("PneumoniaMNIST", "pneumoniamnist"),
        ("vesselmnist", "vesselmnist3d"),
        ("nodulmnist3d", "nodulemnist3d"),
    ],
)
def test_unknown_name_gives_the_nearest(name, nearest):
    with pytest.raises(
        ValueError, match=rf"dataset '{name}' is unknown; did you mean '{nearest}'\?"
    ):
        dataset_info(name)


def test_unknown_name_lists_all():
    with pytest.raises(ValueError, match=r"Use one of pathmnist, .*synapsemnist3d"):
        dataset_info("zzz")


def test_unknown_size():
    with pytest.raises(
        ValueError, match=r"size=32 does not exist for vesselmnist3d; use 28, 64 \(nearest: 28\)"
    ):
        dataset_info("vesselmnist3d").file(32)
    with pytest.raises(ValueError, match=r"size='64' .* use 28, 64, 128, 224"):
        dataset_info("pathmnist").file("64")


def test_medmnist_is_not_imported(tmp_path):
    code = (
        "import sys; from medmonai.data import dataset_info; dataset_info('pathmnist'); assert "
        "'medmnist' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )
    assert not (tmp_path / ".medmnist").exists()
