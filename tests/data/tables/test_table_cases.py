"""Tables with several image columns: the channels of a case, blank cells, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from medmonai.data import (
    ImageForm,
    TableColumns,
    list_image_table,
    list_unlabeled_table,
    load_listing,
    split_listing,
)
from medmonai.data.describe import describe_listing, open_source

HEADER = "id,t1,t2,flair,y\n"


@pytest.fixture
def folder(tmp_path):
    """Files p/t1.png, ... whose gray value is ten times the patient plus the channel."""
    for p in range(12):
        (tmp_path / str(p)).mkdir()
        for c, name in enumerate(("t1", "t2", "flair")):
            values = np.full((6, 5), 10 * p + c, np.uint8)
            Image.fromarray(values).save(tmp_path / str(p) / f"{name}.png")
    return tmp_path


def table(folder, blank=(), change=None):
    """Write the table of all patients, with blank (patient, column) cells and changed ones."""
    rows = [
        [str(p), *(f"{p}/{c}.png" for c in ("t1", "t2", "flair")), str(p % 2)] for p in range(12)
    ]
    for p, column in blank:
        rows[p][column] = ""
    for (p, column), value in (change or {}).items():
        rows[p][column] = value
    path = folder / "t.csv"
    path.write_text(HEADER + "".join(",".join(row) + "\n" for row in rows))
    return path


def listed(path, columns=("t1", "t2", "flair"), **images):
    return list_image_table(path, TableColumns(list(columns), "y"), name="set", images=images)


def test_the_columns_are_the_channels(folder):
    found = listed(table(folder))
    assert found.modalities == ("t1", "t2", "flair") and len(found) == 12
    row = found.ids.tolist().index("3/t1.png")
    assert found.files[row][2] == folder / "3" / "flair.png"
    assert "modalities: t1, t2, flair" in describe_listing(found).lines()
    turned = listed(table(folder), columns=("flair", "t1"))
    assert [file.name for file in turned.files[0]] == ["flair.png", "t1.png"]


def test_one_column_in_a_list_is_one_column(folder):
    found = listed(table(folder), columns=["t2"])
    assert found.modalities == () and found.files[0] == folder / "0" / "t2.png"


def test_blank_cells_are_missing_channels(folder, tmp_path):
    found = listed(table(folder, [(0, 2), (1, 1), (4, 1), (4, 2), (4, 3)], {(5, 3): "NA"}))
    assert len(found) == 11 and found.files[0] == (
        folder / "0" / "t1.png",
        None,
        folder / "0" / "flair.png",
    )
    assert found.ids[1] == "1/t2.png"
    assert ("line 6", "a row that names no image") in [(o.name, o.reason) for o in found.left_out]
    notes = " ".join(found.notes)
    assert "Missing channels: t1 in 1, t2 in 1, flair in 1 of 11 cases." in notes
    assert "1 of 12 rows name no image in t1, t2, flair (line 6)" in notes
    headers = describe_listing(found).headers
    assert headers.in_channels == 6 and headers.indicators == (0, 1, 2)
    form = ImageForm((6, 5), in_channels=6, indicators=(0, 1, 2))
    cohorts = load_listing(
        split_listing(found, val_fraction=0.3, test_fraction=0.3, min_validation=0),
        form,
        cache_dir=tmp_path / "cache",
    )
    seen = 0
    for cohort in cohorts.values():
        for name, image in zip(cohort.ids, cohort.images):
            p = int(name.split("/")[0])
            lacking = {0: [1], 1: [0], 5: [2]}.get(p, [])
            wanted = [0 if c in lacking else 10 * p + c for c in range(3)]
            wanted += [0 if c in lacking else 255 for c in range(3)]
            assert (image == np.array(wanted)[:, None, None]).all()
            seen += 1
    assert seen == 11


def test_a_named_file_that_does_not_exist_is_not_a_missing_channel(folder):
    path = table(folder, change={(2, 2): "2/lost.png"})
    with pytest.raises(
        ValueError, match=r"1 of 12 rows have no image, first '2/lost.png' \(line 4"
    ):
        listed(path)
    found = listed(path, rows_without_image="skip")
    assert len(found) == 11 and found.left_out[0].name == "2/lost.png"
    assert "2/t1.png" not in [out.name for out in found.left_out]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({(2, 2): "2/t1.png"}, r"'2/t1.png' is in two columns \(line 4\)"),
        ({(2, 2): "3/t2.png"}, r"'3/t2.png' is in two rows \(line 4, 5\)"),
    ],
)
def test_an_image_belongs_to_one_case_and_one_channel(folder, change, match):
    with pytest.raises(ValueError, match=match):
        listed(table(folder, change=change))


def test_columns_that_are_no_channels(folder):
    for columns in ([], ["t1", "t1"]):
        with pytest.raises(ValueError, match="give one column, or different ones"):
            TableColumns(columns, "y")
    with pytest.raises(ValueError, match="'t3' is not a column"):
        listed(table(folder), columns=("t1", "t3"))
    with pytest.raises(ValueError, match=r"label_column='t2' .* same values as image_column='t2'"):
        list_image_table(table(folder), TableColumns(["t1", "t2"], "t2"), name="set")


def test_the_command_line_separates_columns_by_commas(folder):
    options = {"image_column": "t1,t2,flair", "label_column": "y"}
    assert open_source(str(table(folder)), options).modalities == ("t1", "t2", "flair")


def test_without_labels(folder):
    """The same cases, for prediction: every row stays, a lost file is said."""
    path = table(folder, [(0, 2), (4, 1), (4, 2), (4, 3)], {(2, 2): "2/lost.png"})
    rows = list_unlabeled_table(path, image_column=["t1", "t2", "flair"]).rows
    assert len(rows) == 12 and rows[0].file == (
        folder / "0" / "t1.png",
        None,
        folder / "0" / "flair.png",
    )
    assert rows[4].file is None and rows[4].flag == "names no image"
    assert rows[2].file is None and rows[2].flag == "no image '2/lost.png' was found"
    listing = listed(table(folder))
    of_id = dict(zip(listing.ids, listing.files))
    assert all(of_id[row.id] == row.file for i, row in enumerate(rows) if i not in (0, 2, 4))
