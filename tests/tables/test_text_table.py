"""One reader for all tables: over the product of encodings, separators and what else spreadsheets
and people leave in files.
"""

from __future__ import annotations

import itertools

import pytest

from medmonai.tables import read_text_table

ROWS = [
    ["image", "CRP{decimal} mg/l", "dx", "patient"],
    ["001.png", "61{decimal}5", "n\u00e4vus", "p 1"],
    ["002.png", "40{decimal}0", 'mel, {mark} "in situ"\nleft', "p2"],
]
NOTES = {"title": "1 line above the header was", "titles": "2 lines above the header"}
QUIRKS = (
    "plain",
    "sep",
    "title",
    "titles",
    "blank",
    "trailing",
    "empty_lines",
    "around",
    "unnamed",
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252", "latin-1")


def quote(cell, mark):
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if set(cell) & {mark, '"', "\n"} else cell


def written(mark, end, quirk):
    """The text of ROWS with a mark between cells, and what the columns are."""
    decimal = "." if mark == "," else ","
    rows = [[cell.format(decimal=decimal, mark=mark) for cell in row] for row in ROWS]
    columns = {values[0]: list(values[1:]) for values in zip(*rows)}
    cells = rows
    if quirk == "around":
        cells = [
            [f"\u00a0{rows[0][0]} ", *rows[0][1:]],
            *([f" {row[0]}\u00a0", *row[1:]] for row in rows[1:]),
        ]
    if quirk == "unnamed":
        cells = [["", *rows[0]], *([str(n), *row] for n, row in enumerate(rows[1:]))]
    lines = [mark.join(quote(cell, mark) for cell in row) for row in cells]
    if quirk == "trailing":
        lines = [line + mark * 2 for line in lines]
    above = {
        "sep": [f"sep={mark}"],
        "title": ["Study of 2024"],
        "titles": ["Study", "", "as of May" + mark * 3],
        "blank": ["", mark * 3],
    }.get(quirk, [])
    below = ["", mark * 3, " ", ""] if quirk == "empty_lines" else []
    return end.join([*above, *lines, *below]) + end, columns


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_every_kind_of_text_table_is_read_as_meant(tmp_path, encoding, mark):
    for end, quirk in itertools.product(("\n", "\r\n", "\r"), QUIRKS):
        text, columns = written(mark, end, quirk)
        mark_of_order = b"\xfe\xff" if encoding == "utf-16-be" else b""
        path = tmp_path / "t.csv"
        path.write_bytes(mark_of_order + text.encode(encoding))
        table = read_text_table(path, wanted=("image", "dx"))
        assert table.columns == columns, (encoding, mark, end, quirk)
        expected = [NOTES[quirk]] if quirk in NOTES else []
        assert [note for note in table.notes if "above" in note] == [
            n for n in table.notes for e in expected if e in n
        ]
        assert any("cp1252" in note for note in table.notes) == (encoding in ("cp1252", "latin-1"))


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_separators_without_a_wanted_column(tmp_path, mark):
    for quirk in QUIRKS:
        text, columns = written(mark, "\r\n", quirk)
        (tmp_path / "t.csv").write_text(text, encoding="utf-8", newline="")
        assert read_text_table(tmp_path / "t.csv").columns == columns, quirk


def test_columns_are_text_without_spaces(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfid , label,note\r\n a1,1 ,"x, y"\r\n\r\na2,NA,\r\n')
    table = read_text_table(path)
    assert table.columns == {
        "id": ["a1", "a2"],
        "label": ["1", "NA"],
        "note": ["x, y", ""],
    } and table.lines == [2, 4]
    assert (
        len(table) == 2
        and table.places([0, 1]) == "line 2, 4"
        and table.places([0] * 5) == "line 2, 2, 2 and 2 more"
    )
    with pytest.raises(
        ValueError,
        match=r"label_column='dx' is not a column of a.csv; it has 'id', 'label', 'note'",
    ):
        table.column("dx", "label_column")


def test_lines_count_breaks_inside_quotes_and_the_line_of_the_separator(tmp_path):
    (tmp_path / "a.csv").write_text('sep=;\nid;note\na;"x\ny"\n\nb;z\n')
    assert read_text_table(tmp_path / "a.csv").lines == [3, 6]


def test_columns_by_name_in_any_case(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Image ID,dx,DX,age,age\na,1,2,3,4\nb,2,3,4,5\n")
    table = read_text_table(path)
    assert table.column("image  id", "image_column") == ["a", "b"] and table.column(
        "DX", "label_column"
    ) == ["2", "3"]
    with pytest.raises(ValueError, match="label_column='Dx' fits the columns 'dx', 'DX'"):
        table.column("Dx", "label_column")
    with pytest.raises(
        ValueError, match=r"metadata_columns='Age': a.csv has more than one column 'age'"
    ):
        table.column("Age", "metadata_columns")


def test_two_readings_ask_for_the_separator(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("image;dx;age, years;patient\r\n001.png;mel;61,5;p1\r\n002.png;nev;40,0;p2\r\n")
    with pytest.raises(
        ValueError, match=r"comma \(2 columns\) or semicolon \(4 columns\).*separator=';'"
    ):
        read_text_table(path)
    names = ["image", "dx", "age, years", "patient"]
    assert list(read_text_table(path, wanted=("Image",)).columns) == names
    assert list(read_text_table(path, separator=";").columns) == names
    for separator in ("::", ""):
        with pytest.raises(ValueError, match="one character is needed"):
            read_text_table(path, separator=separator)


@pytest.mark.parametrize(("mark", "number"), [(";", "61,5"), ("\t", "61,5"), (",", "61;5")])
@pytest.mark.parametrize("columns", [2, 3, 5])
@pytest.mark.parametrize("above", ["", "Study of 2024\n"])
def test_numbers_that_hold_another_separator_need_no_question(
    tmp_path, mark, number, columns, above
):
    path = tmp_path / "a.csv"
    names = ["image", "size", "dx", "patient", "site"][:columns]
    rows = [[f"{i}.png", number, "mel", f"p{i}", "x"][:columns] for i in range(60)]
    path.write_text(above + "".join(mark.join(row) + "\n" for row in [names, *rows]))
    table = read_text_table(path)
    assert list(table.columns) == names and len(table) == 60
    assert set(table.columns["size"]) == {number}


@pytest.mark.parametrize("row", ["a.png;mel;61,5", "a;mel, left;1"])
def test_a_title_with_a_separator_leaves_the_question(tmp_path, row):
    """A title of two cells and a header of three: neither reading is better."""
    path = tmp_path / "a.csv"
    path.write_text(f"Study, 2024\nimage;dx;age, years\n{row}\n")
    with pytest.raises(ValueError, match="more than one separator"):
        read_text_table(path)


def test_a_separator_that_nobody_guesses(tmp_path):
    (tmp_path / "a.csv").write_text("id^dx\n1^2\n")
    with pytest.raises(
        ValueError,
        match=r"'id' is not a column of a.csv; it has 'id\^dx'; if that is several columns",
    ):
        read_text_table(tmp_path / "a.csv").column("id", "image_column")
    assert read_text_table(tmp_path / "a.csv", separator="^").columns == {"id": ["1"], "dx": ["2"]}


def test_tabs_decide_in_tsv_files(tmp_path):
    for name in ("a.tsv", "A.TAB"):
        (tmp_path / name).write_text("a,b\tc\n1,2\t3\n")
        assert read_text_table(tmp_path / name).columns == {"a,b": ["1,2"], "c": ["3"]}
    (tmp_path / "b.tsv").write_text("a;b\n1;2\n")
    assert read_text_table(tmp_path / "b.tsv").columns == {"a": ["1"], "b": ["2"]}


def test_cells_are_never_computed(tmp_path):
    (tmp_path / "a.csv").write_text(
        "id,note\n'0012,=1+1\n'-5,@SUM(A1)\n's-Gravenhage,$__import__('os')\n"
    )
    assert read_text_table(tmp_path / "a.csv").columns == {
        "id": ["0012", "-5", "'s-Gravenhage"],
        "note": ["=1+1", "@SUM(A1)", "$__import__('os')"],
    }


def test_exact_values_stay_as_they_are(tmp_path):
    (tmp_path / "a.csv").write_text("id, score \n a,'1\n")
    assert read_text_table(tmp_path / "a.csv", exact=True).columns == {
        "id": [" a"],
        " score ": ["'1"],
    }


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "a.csv holds 0 lines"),
        (b"a,b\n", "a.csv holds 1 lines"),
        (b";;\n\n", "a.csv holds 0 lines"),
        (
            b"a,b\n1,2\n1\n1,2,3\n",
            r"a.csv: line 3 has 1 columns and the header, line 1, 2 \(2 such lines\)",
        ),
        (b"a,b\n\xff\xfe\x81,1\n", "a.csv cannot be read as cp1252"),
        (b"a,b\n1,\0\n", "NUL bytes"),
        (b'a,b\n"1,2\n', "a.csv cannot be read as a table .*close the quotes"),
        (b"\xff\xfea", "cannot be read as utf-16"),
        (b"PK\x03\x04rest", r"is a zip file .*call it .xlsx"),
        (b"\x1f\x8b\x08", "is a gzip file"),
        (b"\xd0\xcf\x11\xe0\xa1", "a workbook with a password"),
    ],
)
def test_damaged_tables(tmp_path, content, match):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=match) as raised:
        read_text_table(tmp_path / "a.csv")
    assert "\n" not in str(raised.value)


def test_files_that_are_not_tables(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a file"):
        read_text_table(tmp_path / "b.csv")
    for name in ("a.xls", "a.ods", "a.xlsb"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(ValueError, match=f"{name} is an? .*save it as .xlsx"):
            read_text_table(tmp_path / name)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="sheet='x' is for Excel workbooks"):
        read_text_table(tmp_path / "a.csv", sheet="x")
    with pytest.raises(ValueError, match="encoding='klingon' is unknown"):
        read_text_table(tmp_path / "a.csv", encoding="klingon")
    (tmp_path / "a.csv").write_bytes("a,b\n\u0159,2\n".encode("cp1250"))
    assert read_text_table(tmp_path / "a.csv", encoding="cp1250").columns["a"] == ["\u0159"]


def test_a_second_header_line_is_named_where_columns_are_missed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Image,,Clinical\nfile,dx,age\na.png,x,50\n")
    with pytest.raises(
        ValueError,
        match=r"'label' is not a column .*; columns without a name: 1\. If line 2 is a second",
    ):
        read_text_table(path).column("label", "label_column")
    assert list(read_text_table(path, wanted=["dx"]).columns) == ["file", "dx", "age"]
    path.write_text("Image,Clinical\nfile,dx,age\na.png,x,50\n")
    with pytest.raises(ValueError, match=r"or, if the names are in line 2, delete the lines above"):
        read_text_table(path)
    path.write_text("file,dx\na.png,x\nb.png,y,z\n")  # one line is a comma too many
    with pytest.raises(ValueError, match=r"pass another separator\.$"):
        read_text_table(path)
