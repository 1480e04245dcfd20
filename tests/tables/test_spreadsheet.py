"""Excel workbooks: written here with openpyxl, read as text."""

from __future__ import annotations

import builtins
import datetime
import zipfile

import openpyxl
import pytest

from medmonai.tables import read_text_table


def workbook(path, sheets, formats=None):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    for cell, number_format in (formats or {}).items():
        book.worksheets[0][cell].number_format = number_format
    book.save(path)
    return path


def test_values_as_text(tmp_path):
    path = workbook(
        tmp_path / "t.xlsx",
        {
            "Data": [
                ["Study X"],
                [],
                ["image", "dx", "number", "date", "CRP, mg/l", None],
                ["001.png", "n\u00e4vus", 7, datetime.date(2024, 1, 31), 1.5],
                ["002.png ", True, 12.0, datetime.datetime(2024, 1, 31, 10, 20), "0,5"],
                [None, " "],
                ["003", "x;y", 123456789012345700, 2, None],
            ],
            "Empty": [],
        },
        {"C4": "00000"},
    )
    table = read_text_table(path, wanted=("image",))
    assert table.columns == {
        "image": ["001.png", "002.png", "003"],
        "dx": ["n\u00e4vus", "True", "x;y"],
        "number": ["00007", "12", "123456789012345700"],
        "date": ["2024-01-31", "2024-01-31 10:20:00", "2"],
        "CRP, mg/l": ["1.5", "0,5", ""],
    }
    assert table.lines == [4, 5, 7]
    assert "Study X" in table.notes[1] and "may have lost digits" in table.notes[0]


def test_sheets_are_asked_for(tmp_path):
    rows = [["id", "group"], ["a", 1]]
    path = workbook(tmp_path / "t.xlsx", {"First": rows, "Second": [["id", "group"], ["b", 2]]})
    with pytest.raises(
        ValueError,
        match=r"2 sheets that hold something, 'First', 'Second'; .*sheet='First' \(.*--sheet\)",
    ):
        read_text_table(path)
    assert read_text_table(path, sheet="second").columns == {"id": ["b"], "group": ["2"]}
    with pytest.raises(
        ValueError, match=r"sheet='Third' is not a sheet of t.xlsx; it has 'First', 'Second'"
    ):
        read_text_table(path, sheet="Third")
    with pytest.raises(ValueError, match="no sheet that holds anything"):
        read_text_table(workbook(tmp_path / "e.xlsx", {"First": []}))
    with pytest.raises(ValueError, match="separator and encoding are for text"):
        read_text_table(path, separator=";")


def test_formulas(tmp_path):
    path = workbook(tmp_path / "t.xlsx", {"Data": [["id", "label"], ["a", "=1+1"], ["b", 2]]})
    with pytest.raises(
        ValueError, match="sheet 'Data': cell B2 holds a formula without a stored value"
    ):
        read_text_table(path)
    stored = tmp_path / "stored.xlsx"
    # what Excel saves: the formula and its value
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(stored, "w") as new:
        for part in old.namelist():
            new.writestr(
                part, old.read(part).replace(b"<v></v>", b"<v>2</v>").replace(b"<v />", b"<v>2</v>")
            )
    assert read_text_table(stored).columns["label"] == ["2", "2"]


@pytest.mark.parametrize(
    ("rows", "told"), [([], ""), ([3], "1 hidden row was"), ([2, 4], "2 hidden rows were")]
)
def test_hidden_rows_are_read_and_noted(tmp_path, rows, told):
    book = openpyxl.Workbook()
    for line in (["image", "dx"], ["a", 1], ["b", 2], ["c", 3]):
        book.active.append(line)
    for row in rows:
        book.active.row_dimensions[row].hidden = True
    book.create_sheet("empty").row_dimensions[1].hidden = True
    book.save(tmp_path / "t.xlsx")
    table = read_text_table(tmp_path / "t.xlsx")
    assert table.columns["image"] == ["a", "b", "c"]
    assert bool(table.notes) == bool(told) and told in " ".join(table.notes)


def test_damaged_workbooks(tmp_path):
    path = workbook(tmp_path / "t.xlsx", {"Data": [["id", "label"], ["a", 1]]})
    whole = path.read_bytes()
    for content in (b"", b"id,label\n", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"t.xlsx cannot be read as an Excel workbook .*save it again"
        ):
            read_text_table(path)
    path.write_bytes(b"\xd0\xcf\x11\xe0" + whole)
    with pytest.raises(ValueError, match="has a password"):
        read_text_table(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes((1 << 29) + 1))
    with pytest.raises(ValueError, match="unpacks to 536870913 bytes"):
        read_text_table(path)


def test_without_openpyxl(tmp_path, monkeypatch):
    (tmp_path / "t.xlsx").write_bytes(b"x")
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "openpyxl":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(
        ImportError, match=r"openpyxl is not installed: pip install -e '.\[tables\]'"
    ):
        read_text_table(tmp_path / "t.xlsx")
