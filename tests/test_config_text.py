"""Marks of MONAI's configs in paths and names: what is given as text arrives as text."""

from __future__ import annotations

import pytest
from monai.bundle import ConfigParser

from medmonai.config_text import as_given, escaped, unescaped

NAMES = [
    "x@lab#1",
    "@data",
    "%data",
    "$data",
    "$@output_dir",
    "a#b::c",
    "50%",
    "it's#5",
    'a"b#',
    "back\\slash#",
    "ä#ö",
    "#",
    "new\nline#",
    "$'x'",
    "plain",
    "a@b.org/c",
    "",
    "%a.json::b",
    "@###",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_text_comes_out_of_a_config_as_it_was_given(name):
    parser = ConfigParser(
        {
            "output_dir": escaped(name),
            "output_file": "$@output_dir + '/file'",
            "list": [escaped(name)],
        }
    )
    assert parser.get_parsed_content("output_dir") == name
    assert parser.get_parsed_content("output_file") == name + "/file"
    assert parser.get_parsed_content("list") == [name]
    assert unescaped(escaped(name)) == name


def test_what_names_a_place_is_text_and_elsewhere_marks_at_the_start_keep_their_meaning():
    given = {
        "ckpt_path": "@a",
        "images::image_folders": ["$b", "c"],
        "warmup_epochs": "$@max_epochs",
        "group_column": "nr#",
        "flips": [{"_target_": "@x", "prob": 0.5, "path": "$@output_dir + '/a'"}],
        "listing#group_pattern": "^(.+)#",
        "seed": 3,
    }
    found = as_given(given)
    assert {name: unescaped(value) for name, value in found.items() if isinstance(value, str)} == {
        name: value for name, value in given.items() if isinstance(value, str)
    }
    assert [unescaped(part) for part in found["images::image_folders"]] == ["$b", "c"]
    assert (
        found["warmup_epochs"] == "$@max_epochs"
        and found["flips"] == given["flips"]
        and found["seed"] == 3
    )
    assert all(
        "#" not in found[name] and not found[name].startswith("@")
        for name in ("ckpt_path", "group_column")
    )
    assert as_given(found) == found
