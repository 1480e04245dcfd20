"""Class folders that are refused, and what is named in the message."""

from __future__ import annotations

import numpy as np
import pytest
from source_files import write_class_folders, write_picture

from medmonai.data import list_class_folders


@pytest.mark.parametrize(
    ("counts", "match"),
    [
        (
            {"A/train": 2, "A/test": 2, "B/test": 2},
            r"'A/test' has the name of a split and lies below a class \(3",
        ),
        (
            {"site1/train/A": 1, "site1/test/B": 1, "site2/train/A": 1},
            r"'site1/test' has the name of a split",
        ),
        ({"train/A": 1, "train/B/Validation": 1}, "'train/B/Validation' has the name of a split"),
        (
            {"chest/train/A": 1, "chest/val/A": 1},
            "all images lie in the folder 'chest', and that holds train, val; name 'chest'",
        ),
        (
            {"chest/A": 1, "chest/B": 1},
            "holds one class, 'chest'; two are needed: .*the folder above, or 'chest' inside it",
        ),
    ],
)
def test_splits_that_are_not_where_they_are_looked_for(tmp_path, counts, match):
    root = write_class_folders(tmp_path, counts)
    with pytest.raises(ValueError, match=match):
        list_class_folders(root, name="set")


def test_no_source(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        list_class_folders(tmp_path / "absent", name="set")
    (tmp_path / "train" / "A").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="holds no image in a class folder"):
        list_class_folders(tmp_path, name="set")
    write_class_folders(tmp_path, {"train": {"A": 1}})
    with pytest.raises(ValueError, match="set holds one class, 'A'; two are needed"):
        list_class_folders(tmp_path, name="set")


@pytest.mark.parametrize(
    ("suffixes", "said"),
    [
        ((".hdr", ".img"), r"read \(\.hdr, \.img\); save each volume in one file"),
        ((".mhd", ".raw"), r"read \(\.mhd\); save each volume in one file"),
        ((".npy",), r"put the arrays into one npz file"),
        ((".bmp",), r"read \(\.bmp\); convert them to PNG"),
        (("",), r"\(6 other files or folders\)"),
    ],
)
@pytest.mark.parametrize("classes", ["AB", "B"])
def test_files_that_are_not_read_are_named_by_their_kind(tmp_path, suffixes, said, classes):
    for name in "AB":
        (tmp_path / name).mkdir()
        for i in range(2):
            for suffix in suffixes:
                (tmp_path / name / f"{i}{suffix}").write_bytes(b"none")
    if classes == "B":
        write_picture(tmp_path / "A" / "a.png", np.zeros((4, 4), np.uint8))
        said = r"without an image: 'B'" if suffixes == ("",) else said
    with pytest.raises((FileNotFoundError, ValueError), match=said):
        list_class_folders(tmp_path, name="set")


def test_a_table_beside_the_images_is_named(tmp_path):
    write_picture(tmp_path / "a.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "labels.csv").write_text("image,dx")
    with pytest.raises(
        FileNotFoundError, match=r"a table: give .*labels.csv as the source .* --im"
    ):
        list_class_folders(tmp_path, name="set")


def test_a_class_folder_without_an_image_is_named(tmp_path):
    root = write_class_folders(tmp_path, {"A": 2, "B": 0})
    with pytest.raises(ValueError, match=r"one class, 'A' \(without an image: 'B'\); two are"):
        list_class_folders(root, name="set")


def test_a_class_in_test_only(tmp_path):
    root = write_class_folders(
        tmp_path, {"train": {"A": 2, "B": 2}, "test": {"A": 1, "B": 1, "C": 3}}
    )
    with pytest.raises(ValueError, match="set: class 'C' has its 3 cases in test only"):
        list_class_folders(root, name="set")


def test_a_folder_that_class_names_lack(tmp_path):
    root = write_class_folders(tmp_path, {"A": 2, "B": 2, "C": 1})
    with pytest.raises(ValueError, match=r"class_names=\['A', 'B'\] lack 'C' \(1 cases\)"):
        list_class_folders(root, name="set", class_names=["A", "B"])
    with pytest.raises(ValueError, match="set: no case of class 'D'"):
        list_class_folders(root, name="set", class_names=["A", "B", "C", "D"])
