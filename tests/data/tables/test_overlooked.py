"""What a table says beside the recognized columns: nothing of it is passed over in silence."""

from __future__ import annotations

import re

import pytest

from medmonai.data import list_unlabeled_table
from medmonai.data.describe import completed_options, open_source

ROWS = 24
TWO = ["yes", "no"] * (ROWS // 2)
PAIRS = [str(i // 2) for i in range(ROWS)]


@pytest.fixture
def table(tmp_path):
    """A function that writes a table with an empty image for each row."""
    (tmp_path / "im").mkdir()
    for i in range(ROWS):
        (tmp_path / "im" / f"{i}.png").touch()

    def write(header=True, **columns):
        columns = {"file": [f"{i}.png" for i in range(ROWS)], **columns}
        lines = [",".join(columns)] if header else []
        lines += [",".join(map(str, row)) for row in zip(*columns.values())]
        (tmp_path / "t.csv").write_text("\n".join(lines))
        return str(tmp_path / "t.csv"), {"images": str(tmp_path / "im")}

    return write


@pytest.mark.parametrize("column", ["set", "Split", "usage"])
@pytest.mark.parametrize("others", [["external"] * 4, ["eval"] * 4, ["site 2", "site 3"] * 2])
def test_splits_by_other_words_are_asked_for(table, column, others):
    source, options = table(dx=TWO, **{column: [*["train"] * (ROWS - 4), *others]})
    with pytest.raises(
        ValueError, match=rf"{column} seems to hold splits, and '{others[0]}' \(line"
    ):
        completed_options(source, options)
    assert completed_options(source, {**options, "split_column": ""})[0]["label_column"] == "dx"


@pytest.mark.parametrize(
    "values", [["train", "remark", *["x"] * (ROWS - 2)], [f"{i}" for i in range(ROWS)], TWO]
)
def test_a_word_among_others_is_no_split(table, values):
    source, options = table(dx=TWO, note=values)
    options = {**options, "label_column": "dx"}
    assert completed_options(source, options)[0]["split_column"] == ""


def test_words_for_splits_in_a_column(table):
    words = ["training"] * 12 + ["dev"] * 6 + ["Hold-Out"] * 6
    source, options = table(dx=TWO, set=words)
    found = open_source(source, options)
    assert found.splits.tolist() == ["train"] * 12 + ["val"] * 6 + ["test"] * 6


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"fold": [i % 5 for i in range(ROWS)]}, "'fold' is not used: folds of a table"),
        ({"record nr": PAIRS}, "'record nr' has 12 values in 24 rows; .*--group_column .record nr"),
        ({"code": PAIRS, "patient": PAIRS}, None),
        ({"code": list(range(ROWS))}, None),
        ({"age": PAIRS}, None),
        ({"score id": [i % 3 for i in range(ROWS)]}, None),
    ],
)
def test_columns_that_may_matter_are_noted(table, columns, told):
    source, options = table(dx=TWO, **columns)
    notes = " ".join(open_source(source, {**options, "label_column": "dx"}).notes)
    if told is None:
        assert "is not used" not in notes and "if these are patients" not in notes
    else:
        assert re.search(told, notes), notes


@pytest.mark.parametrize("name", ["Pat Nr", "PatID", "patno", "Patientennummer", "id_paciente"])
def test_patients_by_other_words(table, name):
    source, options = table(dx=TWO, **{name: PAIRS})
    assert completed_options(source, options)[0]["group_column"] == name


@pytest.mark.parametrize("stem", [False, True])
def test_a_table_without_a_header_is_refused(table, stem):
    """Its first image would be taken for the name of a column, and be lost."""
    source, options = table(header=False, dx=TWO)
    if stem:
        text = open(source).read().replace(".png", "")
        open(source, "w").write(text)
    with pytest.raises(ValueError, match=r"has no header: its first line names the image '0"):
        completed_options(source, options)
    if not stem:
        with pytest.raises(ValueError, match=r"has no header: its first line names the image '0"):
            list_unlabeled_table(source, image_folders=options["images"])


@pytest.mark.parametrize("spelled", ["{}.PNG", "IM/{}.png", r"C:\scans\IM\{}.Png"])
def test_case_does_not_count_where_one_image_fits(table, tmp_path, spelled):
    source, options = table(name=[spelled.format(i) for i in range(ROWS)], dx=TWO)
    options = {"images": str(tmp_path if "IM" in spelled else options["images"])}
    options |= {"image_column": "name", "label_column": "dx"}
    found = open_source(source, options)
    assert [path.name for path in found.files] == sorted(f"{i}.png" for i in range(ROWS))
    assert all(path.is_file() for path in found.files)


def test_case_counts_where_two_images_fit(table, tmp_path):
    (tmp_path / "im" / "a.png").touch()
    (tmp_path / "im" / "A.png").touch()
    source, options = table(name=["A.PNG", *(f"{i}.png" for i in range(1, ROWS))], dx=TWO)
    with pytest.raises(ValueError, match=r"1 of 24 rows have no image, first 'A.PNG'"):
        open_source(source, {**options, "image_column": "name", "label_column": "dx"})
