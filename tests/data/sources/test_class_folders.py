from __future__ import annotations

import logging
import os

import pytest
from source_files import write_class_folders

from medmonai.data import About, CaseGroups, list_class_folders
from medmonai.task import Task

COUNTS = {
    "train": {"NORMAL": 4, "PNEUMONIA": 6},
    "val": {"NORMAL": 2, "PNEUMONIA": 2},
    "test": {"NORMAL": 2, "PNEUMONIA": 4},
}


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_given_splits(tmp_path, val):
    root = write_class_folders(tmp_path / "x", COUNTS, split_names=("train", val, "test"))
    found = list_class_folders(
        root,
        name="xrays",
        groups=CaseGroups(r"(person\d+)_"),
        about=About(licence="CC0", known_issues=["b"]),
    )
    assert repr(found) == "Listing(xrays: 20 cases, 2 classes, train 10, val 4, test 6)"
    assert found.task == Task("binary", 2) and found.class_names == ("NORMAL", "PNEUMONIA")
    for path, name, label, split, group in zip(
        found.files, found.ids, found.labels, found.splits, found.groups
    ):
        assert path == root / name and path.is_file()
        assert name.split("/")[1] == ("NORMAL", "PNEUMONIA")[label]
        assert name.split("/")[0] == (val if split == "val" else split) and name.split("/")[
            2
        ].startswith(f"{group}_")
    assert len(set(found.groups)) == 10
    assert (found.provenance.name, found.provenance.licence, found.provenance.known_issues) == (
        "xrays",
        "CC0",
        ("b",),
    )
    assert str(tmp_path) not in str(found.provenance) + str(found.ids) + str(found.notes)


def test_one_folder_of_classes(tmp_path):
    root = write_class_folders(tmp_path, {"c": 2, "A": 3, "b": 1})
    found = list_class_folders(root, name="set")
    assert (
        found.splits is None
        and found.class_names == ("A", "b", "c")
        and found.task == Task("multiclass", 3)
    )
    other = list_class_folders(root, name="set", task="ordinal", class_names=["c", "b", "A"])
    assert other.labels.tolist() == [2, 2, 2, 1, 0, 0]
    shown = list_class_folders(
        root, name="set", class_names={"b": "benign", "c": "cancer", "A": "none"}
    )
    assert shown.class_names == ("benign", "cancer", "none") and shown.labels[0] == 2


def test_file_names_that_repeat(tmp_path):
    root = write_class_folders(tmp_path, COUNTS, patients=False)
    found = list_class_folders(root, name="set")
    assert len({path.name for path in found.files}) == 6 and len(set(found.ids)) == 20


def test_spellings_are_one_class(tmp_path, caplog):
    root = write_class_folders(
        tmp_path,
        {
            "train": {"NORMAL": 3, "PNEUMONIA": 3},
            "val": {"Normal ": 1, "pneumonia": 1},
            "test": {"normal": 1, "PNEUMONIA": 1},
        },
    )
    with caplog.at_level(logging.WARNING, logger="medmonai.data"):
        found = list_class_folders(root, name="set")
    assert found.class_names == ("NORMAL", "PNEUMONIA") and found.labels.sum() == 5
    assert "'NORMAL' = 'Normal ' = 'normal'" in found.notes[0] and found.notes[0] in caplog.text


def test_what_is_left_out(tmp_path):
    root = write_class_folders(tmp_path, COUNTS)
    for name in (
        "notes.txt",
        "train/readme.md",
        "train/NORMAL/Thumbs.db",
        "val/EMPTY/x.txt",
        ".hidden/a.png",
        "chest_xray/train/NORMAL/a.png",
        "__MACOSX/._a.png",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    found = list_class_folders(root, name="set")
    assert len(found) == 20
    assert {out.name: out.reason for out in found.left_out} == {
        "chest_xray": "a folder beside train, val and test",
        "notes.txt": "in no folder of a class",
        "train/readme.md": "in no folder of a class",
        "train/NORMAL/Thumbs.db": "no image by its name",
        "val/EMPTY/x.txt": "no image by its name",
        "val/EMPTY": "a folder without an image",
    }
    assert found.notes == ("Folders beside train, val and test were not read: 'chest_xray'.",)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("given", [False, True])
def test_links_never_give_a_case_another_label(tmp_path, given):
    root = write_class_folders(tmp_path / "x", COUNTS if given else {"A": 40, "B": 30})
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool" / "more.png").write_bytes(b"x")
    classes = ("train/NORMAL", "train/PNEUMONIA") if given else ("A", "B")
    before = list_class_folders(root, name="set").ids.tolist()
    links = {
        f"{classes[0]}/self": "..",
        f"{classes[0]}/other": f"../{classes[1].split('/')[-1]}",
        f"{classes[0]}_link": classes[0].split("/")[-1],
        "train/loop" if given else "loop": ".",
        f"{classes[1]}/pool": str(tmp_path / "pool"),
        **({"Validation": "val"} if given else {}),
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    found = list_class_folders(root, name="set")
    pooled = f"{classes[1]}/pool/more.png"
    assert sorted(found.ids.tolist()) == sorted([*before, pooled]) and found.labels[
        found.ids == pooled
    ].tolist() == [1]
    for name, label in zip(found.ids, found.labels):
        assert name.split("/")[given] == found.class_names[label]
    left_out = {
        out.name
        for out in found.left_out
        if out.reason == "a link to a folder that is read already"
    }
    again = {name for name in links if not name.endswith("pool") and name != "Validation"}
    assert left_out == again | ({"Validation/NORMAL", "Validation/PNEUMONIA"} if given else set())
    more = f" and {len(left_out) - 1} more." if len(left_out) > 1 else "."
    assert found.notes[0].startswith("Links to folders that are read already were left out: ")
    assert found.notes[0].endswith(more)


def test_kinds_that_are_not_read_are_noted(tmp_path, caplog):
    root = write_class_folders(tmp_path, {"A": 3, "B": 1})
    for i in range(5):
        (root / "B" / f"{i}.bmp").write_bytes(b"x")
    with caplog.at_level(logging.WARNING, logger="medmonai.data"):
        found = list_class_folders(root, name="set")
    assert found.notes == (
        "Images of a kind that is not read (.bmp) were left out: 'B/0.bmp' and 4 more.",
    )
    assert found.notes[0] in caplog.text and len(found.left_out) == 5


def test_a_folder_of_dicom_files_that_is_a_split(tmp_path):
    for name in ("A/train", "A/test", "B/train", "B/test"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.dcm").write_bytes(b"x")
    with pytest.raises(ValueError, match="'A/test' has the name of a split"):
        list_class_folders(tmp_path, name="set")


def test_x_rays_in_folders_of_patients(tmp_path):
    for name in ("A/p1", "A/p2", "B/p3"):
        (tmp_path / name).mkdir(parents=True)
        for i in range(2):
            (tmp_path / name / f"{i}.dcm").write_bytes(b"x")
    assert list_class_folders(tmp_path, name="set").ids.tolist() == ["A/p1", "A/p2", "B/p3"]
    found = list_class_folders(
        tmp_path, name="set", dicom_folders="files", groups=CaseGroups(r"/(p\d+)/")
    )
    assert found.ids.tolist() == [
        f"{name}/{i}.dcm" for name in ("A/p1", "A/p2", "B/p3") for i in range(2)
    ]
    assert found.groups.tolist() == ["p1", "p1", "p2", "p2", "p3", "p3"]


def test_folders_below_a_class(tmp_path):
    root = write_class_folders(tmp_path, {"A/site1": 2, "A/site2": 2, "B": 1})
    found = list_class_folders(root, name="set")
    assert found.class_names == ("A", "B") and found.labels.tolist() == [0, 0, 0, 0, 1]
    assert found.ids[0].startswith("A/site1/")


def test_groups_from_a_table_beside_the_images(tmp_path):
    root = write_class_folders(tmp_path, {"A": 2, "B": 2})
    ids = list_class_folders(root, name="set").ids
    (root / "groups.csv").write_text(
        "id,group\n" + "".join(f"{name},g{i // 2}\n" for i, name in enumerate(ids))
    )
    assert list_class_folders(
        root, name="set", groups=CaseGroups(group_table="groups.csv")
    ).groups.tolist() == [
        "g0",
        "g0",
        "g1",
        "g1",
    ]
    (root / "groups.csv").write_text(
        "id,age,patient\n" + "".join(f"{name},61,p{i}\n" for i, name in enumerate(ids))
    )
    found = list_class_folders(
        root, name="set", groups=CaseGroups(group_table="groups.csv", group_column="patient")
    )
    assert found.groups.tolist() == ["p0", "p1", "p2", "p3"]
    with pytest.raises(ValueError, match="'id', 'age', 'patient'; name the one"):
        list_class_folders(root, name="set", groups=CaseGroups(group_table="groups.csv"))
    with pytest.raises(ValueError, match="group_column='patient' is given without"):
        list_class_folders(root, name="set", groups=CaseGroups(group_column="patient"))
    with pytest.raises(ValueError, match="give one of them"):
        list_class_folders(root, name="set", groups=CaseGroups("(a)", group_table="groups.csv"))


def test_real_xrays(real_data):
    found = list_class_folders(
        real_data / "chest_xray", name="chest_xray", groups=CaseGroups(r"^([^_]+)_")
    )
    assert repr(found) == "Listing(chest_xray: 256 cases, 2 classes, train 180, val 16, test 60)"
    splits = [set(found.groups[found.splits == split]) for split in ("train", "val", "test")]
    assert not (splits[0] & splits[1] or splits[0] & splits[2] or splits[1] & splits[2])
