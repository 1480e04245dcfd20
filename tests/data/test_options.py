"""Arguments that belong together: objects or dictionaries, checked the same way."""

from __future__ import annotations

import pytest

from medmonai.data import (
    About,
    CaseGroups,
    ImageFiles,
    ImageForm,
    TableColumns,
    TableFile,
    list_class_folders,
    list_image_table,
    load_images,
    load_listing,
)
from medmonai.data.options import flat_parameters, grouped, option_groups

GIVEN = {
    About: {"licence": "CC0", "known_issues": ["small"]},
    CaseGroups: {"group_pattern": "^(p)"},
    ImageFiles: {"image_folders": "images", "rows_without_image": "skip"},
    ImageForm: {"spatial_size": (4, 4), "in_channels": 1},
    TableColumns: {"image_column": "i", "label_column": "y"},
    TableFile: {"path": "t.csv", "separator": ";"},
}


@pytest.mark.parametrize("kind", GIVEN)
def test_a_dictionary_is_as_good_as_an_object(kind):
    made = kind.of(GIVEN[kind], argument="it")
    assert made == kind(**GIVEN[kind]) and kind.of(made, argument="it") is made


@pytest.mark.parametrize("kind", GIVEN)
def test_a_wrong_entry_is_refused_by_name(kind):
    name = next(iter(GIVEN[kind]))
    with pytest.raises(ValueError, match=rf"^it has no '{name}s'; did you mean {name}\?$"):
        kind.of({**GIVEN[kind], f"{name}s": 1}, argument="it")
    with pytest.raises(ValueError, match="it has no 'zzzz'; its entries are "):
        kind.of({"zzzz": 1}, argument="it")
    with pytest.raises(TypeError, match=f"it is a list; give a {kind.__name__}, or a dictionary"):
        kind.of([1], argument="it")


def test_what_has_no_default_is_asked_for():
    for kind, missing in ((TableColumns, "image_column, label_column"), (TableFile, "path")):
        with pytest.raises(ValueError, match=rf"^it lacks {missing}\.$"):
            kind.of(None, argument="it")
    assert About.of(None, argument="it") == About()


def test_contradictions_are_refused_when_they_are_stated():
    for wrong, match in (
        (lambda: CaseGroups("(a)", "t.csv"), "group_pattern and group_table are both given"),
        (lambda: CaseGroups(group_column="g"), "group_column='g' is given without the group_table"),
        (lambda: TableColumns("i", "y", blank_groups="no"), "blank_groups='no' is unknown"),
        (lambda: ImageFiles(rows_without_image="no"), "rows_without_image='no' is unknown"),
    ):
        with pytest.raises(ValueError, match=match):
            wrong()


def test_the_options_of_a_command_line_are_those_of_the_objects():
    assert option_groups(load_images) == option_groups(load_listing) == {"form": ImageForm}
    flat = flat_parameters(list_image_table)
    assert {"table", "separator", "image_column", "suffix", "licence"} <= set(flat)
    assert not {"columns", "images", "about", "path"} & set(flat)
    assert flat["label_column"].default is flat["label_column"].empty
    arguments = grouped(
        list_class_folders, {"root": "r", "name": "n", "group_pattern": "^(p)", "licence": "CC0"}
    )
    assert arguments == {
        "root": "r",
        "name": "n",
        "groups": {"group_pattern": "^(p)"},
        "about": {"licence": "CC0"},
    }
    alone = grouped(list_image_table, {"table": "t.csv", "name": "n"})
    assert alone == {"table": "t.csv", "name": "n"}


def test_a_table_that_needs_its_separator_named(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    (tmp_path / "t.csv").write_text("image|y\na.png|0\nb.png|1\n")
    listing = list_image_table(
        {"path": tmp_path / "t.csv", "separator": "|"},
        {"image_column": "image", "label_column": "y"},
        name="set",
        about={"licence": "CC0", "known_issues": ["small"]},
    )
    assert listing.ids.tolist() == ["a.png", "b.png"] and listing.labels.tolist() == [0, 1]
    assert listing.provenance.licence == "CC0" and listing.provenance.known_issues == ("small",)
