"""Tables of images without labels: every row stays, with a flag where its image cannot be used."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from medmonai.data import list_image_table, list_unlabeled_table


@pytest.fixture
def folder(tmp_path):
    """Images a, b, c.png in two folders beside the table."""
    for name in ("x/a.png", "x/b.png", "y/c.png"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    return tmp_path


def table(folder, *lines):
    path = folder / "new.csv"
    path.write_text("\n".join(lines))
    return path


def test_ids_and_files_are_those_of_the_listing_with_labels(folder):
    path = table(folder, "file,dx,age", "x/a.png,1,50", "x\\b.png,0,", "y/c.png,1,7")
    rows = list_unlabeled_table(path, image_column="file", image_folders="images")
    listed = list_image_table(
        path, {"image_column": "file", "label_column": "dx"},
        name="t", images={"image_folders": "images"},
    )  # fmt: skip
    assert {row.id: row.file for row in rows.rows} == dict(zip(listed.ids.tolist(), listed.files))
    assert [row.flag for row in rows.rows] == [""] * 3
    assert rows.table.columns["age"] == ["50", "", "7"]


def test_every_row_stays_in_its_place_with_what_is_wrong(folder):
    path = table(
        folder, "case,file", "1,x/a.png", "2,gone.png", "1,x/b.png", ",y/c.png", "5,",
        "6,/home/me/secret/z.png",
    )  # fmt: skip
    rows = list_unlabeled_table(
        path, image_column="file", id_column="case", image_folders="images"
    ).rows
    assert [(row.id, row.file is None, row.flag) for row in rows] == [
        ("1", False, "line 4 has the same id"),
        ("2", True, "no image 'gone.png' was found"),
        ("1", False, "line 2 has the same id"),
        ("line 5", False, "case is blank"),
        ("5", True, "names no image"),
        ("6", True, "no image 'z.png' was found"),
    ]


def test_an_image_in_two_folders_is_flagged_where_its_row_does_not_say_which(folder):
    other = folder / "other"
    (other / "x").mkdir(parents=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(other / "x" / "d.png")
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "images" / "x" / "e.png")
    path = table(folder, "file", "x/d.png", "x/e.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(other)
        (folder / "x").mkdir()
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "x" / "d.png")
        first, second = list_unlabeled_table(path, image_folders="images").rows
    assert first.file is None and "take one of them away" in first.flag
    assert second.file is not None and not second.flag


def test_the_column_of_images_is_asked_for_where_two_name_images(folder):
    path = table(folder, "n,t1,t2", "1,x/a.png,x/b.png")
    with pytest.raises(ValueError, match=r"several columns name images.*one of 't1', 't2'"):
        list_unlabeled_table(path, image_folders="images")
    path = table(folder, "n,t1,t2", "1,x/a.png,-")
    assert list_unlabeled_table(path, image_folders="images").rows[0].id == "x/a.png"
    path = table(folder, "n,m", "1,2")
    with pytest.raises(ValueError, match=r"no column names an image; name the folder .*--images"):
        list_unlabeled_table(path, image_folders="images")


def test_names_without_their_suffix(folder):
    path = table(folder, "n,file", "1,x/a", "2,x/b", "3,y/c")
    rows = list_unlabeled_table(path, image_folders="images").rows
    assert [row.id for row in rows] == ["x/a.png", "x/b.png", "y/c.png"]
    assert all(row.file is not None and not row.flag for row in rows)


def test_a_table_of_other_images_is_refused(folder):
    path = table(folder, "file", "q.png", "r.png")
    with pytest.raises(ValueError, match=r"none of 2 rows has an image.*'q.png'"):
        list_unlabeled_table(path, image_column="file", image_folders="images")
    with pytest.raises(ValueError, match="image_column='nofile' is not a column"):
        list_unlabeled_table(path, image_column="nofile")
