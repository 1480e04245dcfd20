"""Text and JSON as somebody saved them."""

from __future__ import annotations

import pytest

from medmonai.text_files import read_json_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_in_every_unicode_encoding(tmp_path, encoding):
    (tmp_path / "a.json").write_text('{"title": "Größe"}', encoding=encoding)
    assert read_json_text(tmp_path / "a.json") == {"title": "Größe"}


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "a.json, line 1, column 1: Expecting value"),
        (b'{"a": 1,\n "b" 2}', "a.json, line 2, column 6: Expecting ':' delimiter"),
        ('{"a":\n"ü"}'.encode("cp1252"), "a.json, line 2: byte 0xfc is not UTF-8"),
        (b'{"a": 1, "a": 2}', "a.json: 'a' occurs twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\0\0", "NUL"),
    ],
)
def test_damaged_json_is_named(tmp_path, content, match):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=match) as raised:
        read_json_text(tmp_path / "a.json")
    assert "\n" not in str(raised.value)
