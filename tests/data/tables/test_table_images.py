"""Which image a row means: names as tables spell them, and the folders that are looked into."""

from __future__ import annotations

import pytest

from medmonai.data.tables.table_images import find_table_images, image_folders_of
from medmonai.tables import TextTable


def found(tmp_path, images, names, folders=("images",), **options):
    for name in images:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    table = TextTable("t.csv", {"image": names}, list(range(2, 2 + len(names))))
    return find_table_images(
        table, ["image"], [tmp_path / folder for folder in folders], beside=tmp_path, **options
    )


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("im/001.png", "./im/001.png"),
        ("im/001.png", "im\\001.png"),
        ("cafe\u0301.png", "caf\u00e9.png"),
        ("caf\u00e9.png", "cafe\u0301.png"),
    ],
)
def test_paths_as_other_programs_spell_them(tmp_path, image, name):
    images = found(tmp_path, [f"images/{image}", "images/b.png"], ["b.png", name])
    assert (
        images.ids.tolist() == ["b.png", image] and images.files[1] == tmp_path / "images" / image
    )
    with pytest.raises(ValueError, match="is in two rows"):
        found(tmp_path, [], [image, name])


def test_a_folder_inside_another_is_looked_into_from_both(tmp_path):
    images = found(
        tmp_path,
        ["images/a.png", "images/part/b.png"],
        ["a.png", "b.png"],
        ("images", "images/part"),
    )
    assert images.ids.tolist() == ["a.png", "b.png"]


def test_series_and_their_files(tmp_path):
    files = ["images/p1/1.dcm", "images/p1/2.dcm"]
    assert found(tmp_path, files, ["p1"]).ids.tolist() == ["p1"]
    assert found(tmp_path, files, ["p1/2.dcm"], dicom_folders="files").ids.tolist() == ["p1/2.dcm"]


def test_rows_without_an_image_say_what_to_type(tmp_path):
    with pytest.raises(
        ValueError,
        match="--rows_without_image skip, of a bundle --listing#images#rows_without_image skip",
    ):
        found(tmp_path, ["images/a.png"], ["a.png", "b.png"])


def test_a_folder_whose_name_is_a_number(tmp_path):
    (tmp_path / "2019").mkdir()
    assert (
        image_folders_of(tmp_path, 2019)
        == image_folders_of(tmp_path, [2019, "2019"])
        == [tmp_path / "2019"]
    )
