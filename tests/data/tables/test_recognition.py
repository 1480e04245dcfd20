"""Columns of a table, recognized where only one reading is possible and asked for otherwise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image
from source_files import write_ham10000

from medmonai.data import list_image_table
from medmonai.data.describe import completed_options, describe_listing, listing_call, open_source

ROWS = 12


@pytest.fixture
def table(tmp_path):
    """A function that writes a table with an image for each of twelve rows."""
    for i in range(ROWS):
        (tmp_path / "im").mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(tmp_path / "im" / f"{i}.png")

    def write(**columns):
        columns = {"file": [f"{i}.png" for i in range(ROWS)], **columns}
        cells = {name: list(itertools.islice(itertools.cycle(values), ROWS))
                 for name, values in columns.items()}  # fmt: skip
        lines = [",".join(cells), *(",".join(map(str, row)) for row in zip(*cells.values()))]
        (tmp_path / "t.csv").write_text("\n".join(lines))
        return str(tmp_path / "t.csv"), {"images": str(tmp_path / "im")}

    return write


TWO = ["yes", "no"]
PATIENTS = [f"p{i // 2}" for i in range(ROWS)]
SPLIT = ["train"] * 4 + ["test"] * 2
AGES = list(range(40, 40 + ROWS))


@pytest.mark.parametrize(
    ("columns", "label", "group", "split"),
    [
        ({"label": TWO}, "label", "", ""),
        ({"what": TWO}, "what", "", ""),
        ({"sex": ["f", "m"]}, "sex", "", ""),
        ({"what": TWO, "sex": ["f", "m"], "age": AGES}, "what", "", ""),
        ({"dx": TWO, "dx_type": ["histo", "follow_up"], "ward": ["a", "b", "c"]}, "dx", "", ""),
        ({"patient_id": PATIENTS, "grade": [0, 1, 2]}, "grade", "patient_id", ""),
        ({"PatientID": PATIENTS, "dx": TWO, "lesion_id": PATIENTS}, "dx", "PatientID", ""),
        ({"lesion_id": PATIENTS, "dx": TWO}, "dx", "lesion_id", ""),
        ({"patientid": PATIENTS, "y": TWO, "partition": SPLIT}, "y", "patientid", "partition"),
    ],
)  # fmt: skip
def test_one_reading(table, columns, label, group, split):
    source, options = table(**columns)
    complete, note = completed_options(source, options)
    assert (complete["image_column"], complete["label_column"]) == ("file", label)
    assert (complete["group_column"], complete["split_column"]) == (group, split)
    assert repr(label) in note and "'file'" in note
    listing = open_source(source, options)
    assert len(listing) == ROWS and (listing.groups is not None) == bool(group)
    assert (listing.splits is not None) == bool(split)
    assert f"note: {note}" in describe_listing(listing).lines()
    assert completed_options(source, complete) == (complete, "")


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        ({"dx": TWO, "grade": [1, 2, 3]}, "--label_column: dx or grade?"),
        ({"ward": TWO, "what": TWO}, "--label_column: ward or what?"),
        ({"label": TWO, "label_2": ["no", "yes"]}, "--label_column: label or label_2?"),
        ({"a": [0, 1], "b": [1, 0], "c": [0, 1, 1]},
         "--label_column: a, b or c?; for several labels per image, --label_column a,b,c"),
        ({"file2": [f"{ROWS - 1 - i}.png" for i in range(ROWS)], "dx": TWO},
         "--image_column: file or file2?"),
        ({"patient": PATIENTS, "subject": AGES, "dx": TWO},
         "--group_column: patient or subject?; for none of them, --group_column ''"),
        ({"set": SPLIT, "use": SPLIT, "dx": TWO}, "--split_column: set or use?"),
        # named for classes, but not like classes: never passed over for another column
        ({"diagnosis": [x / 7 for x in range(ROWS)], "ward": TWO}, "diagnosis or ward?"),
    ],
)  # fmt: skip
def test_two_readings_are_asked_for(table, columns, asked):
    source, options = table(**columns)
    with pytest.raises(ValueError) as raised:
        open_source(source, options)
    assert asked in str(raised.value) and "\n" not in str(raised.value)


def test_named_columns_are_taken_and_the_others_recognized(table):
    source, options = table(dx=TWO, grade=[1, 2, 3], patient=PATIENTS)
    found = open_source(source, {**options, "label_column": "grade"})
    assert found.class_names == ("1", "2", "3") and len(set(found.groups)) == ROWS // 2
    found = open_source(source, {**options, "label-column": "dx", "group_column": ""})
    assert found.groups is None and found.class_names == ("no", "yes")


def test_cells_without_the_suffix(tmp_path):
    write_ham10000(tmp_path, rows=70, size=(9, 12))
    source = str(tmp_path / "HAM10000_metadata.csv")
    images = {"images": str(tmp_path / "HAM10000_images_part_*")}
    complete, note = completed_options(source, images)
    assert complete["suffix"] == ".jpg" and "with .jpg" in note
    assert (complete["image_column"], complete["label_column"]) == ("image_id", "dx")
    assert complete["group_column"] == "lesion_id"
    assert listing_call(source, complete)[1]["suffix"] == ".jpg"


def test_the_same_image_by_its_name_and_its_path_is_one_reading(table, tmp_path):
    source, options = table(path=[tmp_path / "im" / f"{i}.png" for i in range(ROWS)], dx=TWO)
    assert completed_options(source, options)[0]["image_column"] == "file"


def test_nothing_that_fits(table, tmp_path):
    source, _ = table(dx=TWO)
    with pytest.raises(ValueError, match=r"no cell of its columns 'file', 'dx' names an image; na"):
        open_source(source, {})
    source, options = table(remark=[f"text {i}" for i in range(ROWS)])
    with pytest.raises(ValueError, match=r"looks like classes .* name the column with --label_col"):
        open_source(source, options)


def test_a_listing_without_columns(table, tmp_path):
    table(label=TWO, patient=PATIENTS)
    listing = list_image_table(tmp_path / "t.csv", name="t", images={"image_folders": "im"})
    assert len(listing) == ROWS and listing.groups is not None
    assert "Columns of t.csv recognized: images in 'file'" in listing.notes[0]


@pytest.mark.parametrize("blank", ["", "NA", "nan"])
def test_rows_without_a_label_are_refused_or_left_out(table, blank):
    source, options = table(dx=["yes", "no", blank], age=[1.5, 2.5])
    with pytest.raises(ValueError, match=r"dx is blank in 4 rows .* \(--blank_labels skip"):
        open_source(source, options)
    found = open_source(source, {**options, "blank_labels": "skip"})
    assert len(found) == 8 and found.class_names == ("no", "yes")
    assert [one.reason for one in found.left_out] == ["a row without a label"] * 4
    assert any("4 rows were left out: a row without a label" in note for note in found.notes)
    with pytest.raises(ValueError, match="blank_labels='drop' is unknown; use 'error' or 'skip'"):
        open_source(source, {**options, "blank_labels": "drop"})


def test_rows_without_one_of_several_labels_are_left_out(table):
    source, options = table(a=[0, 1, ""], b=[1, 0, 0, ""])
    options = {**options, "label_column": "a,b", "blank_labels": "skip"}
    found = open_source(source, options)
    assert len(found) == 6 and found.task.kind == "multilabel"


def test_a_class_that_is_called_none_is_no_missing_label(table):
    source, options = table(dx=["none", "some"])
    names = {**options, "class_names": "none,some", "blank_labels": "skip"}
    assert len(open_source(source, names)) == ROWS


@pytest.mark.parametrize(
    ("columns", "covariates", "said", "named"),
    [
        ({"patient_id": PATIENTS}, "patient_id", "seems to be the patient", {"group_column": ""}),
        ({"set": SPLIT}, "age, set", "seems to be the split", {"split_column": ""}),
        ({"stage": TWO}, "stage", "seems to be the class", {"label_column": "dx"}),
    ],
)
def test_covariates_that_seem_to_be_something_else(table, columns, covariates, said, named):
    source, options = table(dx=TWO, age=[50, 60, 70, 61, 50], **columns)
    with pytest.raises(ValueError, match=said):
        open_source(source, {**options, "covariates": covariates})
    options = {"label_column": "dx", **options, "covariates": covariates, **named}
    try:
        listing = open_source(source, options)
    except ValueError as error:  # stage is the class in other words here
        assert "seems" not in str(error)
    else:
        assert set(listing.metadata) == {part.strip() for part in covariates.split(",")}


@pytest.mark.parametrize("value", [None, True])
def test_names_of_columns_are_texts(table, value):
    source, options = table(dx=TWO)
    with pytest.raises(TypeError, match=rf"--covariates {value}; names are needed"):
        open_source(source, {**options, "covariates": value})


def test_spaces_after_commas_are_no_part_of_a_name(table):
    source, options = table(dx=TWO, age=[50, 60, 70, 61, 50], size=[3, 4, 5])
    listing = open_source(source, {**options, "covariates": "age, size"})
    assert list(listing.metadata) == ["age", "size"]
