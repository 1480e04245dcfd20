from __future__ import annotations

import pytest

from medmonai.data.text_table import read_text_table


def test_columns_are_text_without_spaces(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfid , label,note\r\n a1,1 ,"x, y"\r\n\r\na2,NA,\r\n')
    table = read_text_table(path)
    assert table.columns == {"id": ["a1", "a2"], "label": ["1", "NA"], "note": ["x, y", ""]} and table.lines == [2, 4]
    assert len(table) == 2 and table.places([0, 1]) == "line 2, 4" and table.places([0] * 5) == "line 2, 2, 2 and 2 more"
    with pytest.raises(ValueError, match=r"label_column='dx' is no column of a.csv; it has 'id', 'label', 'note'"):
        table.column("dx", "label_column")


def test_separators(tmp_path):
    tabs = "a\tb\n1\t2\n"
    for name, text, separator in (("a.tsv", tabs, None), ("a.csv", "a|b\n1|2\n", "|"), ("A.TAB", tabs, None),
                                  ("b.csv", "\ufeff\na;b\n1;2\n", None), ("c.csv", tabs, None)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert read_text_table(tmp_path / name, separator=separator).columns == {"a": ["1"], "b": ["2"]}


def test_a_separator_that_nobody_guesses(tmp_path):
    (tmp_path / "a.csv").write_text("id|dx\n1|2\n")
    with pytest.raises(ValueError, match=r"'id' is no column of a.csv; it has 'id\|dx'; is separator another one\?"):
        read_text_table(tmp_path / "a.csv").column("id", "image_column")


@pytest.mark.parametrize(("content", "match"), [
    (b"", "a.csv holds 0 lines"), (b"a,b\n", "a.csv holds 1 lines"), (b"a,a\n1,2\n", "column 'a' twice"),
    (b"a,b\n1,2\n1\n1,2,3\n", r"a.csv: line 3 has 1 columns and the header 2 \(2 such lines\)"),
    (b"a|b\n1,2|3\n", r"line 2 has 2 columns and the header 1 .*is the separator ','\?"),
    (b"a,b\n\xff\xfe,1\n", "a.csv cannot be read as a table"), (b'a,b\n"1,2\n', "a.csv cannot be read as a table"),
])
def test_damaged_tables(tmp_path, content, match):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=match) as raised:
        read_text_table(tmp_path / "a.csv")
    assert "\n" not in str(raised.value)
    with pytest.raises(FileNotFoundError, match="is no file"):
        read_text_table(tmp_path / "b.csv")
