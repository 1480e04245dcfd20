"""A damaged file of a run folder: one line with the file, what is wrong and what to do."""

from __future__ import annotations

import hashlib
import re

import pytest

from medmonai.run_files import file_sha256, parts_of, read_record, read_text


@pytest.mark.parametrize(
    "name",
    [
        "metrics.json",
        "run.json",
        "config.json",
        "data.json",
        "decision.json",
        "test_opened.json",
        "plan.json",
        "something.json",
    ],
)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read as JSON (Expecting value: line 1"),
        (b'{"a": 1', "cannot be read as JSON (Expecting"),
        (b"\xff\xfe\x00", "cannot be read as JSON ('utf-8' codec"),
        (b"\x00" * 40, "cannot be read as JSON"),
        (b"[1, 2]", "is damaged: it holds a list instead of an object"),
        (b"3", "it holds a number"),
        (b"null", "it holds null"),
        (b'"a"', "it holds a text"),
        (b"true", "it holds true or false"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_json_that_is_none_is_named_in_one_line(name, content, reason, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{path} ")) as caught:
        read_record(path)
    text = str(caught.value)
    assert reason in text and "; " in text and text.endswith(".") and "\n" not in text


def test_a_byte_order_mark_is_no_damage(tmp_path):
    (tmp_path / "run.json").write_bytes(b'\xef\xbb\xbf{"a": "\xc3\xa4"}')
    (tmp_path / "splits.csv").write_bytes(b"\xef\xbb\xbfid,split\n")
    assert (
        read_record(tmp_path / "run.json") == {"a": "ä"}
        and read_text(tmp_path / "splits.csv") == "id,split\n"
    )
    assert read_record(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    "use",
    [
        lambda c: c["b"],
        lambda c: c["a"]["b"],
        lambda c: c["a"].get("b"),
        lambda c: int(c["t"]),
        lambda c: c["a"][1],
        lambda c: 1 + c["t"],
    ],
)
def test_a_part_that_is_missing_or_of_another_type_names_the_file(use, tmp_path):
    path = tmp_path / "data.json"
    with (
        pytest.raises(
            ValueError,
            match=rf"^{re.escape(str(path))} is damaged \(.*\); delete it and evaluate again",
        ),
        parts_of(path),
    ):
        use({"a": [1], "t": "x"})


def test_a_message_that_names_the_file_already_stays_as_it_is(tmp_path):
    path = tmp_path / "metrics.json"
    with pytest.raises(ValueError, match="said already"), parts_of(path):
        raise ValueError(f"{path}: said already")


@pytest.mark.parametrize("size", [0, 1, 2**20, 2**20 + 1])
def test_the_digest_of_a_file_is_that_of_its_bytes(size, tmp_path):
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    (tmp_path / "file").write_bytes(content)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()
