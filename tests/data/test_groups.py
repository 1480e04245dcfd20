from __future__ import annotations

import pytest

from medmonai.data.groups import groups_by_pattern, groups_from_table

IDS = ["train/NORMAL/p1_a.png", "train/NORMAL/p2_a.png", "test/NORMAL/p1_a.png", "test/p9/NORMAL/p2_b.png"]


def test_the_pattern_sees_the_file_name_only():
    assert groups_by_pattern(IDS, r"(p\d+)").tolist() == ["p1", "p2", "p1", "p2"]
    assert groups_by_pattern(["IM-0115-0001.jpeg", "person12_virus_3.jpeg"], r"(person\d+|IM-\d+)").tolist() == [
        "IM-0115", "person12"]


@pytest.mark.parametrize(("pattern", "match"), [
    (r"p\d+", "has no group; put the part"), (r"(p", "is no regular expression"), (None, "is no regular expression"),
    (r"(p1)", r"finds no group in 2 of 4 names, first 'train/NORMAL/p2_a.png'"), (r"(x?)", "in 4 of 4 names"),
])
def test_wrong_patterns(pattern, match):
    with pytest.raises(ValueError, match=match):
        groups_by_pattern(IDS, pattern)


def test_a_table_by_id_or_file_name(tmp_path):
    table = tmp_path / "groups.csv"
    table.write_text("file,site,group\np2_b.png,x,B\ntrain/NORMAL/p1_a.png,x,A\ntrain/NORMAL/p2_a.png,x,C\n"
                     "test/NORMAL/p1_a.png,x,A\nother.png,x,Z\n")
    assert groups_from_table(IDS, table).tolist() == ["A", "C", "A", "B"]
    table.write_text("file,patient\n" + "".join(f"{name},P{i}\n" for i, name in enumerate(IDS)))
    assert groups_from_table(IDS, table).tolist() == ["P0", "P1", "P2", "P3"]


@pytest.mark.parametrize(("text", "match"), [
    ("file\na\n", "has one column"), ("file,group\np1_a.png,A\n", r"names 'p1_a.png', which several cases"),
    ("file,group\np2_b.png,A\n", r"no group for 3 of 4 cases, first 'train/NORMAL/p1_a.png'"),
    ("file,group\np2_b.png,\n", "no group for 4 of 4"),
    ("file,group\na,A\na,B\n", r"'a' has the groups 'A' and 'B' \(line 3\)"),
])
def test_wrong_tables(tmp_path, text, match):
    (tmp_path / "g.csv").write_text(text)
    with pytest.raises(ValueError, match=match):
        groups_from_table(IDS, tmp_path / "g.csv")
    with pytest.raises(FileNotFoundError, match="is no file"):
        groups_from_table(IDS, tmp_path / "absent.csv")
