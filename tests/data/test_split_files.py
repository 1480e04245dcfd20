"""Splits written and read back; tables that are not those of the source; what is left out never shows a path."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medmonai.data import Provenance, read_splits, split_listing, write_splits
from medmonai.data.listing import LeftOut, Listing
from medmonai.data.split_files import left_out_text
from medmonai.task import Task


def listing(n=120, *, groups=True, **changes):
    names = [f'{"ab"[i % 2]}/x, "{i}".png' if i < 3 else f"{'ab'[i % 2]}/é{i}.png" for i in range(n)]
    fields = {"labels": np.arange(n) % 2, "task": Task("binary", 2), "class_names": ("a", "b"),
              "groups": np.char.mod("p%d", np.arange(n) // 4) if groups else None} | changes
    return Listing([Path("/secret") / name for name in names], ids=names, provenance=Provenance("set"), **fields)


@pytest.mark.parametrize("groups", [True, False])
def test_written_and_read_back_equal(groups, tmp_path):
    planned = split_listing(listing(groups=groups), seed=3)
    write_splits(planned, tmp_path / "splits.csv")
    again = split_listing(listing(groups=groups), file=tmp_path / "splits.csv")
    assert again.splits.tolist() == planned.splits.tolist()
    assert again.notes[0] == "Splits: taken from splits.csv."
    with open(tmp_path / "splits.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "split", "group", "label"] and rows[0]["group"] == ("p0" if groups else "")
    assert [row["label"] for row in rows[:3]] == ["a", "b", "a"] and rows[0]["id"] == 'a/x, "0".png'
    assert "secret" not in (tmp_path / "splits.csv").read_text(encoding="utf-8")


def test_the_order_of_the_file_does_not_matter(tmp_path):
    planned = split_listing(listing())
    write_splits(planned, tmp_path / "splits.csv")
    head, *rows = (tmp_path / "splits.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "splits.csv").write_text("\ufeff" + "".join([head, *reversed(rows)]), encoding="utf-8")
    assert read_splits(tmp_path / "splits.csv", planned.ids).tolist() == planned.splits.tolist()


def test_labels_of_several_classes(tmp_path):
    source = listing(60, task=Task("multilabel", 2), labels=np.array([[0, 0], [1, 0], [1, 1], [0, 1]] * 15))
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


@pytest.mark.parametrize(("text", "message"), [
    ("id,split\na,train\n", r"s.csv has no row for 'b' \(1 such\); its ids must be those of the source"),
    ("id,split\na,train\nb,val\nc,test\nd,val\n", r"s.csv has a row for what is no case: 'c' \(2 such\)"),
    ("id,split\na,train\na,train\nb,val\n", "row 3 repeats id 'a'; each id needs one row with train, val, test"),
    ("id,split\na,train\nb,Validation\n", "row 3 has split 'Validation'"),
    ("id\na\nb\n", r"has 2 rows and columns \['id'\]; id and split are needed"),
    ("", r"has 0 rows and columns \[\]"),
    ("id,split\na\nb,val\n", "row 2 has split None"),
])
def test_files_of_something_else(text, message, tmp_path):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_splits(tmp_path / "s.csv", ["a", "b"])


def test_no_file_and_no_text(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file of splits at .*s.csv; give a CSV with columns id, split"):
        read_splits(tmp_path / "s.csv", ["a"])
    (tmp_path / "s.csv").write_bytes(b"id,split\n\xff\xfe,train\n")
    with pytest.raises(ValueError, match=r"s.csv is not a CSV table in UTF-8"):
        read_splits(tmp_path / "s.csv", ["a"])


def test_left_out_files_without_a_path():
    source = listing(left_out=(LeftOut("a/broken.png", "zero bytes"), LeftOut("/home/someone/x.png", "no row, no label")))
    assert left_out_text(source) == 'name,reason\na/broken.png,zero bytes\nx.png,"no row, no label"\n'
