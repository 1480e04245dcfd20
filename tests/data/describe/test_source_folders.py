"""--images: relative to the working directory, else beside the table, never one of two without a
word.
"""

from __future__ import annotations

import pytest

from medmonai.data.describe.source import open_source
from medmonai.data.describe.source_folders import command_line_folders


@pytest.fixture
def places(tmp_path, monkeypatch):
    for name in ("here/own", "here/both", "there/both", "there/part_1", "there/part_2", "here/a,b"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def test_where_folders_are_looked_for(places, caplog):
    def found(named):
        folders = command_line_folders(named, option="images", beside=places / "there")
        return [folder.removeprefix(f"{places}/") for folder in folders]

    assert found("own") == found(["own", "./own"]) == ["here/own"] and found("./both") == [
        "here/both"
    ]
    assert found("a,b") == ["here/a,b"] and not caplog.records
    assert found("own,part_*") == ["here/own", "there/part_1", "there/part_2"]
    assert "'part_*' is not in the working directory" in caplog.text
    assert found(str(places / "there" / "both")) == ["there/both"]
    with pytest.raises(
        ValueError,
        match=r"--images 'both' is .*here/both in the working directory and .*there/both.*'./both'",
    ):
        found("both")


@pytest.mark.parametrize("option", ["images", "image-folders", "image_folders"])
def test_errors_name_the_option_that_was_typed(places, option):
    (places / "there" / "t.csv").write_text("image,dx\na.png,0\nb.png,1\n")
    with pytest.raises(
        FileNotFoundError,
        match=rf"--{option.replace('-', '_')}: 'absent' is not a folder; .*working",
    ):
        open_source(
            str(places / "there" / "t.csv"),
            {"image_column": "image", "label_column": "dx", option: "absent"},
        )
