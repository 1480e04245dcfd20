"""Splits written and read back; tables that are not those of the source; what is left out never
shows a path.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medmonai.data import Provenance, read_splits, split_listing, write_splits
from medmonai.data.datalist import LeftOut, Listing
from medmonai.data.splits.split_files import left_out_text
from medmonai.task import Task


def listing(n=120, *, groups=True, **changes):
    names = [
        f'{"ab"[i % 2]}/x, "{i}".png' if i < 3 else f"{'ab'[i % 2]}/é{i}.png" for i in range(n)
    ]
    fields = {
        "labels": np.arange(n) % 2,
        "task": Task("binary", 2),
        "class_names": ("a", "b"),
        "groups": np.char.mod("p%d", np.arange(n) // 4) if groups else None,
    } | changes
    return Listing(
        [Path("/secret") / name for name in names],
        ids=names,
        provenance=Provenance("set"),
        **fields,
    )


@pytest.mark.parametrize("groups", [True, False])
def test_written_and_read_back_equal(groups, tmp_path):
    planned = split_listing(listing(groups=groups), seed=3)
    write_splits(planned, tmp_path / "splits.csv")
    again = split_listing(listing(groups=groups), file=tmp_path / "splits.csv")
    assert again.splits.tolist() == planned.splits.tolist()
    assert (
        again.notes[0]
        == "Splits: taken from splits.csv; val_fraction, test_fraction and split_seed do nothing."
    )
    with open(tmp_path / "splits.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "split", "group", "label"] and rows[0]["group"] == (
        "p0" if groups else ""
    )
    assert [row["label"] for row in rows[:3]] == ["a", "b", "a"] and rows[0]["id"] == 'a/x, "0".png'
    assert "secret" not in (tmp_path / "splits.csv").read_text(encoding="utf-8")


def test_the_order_of_the_file_does_not_matter(tmp_path):
    planned = split_listing(listing())
    write_splits(planned, tmp_path / "splits.csv")
    head, *rows = (tmp_path / "splits.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "splits.csv").write_text(
        "\ufeff" + "".join([head, *reversed(rows)]), encoding="utf-8"
    )
    assert read_splits(tmp_path / "splits.csv", planned.ids).tolist() == planned.splits.tolist()


def test_labels_of_several_classes(tmp_path):
    source = listing(
        60, task=Task("multilabel", 2), labels=np.array([[0, 0], [1, 0], [1, 1], [0, 1]] * 15)
    )
    write_splits(replace(source, splits=np.array(["train"] * 60)), tmp_path / "splits.csv")
    lines = (tmp_path / "splits.csv").read_text(encoding="utf-8").splitlines()
    assert [line.rsplit(",", 1)[1] for line in lines[1:5]] == ["", "a", "a|b", "b"]


def test_an_older_file_stays_unless_told(tmp_path):
    planned = split_listing(listing())
    write_splits(planned, tmp_path / "splits.csv")
    with pytest.raises(FileExistsError, match=r"splits.csv exists"):
        write_splits(planned, tmp_path / "splits.csv")
    write_splits(planned, tmp_path / "splits.csv", overwrite=True)
    with pytest.raises(ValueError, match="set has no splits yet; call split_listing first"):
        write_splits(listing(), tmp_path / "other.csv")
    assert not (tmp_path / "other.csv").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,split\na,train\n",
            r"s.csv has no row for 'b' \(1 such\); .*--splits_file_missing skip",
        ),
        (
            "id,split\na,train\nb,val\nc,test\nd,val\n",
            r"s.csv has a row for what is not a case: 'c' \(2 such\)",
        ),
        (
            "id,split\na,train\na,train\nb,val\n",
            "line 3 repeats id 'a'; each id needs one row with train, val, test",
        ),
        ("id,split\na,train\nb,other\n", "line 3 has split 'other'"),
        ("id\na\nb\n", r"column='split' is not a column of s.csv; it has 'id'"),
        ("", "s.csv holds 0 lines"),
        ("id,split\na\nb,val\n", "line 2 has 1 columns"),
    ],
)
def test_files_of_something_else(text, message, tmp_path):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_splits(tmp_path / "s.csv", ["a", "b"])


def test_no_file_and_no_text(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"no file of splits at .*s.csv; give a CSV with columns id, split"
    ):
        read_splits(tmp_path / "s.csv", ["a"])
    (tmp_path / "s.csv").write_bytes(b"id,split\n\x81,train\n")
    with pytest.raises(ValueError, match=r"s.csv cannot be read as cp1252"):
        read_splits(tmp_path / "s.csv", ["a"])


def test_other_programs_spellings(tmp_path):
    (tmp_path / "s.csv").write_text(
        " id ; split\n.\\A\\a.png;Train\nA/caf\u00e9.png;validation\nb;TEST \n", encoding="utf-8"
    )
    assert read_splits(tmp_path / "s.csv", ["A/cafe\u0301.png", "b", "A/a.png"]).tolist() == [
        "val",
        "test",
        "train",
    ]


def test_cases_that_came_and_went_can_be_left_out(tmp_path, caplog):
    planned = split_listing(listing(), seed=3)
    write_splits(planned, tmp_path / "splits.csv")
    source = listing(122).subset(np.setdiff1d(np.arange(122), [5, 7]))
    with pytest.raises(ValueError, match=r"has no row for 'a/é120.png' \(2 such\)"):
        split_listing(source, file=tmp_path / "splits.csv")
    found = split_listing(source, file=tmp_path / "splits.csv", file_missing="skip")
    assert found.ids.tolist() == np.delete(planned.ids, [5, 7]).tolist()
    assert found.splits.tolist() == np.delete(planned.splits, [5, 7]).tolist()
    assert {out.name: out.reason for out in found.left_out} == {
        **dict.fromkeys(("a/é120.png", "b/é121.png"), "a case without a row in splits.csv"),
        **dict.fromkeys(("b/é5.png", "b/é7.png"), "a row of splits.csv without a case"),
    }
    note = (
        "2 cases have no row in splits.csv and 2 of its rows no case, first 'a/é120.png'; they "
        "were left out."
    )
    assert note in found.notes and note in caplog.text
    with pytest.raises(ValueError, match="file_missing='some'; 'error' or 'skip'"):
        split_listing(source, file=tmp_path / "splits.csv", file_missing="some")
    (tmp_path / "other.csv").write_text("id,split\nx,train\n")
    with pytest.raises(ValueError, match=r"other.csv has a row for none of the 120 cases"):
        split_listing(source, file=tmp_path / "other.csv", file_missing="skip")


def test_what_could_not_be_read_keeps_its_split(tmp_path):
    planned = split_listing(listing(), seed=3)
    kept = planned.subset(np.arange(1, 120))
    kept = replace(
        kept,
        left_out=(LeftOut("notes.txt", "no image"), LeftOut(str(planned.ids[0]), "zero bytes")),
    )
    write_splits(kept, tmp_path / "splits.csv")
    with open(tmp_path / "splits.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 120
    assert rows[-1] == {"id": planned.ids[0], "split": planned.splits[0], "group": "", "label": ""}
    assert (
        split_listing(listing(), file=tmp_path / "splits.csv").splits.tolist()
        == planned.splits.tolist()
    )


def test_a_file_without_validation_is_what_has_to_be_changed(tmp_path):
    planned = split_listing(listing())
    write_splits(
        replace(planned, splits=np.where(planned.splits == "val", "train", planned.splits)),
        tmp_path / "s.csv",
    )
    with pytest.raises(
        ValueError, match=r"val has no class .*; give val such cases in s.csv, or leave"
    ):
        split_listing(listing(), file=tmp_path / "s.csv")


def test_left_out_files_without_a_path():
    source = listing(
        left_out=(
            LeftOut("a/broken.png", "zero bytes"),
            LeftOut("/home/someone/x.png", "no row, no label"),
        )
    )
    assert (
        left_out_text(source) == 'name,reason\na/broken.png,zero bytes\nx.png,"no row, no label"\n'
    )
