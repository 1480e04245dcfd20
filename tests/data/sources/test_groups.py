from __future__ import annotations

import pytest

from medmonai.data.sources.groups import groups_by_pattern, groups_from_table

IDS = [
    "train/NORMAL/p1_a.png",
    "train/NORMAL/p2_a.png",
    "test/NORMAL/p1_a.png",
    "test/p9/NORMAL/p2_b.png",
]


def test_the_pattern_sees_the_file_name_only():
    assert groups_by_pattern(IDS, r"(p\d+)").tolist() == ["p1", "p2", "p1", "p2"]
    assert groups_by_pattern(
        ["IM-0115-0001.jpeg", "person12_virus_3.jpeg"], r"(person\d+|IM-\d+)"
    ).tolist() == ["IM-0115", "person12"]


@pytest.mark.parametrize(
    ("pattern", "match"),
    [
        (r"p\d+", "has no group; put the part"),
        (r"(p", "is not a valid regular expression"),
        (None, "is not a valid regular expression"),
        (
            r"(p1)",
            r"finds no group in 2 of 4 file names \(a pattern with a '/' .*\), first 'p2_a.png'",
        ),
        (r"(x?)", "in 4 of 4 file names"),
        (r"(NORMAL/p1)", "in 2 of 4 paths inside the root, first 'train/NORMAL/p2_a.png'"),
    ],
)
def test_wrong_patterns(pattern, match):
    with pytest.raises(ValueError, match=match):
        groups_by_pattern(IDS, pattern)


def test_a_pattern_with_a_slash_sees_the_path():
    paths = [f"{c}/p{p}/{i}.png" for c in "AB" for p in range(3) for i in range(2)]
    assert groups_by_pattern(paths, r"^[^/]+/([^/]+)/").tolist() == [
        path.split("/")[1] for path in paths
    ]
    # no part of a path in brackets
    assert groups_by_pattern(IDS, r"^([^/_]+)_").tolist() == ["p1", "p2", "p1", "p2"]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("id,age,Group", None),
        ("GROUP ,id,age", None),
        ("id,age,patient", "patient"),
        ("id;group", None),
        ("patient,id", "patient"),
    ],
)
def test_the_column_of_the_patient(tmp_path, header, column):
    mark = ";" if ";" in header else ","
    values = {"id": ["a.png", "b.png"], "age": ["61", "61"]}
    columns = [values.get(name, ["P1", "P2"]) for name in header.split(mark)]
    (tmp_path / "g.csv").write_text("\n".join([header, *(mark.join(row) for row in zip(*columns))]))
    assert groups_from_table(
        ["A/a.png", "B/b.png"], tmp_path / "g.csv", group_column=column
    ).tolist() == ["P1", "P2"]


@pytest.mark.parametrize(
    ("header", "column", "match"),
    [
        (
            "file,age,patient",
            None,
            r"g.csv has the columns 'file', 'age', 'patient'; name the one .* with group_column",
        ),
        ("file,group,Group", None, "name the one that holds the patient"),
        ("file,age,patient", "Person", "group_column='Person' is not a column of g.csv"),
    ],
)
def test_no_column_is_guessed(tmp_path, header, column, match):
    (tmp_path / "g.csv").write_text(f"{header}\nx,1,2\n")
    with pytest.raises(ValueError, match=match):
        groups_from_table(["x"], tmp_path / "g.csv", group_column=column)


def test_names_as_other_programs_write_them(tmp_path):
    ids = ["A/a.nii.gz", "A/cafe\u0301.png", "A/c.png"]
    (tmp_path / "g.csv").write_text(
        "id,group\na,P1\n.\\A\\caf\u00e9.png,P2\n./A/c,P3\n", encoding="utf-8"
    )
    assert groups_from_table(ids, tmp_path / "g.csv").tolist() == ["P1", "P2", "P3"]
    with pytest.raises(ValueError, match="names 'a', which several cases are called"):
        groups_from_table(["A/a.png", "B/a.png"], tmp_path / "g.csv")


@pytest.mark.parametrize("blank", ["nan", "NA", "N/A", "None"])
def test_what_programs_write_for_nothing_is_no_patient(tmp_path, blank):
    (tmp_path / "g.csv").write_text(f"id,group\na,P1\nb,{blank}\nc,{blank}\n")
    with pytest.raises(ValueError, match=r"no group for 2 of 3 cases in column 'group', first 'b'"):
        groups_from_table(["a", "b", "c"], tmp_path / "g.csv")


def test_a_table_by_id_or_file_name(tmp_path):
    table = tmp_path / "groups.csv"
    table.write_text(
        "file,site,group\np2_b.png,x,B\ntrain/NORMAL/p1_a.png,x,A\ntrain/NORMAL/p2_a.png,x,C\n"
        "test/NORMAL/p1_a.png,x,A\nother.png,x,Z\n"
    )
    assert groups_from_table(IDS, table).tolist() == ["A", "C", "A", "B"]
    table.write_text("file,patient\n" + "".join(f"{name},P{i}\n" for i, name in enumerate(IDS)))
    assert groups_from_table(IDS, table).tolist() == ["P0", "P1", "P2", "P3"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("file\na\n", "has one column"),
        ("file,group\np1_a.png,A\n", r"names 'p1_a.png', which several cases"),
        (
            "file,group\np2_b.png,A\n",
            r"no group for 3 of 4 cases in column 'group', first 'train/NORMAL/p1_a.png'",
        ),
        ("file,group\np2_b.png,\n", "no group for 4 of 4"),
        ("file,group\na,A\na,B\n", r"'a' has the groups 'A' and 'B' \(line 3\)"),
    ],
)
def test_wrong_tables(tmp_path, text, match):
    (tmp_path / "g.csv").write_text(text)
    with pytest.raises(ValueError, match=match):
        groups_from_table(IDS, tmp_path / "g.csv")
    with pytest.raises(FileNotFoundError, match="is not a file"):
        groups_from_table(IDS, tmp_path / "absent.csv")


def test_tables_as_spreadsheets_save_them(tmp_path):
    table = tmp_path / "g.csv"
    table.write_bytes(
        "Patienten 2024;;\r\n\r\nDatei;Alter;Group\r\na.png;61,5;12.0\r\nb.png;40,0;7.0\r\n"
        "c.png;1,5;m\u00fc\r\n".replace("m\u00fc", "012").encode("utf-16")
    )
    assert groups_from_table(["x/a.png", "x/b.png", "x/c.png"], table).tolist() == [
        "12",
        "7",
        "012",
    ]
    # a data frame saved with its index; ids that it took for decimals
    table.write_text(",file,patient\n0,1.0,A\n1,2.0,B\n")
    assert groups_from_table(["1.png", "2.png"], table).tolist() == ["A", "B"]
    assert groups_from_table(["1.0.png", "2.0.png"], table).tolist() == ["A", "B"]
