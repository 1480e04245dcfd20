"""What the names of folders mean: splits by many words, classes that may lie a level deeper."""

from __future__ import annotations

import pytest

from medmonai.data import list_class_folders
from medmonai.data.class_names import split_of


def write_empty(root, counts):
    """Folder -> number of files in it, which are listed and never opened."""
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            (root / folder / f"{i}.png").touch()


def test_a_folder_of_kinds_that_are_not_read_says_which(tmp_path):
    for name in ("a/1.webp", "a/2.BMP", "b/3.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    match = r"3 images of a kind that is not read \(.bmp, .webp\); convert them to PNG"
    with pytest.raises(FileNotFoundError, match=match):
        list_class_folders(tmp_path, name="set")


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("Training", "Validation", "Testing"),
        ("train_set", "dev", "holdout"),
        ("Training Set", "Validation Set", "Test Set"),
        ("1_train", "2_val", "3_test"),
        ("train-data", "tuning", "hold-out"),
        ("trainset", "valset", "Held out"),
    ],
)
def test_words_for_splits(tmp_path, train, val, test):
    write_empty(tmp_path, {f"{split}/{name}": 2 for split in (train, val, test) for name in "AB"})
    found = list_class_folders(tmp_path, name="set")
    assert found.class_names == ("A", "B")
    assert [str(split) for split in found.splits] == [*["train"] * 4, *["val"] * 4, *["test"] * 4]
    assert {name.split("/")[0] for name in found.ids[found.splits == "test"]} == {test}


@pytest.mark.parametrize("word", ["development", "external", "eval", "test1", "latest", "no test"])
def test_words_that_are_no_split_for_everybody(word):
    assert split_of(word) is None


@pytest.mark.parametrize(
    ("counts", "noted"),
    [
        ({"site1/A": 2, "site1/B": 1, "site2/A": 1, "site2/B": 3}, True),
        ({"train/x/A": 2, "train/x/B": 1, "train/y/A": 1, "train/y/B": 3}, True),
        ({"A/p1": 2, "A/p2": 1, "B/p3": 1, "B/p4": 3}, False),
        ({"A/x": 2, "B/x": 2}, False),
        ({"A/x": 2, "A/y": 2, "A": 1, "B/x": 1, "B/y": 1}, False),
    ],
)
def test_folders_that_every_class_holds_are_pointed_out(tmp_path, counts, noted):
    write_empty(tmp_path, counts)
    told_of = list_class_folders(tmp_path, name="set").notes
    told = [note for note in told_of if "if these are the classes" in note]
    assert bool(told) == noted
