from __future__ import annotations

import logging

import numpy as np
import pytest
from source_files import LESIONS, write_ham10000, write_histopathologic

from medmonai.data import list_image_table
from medmonai.data.options import grouped
from medmonai.task import Task


def list_flat(table, **options):
    """`list_image_table` with its options side by side, as a command line has them."""
    return list_image_table(**grouped(list_image_table, {"table": table, **options}))


HAM = {
    "name": "ham10000",
    "image_column": "image_id",
    "label_column": "dx",
    "image_folders": "HAM10000_images_part_*",
    "suffix": ".jpg",
    "group_column": "lesion_id",
    "metadata_columns": ("age", "sex", "localization"),
}
PCAM = {
    "name": "pcam",
    "image_column": "id",
    "label_column": "label",
    "image_folders": "train",
    "suffix": ".tif",
}


@pytest.fixture(scope="module")
def ham(tmp_path_factory):
    return write_ham10000(tmp_path_factory.mktemp("ham"), rows=70, size=(9, 12))


def listed(root, **changes):
    return list_flat(root / "HAM10000_metadata.csv", **{**HAM, **changes})


def test_ham10000_as_it_is_downloaded(ham):
    found = listed(ham)
    assert (
        len(found) == 70
        and found.class_names == tuple(sorted(LESIONS))
        and found.task == Task("multiclass", 7)
    )
    assert {path.parent.name for path in found.files} == {
        "HAM10000_images_part_1",
        "HAM10000_images_part_2",
    }
    assert all(path.is_file() and path.name == name for path, name in zip(found.files, found.ids))
    assert (
        found.groups[0] == "HAM_0000001"
        and found.splits is None
        and found.left_out == ()
        and found.notes == ()
    )
    assert (
        set(found.metadata) == {"age", "sex", "localization"}
        and (found.metadata["age"] == "").sum() == 2
    )
    rows = (ham / "HAM10000_metadata.csv").read_text().splitlines()[1:]
    for row, name, label, group in zip(rows, found.ids, found.labels, found.groups):
        lesion, image, dx = row.split(",")[:3]
        assert (f"{image}.jpg", dx, lesion) == (name, found.class_names[label], group)


@pytest.mark.parametrize(
    "folders", ["HAM10000_images_part_1", ["HAM10000_images_part_1", "images_*"]]
)
def test_rows_without_an_image(ham, folders, caplog):
    with pytest.raises(
        ValueError,
        match=r"metadata.csv: 35 of 70 rows have no image, first 'ISIC_0024341.jpg' \(line 37",
    ):
        listed(ham, image_folders=folders)
    with caplog.at_level(logging.WARNING, logger="medmonai.data"):
        found = listed(ham, image_folders=folders, rows_without_image="skip")
    assert (
        len(found) == 35
        and len(found.left_out) == 35
        and found.left_out[0].name == "ISIC_0024341.jpg"
    )
    assert "35 of 70 rows have no image" in found.notes[0] and found.notes[0] in caplog.text


def test_images_without_a_row(ham, tmp_path):
    table = tmp_path / "few.csv"
    table.write_text("\n".join((ham / "HAM10000_metadata.csv").read_text().splitlines()[:21]))
    found = list_flat(table, **{**HAM, "image_folders": [ham / "HAM10000_images_part_1"]})
    assert (
        len(found) == 20
        and "15 images have no row in few.csv, first 'ISIC_0024326.jpg'" in found.notes[0]
    )
    assert [out.reason for out in found.left_out] == ["an image without a row"] * 15


def test_histopathologic_as_it_is_downloaded(tmp_path):
    root = write_histopathologic(tmp_path, rows=12, size=8)
    found = list_flat(
        root / "train_labels.csv", **PCAM, class_names={"0": "no tumour", "1": "tumour"}
    )
    assert (
        found.task == Task("binary", 2)
        and found.class_names == ("no tumour", "tumour")
        and found.groups is None
    )
    assert all(len(name) == 44 for name in found.ids)


def test_every_row_of_a_long_table_is_listed(tmp_path):
    root = write_histopathologic(tmp_path, rows=5_000, images=2)
    names = [
        line.split(",")[0] for line in (root / "train_labels.csv").read_text().splitlines()[1:]
    ]
    for name in names[2:]:
        (root / "train" / f"{name}.tif").touch()
    found = list_flat(root / "train_labels.csv", **PCAM)
    assert (
        sorted(name.removesuffix(".tif") for name in found.ids.tolist()) == sorted(names)
        and not found.left_out
    )


def table(folder, text, images=("a.png", "b.png", "c.png")):
    (folder / "images").mkdir(exist_ok=True)
    for name in images:
        (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).touch()
    (folder / "t.csv").write_text(text)
    return folder / "t.csv"


OWN = {"name": "own", "image_column": "image", "label_column": "y", "image_folders": "images"}


def test_splits_multilabel_and_paths(tmp_path):
    path = table(
        tmp_path,
        "image,s,u,v\nx/a.png,Train,0,1\nb.PNG,validation,1,0\nc,test,1,1\n",
        ("x/a.png", "b.PNG", "c.png"),
    )
    found = list_flat(path, **{**OWN, "label_column": ["u", "v"]}, suffix=".png", split_column="s")
    assert found.ids.tolist() == ["x/a.png", "b.PNG", "c.png"] and found.splits.tolist() == [
        "train",
        "val",
        "test",
    ]
    assert found.labels.tolist() == [[0, 1], [1, 0], [1, 1]] and found.task.kind == "multilabel"


@pytest.mark.parametrize(
    ("text", "options", "match"),
    [
        ("image,y\na.png,0\na.png,1\n", {}, r"'a.png' is in two rows \(line 2, 3\)"),
        (
            "image,y\nx,0\ny,1\n",
            {},
            r"none of 2 rows has an image; the first would be 'x' and the folders hold 3 images",
        ),
        ("image,y\na.png,0\nb.png,\n", {}, r"y is blank in 1 rows \(line 3\)"),
        ("image,y\na.png,0\nb.png,0\n", {}, "one class, '0'"),
        (
            "image,y,g\na.png,0,\nb.png,1,p\n",
            {"group_column": "g"},
            r"g is blank in 1 rows \(line 2\)",
        ),
        (
            "image,y,s\na.png,0,train\nb.png,1,external\n",
            {"split_column": "s"},
            r"s holds 'external' \(line 3\)",
        ),
        ("image,y,s\na.png,0,train\nb.png,1,\n", {"split_column": "s"}, r"s is blank \(line 3\)"),
        (
            "image,y,s\na.png,0,train\nb.png,1,test\n",
            {"split_column": "s"},
            "class '1' has its 1 cases in test only",
        ),
        (
            "image,y\na.png,0\nb.png,1\n",
            {"metadata_columns": ["sex"]},
            "metadata_columns='sex' is not a column",
        ),
        ("image,y\na.png,0\nb.png,1\n", {"class_names": ["0", "1", "2"]}, "no case of class '2'"),
        (
            "image,y\na.png,0\nb.png,1\n",
            {"rows_without_image": "no"},
            "rows_without_image='no' is unknown",
        ),
        ("image,y\na.png,0\nb.png,1\n", {"blank_groups": "no"}, "blank_groups='no' is unknown"),
    ],
)
def test_what_is_refused(tmp_path, text, options, match):
    with pytest.raises(ValueError, match=match) as raised:
        list_flat(table(tmp_path, text), **OWN, **options)
    assert "\n" not in str(raised.value)


def test_semicolons_and_x_rays(tmp_path):
    path = table(tmp_path, "image;y\np/a.dcm;0\np/b.dcm;1\n", ("p/a.dcm", "p/b.dcm"))
    assert list_flat(path, **OWN, dicom_folders="files").ids.tolist() == [
        "p/a.dcm",
        "p/b.dcm",
    ]
    with pytest.raises(ValueError, match="none of 2 rows has an image"):
        list_flat(path, **OWN)


def test_folders(tmp_path):
    path = table(tmp_path, "image,y\na.png,0\nb.png,1\n")
    with pytest.raises(FileNotFoundError, match=r"image_folders: .*absent is not a folder"):
        list_flat(path, **{**OWN, "image_folders": "absent"})
    with pytest.raises(FileNotFoundError, match="fit no folder"):
        list_flat(path, **{**OWN, "image_folders": "absent*"})
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.png").touch()
    with pytest.raises(ValueError, match=r"'a.png' is in the folders images and more"):
        list_flat(path, **{**OWN, "image_folders": ["images", "more"]})
    assert len(list_flat(path, **{**OWN, "image_folders": ["images", "images"]})) == 2


def test_blank_groups_of_their_own(tmp_path):
    path = table(tmp_path, "image,y,g\na.png,0,\nb.png,1,\nc.png,1,p\n")
    assert len(np.unique(list_flat(path, **OWN, group_column="g", blank_groups="own").groups)) == 3


def test_real_lesions(real_data):
    found = listed(real_data / "ham10000", image_folders="images", rows_without_image="skip")
    assert (
        len(found) == 420
        and np.bincount(found.labels).tolist() == [60] * 7
        and len(found.left_out) == 9595
    )
    assert len(set(found.groups)) == 420
