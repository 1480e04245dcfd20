"""Columns that describe cases, in the order of the cases."""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.tables import read_metadata


def test_read_metadata(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("\ufeffsex,id,age\nf,b,61\nm,a,\nm,z,9\n", encoding="utf-8")
    found = read_metadata(path, np.array(["a", "b"]))
    assert {name: values.tolist() for name, values in found.items()} == {
        "sex": ["m", "f"],
        "age": ["", "61"],
    }


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("name,sex\na,f\n", r"'id' is not a column of cases.csv; it has 'name', 'sex'"),
        ("id,id,sex\na,a,f\n", "more than one column 'id'"),
        ("id,sex\na\n", "line 2 has 1 columns and the header, line 1, 2"),
        ("id,sex\na,f\na,m\n", "line 3 repeats id 'a'"),
        ("id,sex\nb,f\n", "no row for id 'a'; every case needs one"),
        ("", "cases.csv holds 0 lines"),
    ],
)
def test_bad_metadata(tmp_path, text, match):
    path = tmp_path / "cases.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=match):
        read_metadata(path, ["a"])


def test_metadata_of_another_encoding_and_many_missing_cases(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_bytes(b"Stand: Mai;;\r\n\r\nID;Geschlecht;Alter\r\n a ;m\xe4nnlich;61,5\r\n;;\r\n")
    assert read_metadata(path, ["a\u00a0"], columns=["alter"])["alter"].tolist() == ["61,5"]
    assert {name: values.tolist() for name, values in read_metadata(path, ["a"]).items()} == {
        "Geschlecht": ["m\u00e4nnlich"],
        "Alter": ["61,5"],
    }
    with pytest.raises(
        ValueError,
        match=r"column='sex' is not a column of cases.csv; it has 'ID', 'Geschlecht', 'Alter'",
    ):
        read_metadata(path, ["a"], columns=["sex"])
    path.write_text("id,sex\na,f\n", encoding="utf-8")
    with pytest.raises(ValueError, match="'0', '1', '2' and 7 more"):
        read_metadata(path, np.arange(10).astype(str))


def test_ids_that_a_spreadsheet_took_for_decimals(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("id,sex\n1.0,f\n2.0,m\n")
    assert read_metadata(path, ["2", "1"])["sex"].tolist() == ["m", "f"]
    assert read_metadata(path, ["2.0", "1.0"])["sex"].tolist() == ["m", "f"]
