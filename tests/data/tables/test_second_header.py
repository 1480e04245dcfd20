"""Tables with two header lines are refused with what to do."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from medmonai.data.describe import open_source


@pytest.fixture
def images(tmp_path):
    (tmp_path / "im").mkdir()
    for i in range(8):
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(tmp_path / "im" / f"{i}.png")
    return tmp_path / "im"


def table(folder, *headers):
    rows = [f"{i}.png,{'ab'[i % 2]},{50 + i}" for i in range(8)]
    (folder / "t.csv").write_text("\n".join([*headers, *rows]) + "\n")
    return str(folder / "t.csv")


@pytest.mark.parametrize("second", ["(name),(class),(years)", "file,dx,age", "string,string,int"])
def test_a_row_that_says_more_about_the_columns(second, images, tmp_path):
    source = table(tmp_path, "file,dx,age", second)
    with pytest.raises(ValueError, match="if line 2 is a second header line, delete it; add the"):
        open_source(source, {"images": str(images)})


def test_a_row_of_headings_above(images, tmp_path):
    source = table(tmp_path, "Image,,Clinical", "file,dx,age")
    with pytest.raises(ValueError, match="If line 2 is a second header line, delete the lines ab"):
        open_source(source, {"images": str(images)})
    named = {"images": str(images), "image_column": "file", "label_column": "dx"}
    assert len(open_source(source, named)) == 8


def test_a_missing_image_further_down_is_no_header(images, tmp_path):
    source = table(tmp_path, "file,dx,age")
    (images / "3.png").unlink()
    with pytest.raises(ValueError, match=r"1 of 8 rows have no image") as error:
        open_source(source, {"images": str(images)})
    assert "header" not in str(error.value)
