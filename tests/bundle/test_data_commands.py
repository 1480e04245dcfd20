"""`data describe` and `data check` of every kind of source: folder, table, MedMNIST set, bundle."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bundle_runs import BUNDLES, write_medmnist
from PIL import Image
from source_files import write_class_folders, write_ham10000

from medmonai.bundle import bundle_cohorts, bundle_listing, check_source, describe_source

CLASSES = {"NORMAL": 20, "PNEUMONIA": 24}
PHANTOM = "lesion_phantom_classification"
PHANTOM_BUNDLE, RNG = str(BUNDLES / PHANTOM), np.random.default_rng(0)


@pytest.fixture
def xrays(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDMONAI_CACHE", str(tmp_path / "cache"))
    counts = dict.fromkeys(("train", "val", "test"), CLASSES)
    return write_class_folders(tmp_path / "xrays", counts, size=(30, 24), suffix=".png")


def everything_written(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_folder_is_described_and_drawn(xrays, tmp_path):
    found = describe_source(
        str(xrays), {"group_pattern": r"^(person\d+)_"}, output=tmp_path / "out"
    )
    assert found.cases == {"train": 44, "val": 44, "test": 44}
    names = sorted(
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")
    )
    assert names == [
        "describe.json",
        "figures/labels.pdf",
        "figures/labels.png",
        "figures/samples.pdf",
        "figures/samples.png",
    ]
    assert (
        json.loads((tmp_path / "out" / "describe.json").read_text())["counts"]["train"] == CLASSES
    )
    written = everything_written(tmp_path / "out")
    assert str(tmp_path).encode() not in written and b"person1" not in written
    assert not (tmp_path / "cache").exists()  # nothing was decoded into it


def test_sizes_are_drawn_where_they_differ(tmp_path):
    write_ham10000(tmp_path / "ham", rows=28, size=(12, 15))
    write_class_folders(tmp_path / "ham2", {"A": 4, "B": 4}, size=(30, 24))
    write_class_folders(tmp_path / "ham2", {"C": 4}, size=(300, 24))
    describe_source(str(tmp_path / "ham2"), output=tmp_path / "out")
    assert (tmp_path / "out" / "figures" / "sizes.png").is_file()
    options = {
        "image-column": "image_id",
        "label-column": "dx",
        "images": "HAM10000_images_part_*",
        "suffix": ".jpg",
    }
    found = describe_source(str(tmp_path / "ham" / "HAM10000_metadata.csv"), options)
    assert found.cases == {"all": 28} and found.headers.as_dict()["modes"] == {"RGB": 28}


def test_a_folder_is_checked(xrays, tmp_path):
    options = {"group_pattern": r"^(person\d+)_", "check_size": 24}
    assert not check_source(str(xrays), options).leaks
    first, second = (next((xrays / split / "NORMAL").iterdir()) for split in ("train", "test"))
    second.write_bytes(first.read_bytes())
    audit = check_source(str(xrays), options, output=tmp_path / "audit.json")
    assert [leak.kind for leak in audit.leaks] == ["exact duplicates"]
    assert json.loads((tmp_path / "audit.json").read_text())["leaks"] == ["exact duplicates"]
    assert str(tmp_path) not in (tmp_path / "audit.json").read_text()


def test_what_was_met_while_files_were_read_is_said(xrays, tmp_path):
    for split in ("train", "val", "test"):
        Image.fromarray(RNG.integers(0, 65536, (30, 24), dtype=np.uint16)).save(
            xrays / split / "NORMAL" / "deep.png"
        )
    audit = check_source(
        str(xrays),
        {"check_size": 24, "intensity_range": [0, 65535]},
        output=tmp_path / "audit.json",
    )
    assert any(
        line.startswith("note: 132 of 135 images have 8 bits and the others more")
        for line in audit.lines()
    )
    assert json.loads((tmp_path / "audit.json").read_text())["notes"] == list(audit.notes)
    assert check_source(PHANTOM_BUNDLE, {"train_cases": 40, "spatial_size": [12, 12]}).notes == ()


def test_patients_in_two_splits_are_found(xrays):
    audit = check_source(str(xrays), {"group_pattern": r"_(\d+)\.", "check_size": 24})
    assert any(leak.kind == "groups in several splits" for leak in audit.leaks)


def test_medmnist(tmp_path):
    data = write_medmnist(tmp_path, "pneumoniamnist", (28, 28), leak=3)
    options = {"dataset_dir": str(data), "verify": False}
    assert describe_source("pneumoniamnist", options).cases == {"train": 48, "val": 20, "test": 24}
    assert "exact duplicates 3 (train/test 3)" in check_source("pneumoniamnist", options).verdict


def test_a_bundle(tmp_path):
    found = describe_source(
        str(BUNDLES / PHANTOM),
        {"train_cases": 40, "spatial_size": [12, 12]},
        output=tmp_path / "out",
    )
    assert (
        found.cases["train"] == 40
        and found.splits[0].spatial_size == (12, 12)
        and found.headers is None
    )
    assert not check_source(
        str(BUNDLES / PHANTOM), {"train_cases": 40, "spatial_size": [12, 12]}
    ).leaks
    with pytest.raises(
        ValueError, match=r"config id 'train_case' does not exist .* did you mean --train_cases"
    ):
        describe_source(str(BUNDLES / PHANTOM), {"train_case": 40})


def test_the_files_of_a_bundle_are_not_decoded_to_describe_it(xrays, tmp_path):
    """A bundle whose cases are files, as the template writes it: the ids `planned_listing` and
    `images`.
    """
    configs = tmp_path / "mine" / "configs"
    configs.mkdir(parents=True)
    splits = {"train": "train", "validate": "val", "test": "test"}
    config = {
        "dataset_dir": None,
        "val_fraction": None,
        "listing": {
            "_target_": "medmonai.data.list_class_folders",
            "root": "@dataset_dir",
            "name": "xrays",
            "groups": {"group_pattern": r"^(person\d+)_"},
        },
        "planned_listing": {
            "_target_": "medmonai.data.split_listing",
            "listing": "@listing",
            "val_fraction": "@val_fraction",
        },
        "images": {
            "_target_": "medmonai.data.load_listing",
            "listing": "@planned_listing",
            "form": {"spatial_size": [16, 16], "in_channels": 1},
        },
        **{section: {"dataset": f"$@images['{split}']"} for section, split in splits.items()},
    }
    (configs / "train.json").write_text(json.dumps(config))
    (configs / "evaluate.json").write_text("{}")
    given = {"dataset_dir": str(xrays), "val_fraction": 0.25}
    found = describe_source(str(configs.parent), given)
    assert found.cases == {"train": 66, "val": 22, "test": 44} and found.headers.as_dict()[
        "modes"
    ] == {"L": 132}
    assert not (tmp_path / "cache").exists()
    listing, cohorts = bundle_listing(configs.parent, given), bundle_cohorts(configs.parent, given)
    assert [len(cohort) for cohort in cohorts] == [66, 22, 44]
    assert set(cohorts[1].ids) == set(listing.ids[listing.splits == "val"])
    assert not set(np.asarray(cohorts[0].groups)) & set(np.asarray(cohorts[1].groups))
    assert not check_source(str(configs.parent), given).leaks
    assert bundle_listing(BUNDLES / PHANTOM) is None
