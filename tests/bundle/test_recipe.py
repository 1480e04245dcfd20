"""A recipe is read, checked and completed, and a bundle is not written over."""

from __future__ import annotations

import json

import pytest
from bundle_runs import RECIPES

from medmonai.bundle import complete_recipe, read_recipe, render_bundle, write_bundle

NETWORK = {"_target_": "medmonai.networks.resnet18"}
LEAST = {"title": "t", "dataset": {"medmnist": "breastmnist", "size": 28}, "network": NETWORK}


def test_the_least_recipe_renders_and_what_it_says_goes_before_the_defaults():
    train = json.loads(render_bundle("a_classification", LEAST)["configs/train.json"])
    assert (train["max_epochs"], train["batch_size"], train["patience"]) == (20, 32, None)
    assert complete_recipe("a_classification", {**LEAST, "flip_axes": [1]})["averaged_flips"] == [1]
    assert (
        complete_recipe("a_classification", {**LEAST, "flip_axes": [1], "averaged_flips": []})[
            "averaged_flips"
        ]
        == []
    )


@pytest.mark.parametrize(
    ("name", "change", "match"),
    [
        ("a", {}, "has to end in '_classification'"),
        ("a_classification", {"epoch": 3}, "'epoch', which no bundle reads; did you mean epochs"),
        ("a_classification", {"zzz": 3}, "known are title, dataset"),
        (
            "a_classification",
            {"dataset": {"folder": "x"}},
            "dataset of a recipe holds folder; one of medmnist, phantom, listing",
        ),
        ("a_classification", {"dataset": {"medmnist": "breastmist", "size": 28}}, "breastm"),
        (
            "a_classification",
            {"class_weights": "balanced", "balance": "oversample"},
            "'oversample' corrects .* sizes twice",
        ),
        (
            "a_classification",
            {"class_weights": "balanced", "balance": {"strategy": "cap", "cap": 9}},
            "set balance to none",
        ),
    ],
)
def test_recipes_that_do_not_do(name, change, match):
    with pytest.raises(ValueError, match=match):
        render_bundle(name, LEAST | change)


def test_a_recipe_that_lacks_something():
    with pytest.raises(ValueError, match="lacks dataset, network"):
        complete_recipe("a_classification", {"title": "t"})


def test_recipe_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no recipe at"):
        read_recipe(tmp_path / "none.json")
    for text, match in (
        ('{"title": "x",\n 3}', "recipe.json, line 2, column 2: .*not valid JSON"),
        ("[]", "holds a list"),
        ('{"title": "x", "title": "y"}', "'title' occurs twice"),
    ):
        (tmp_path / "recipe.json").write_text(text)
        with pytest.raises(ValueError, match=match):
            read_recipe(tmp_path / "recipe.json")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_recipes_as_windows_saves_them(tmp_path, encoding):
    text = json.dumps({**LEAST, "title": "Gr\u00f6\u00dfe"}, ensure_ascii=False)
    (tmp_path / "recipe.json").write_text(text, encoding=encoding)
    assert read_recipe(tmp_path / "recipe.json")["title"] == "Gr\u00f6\u00dfe"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"title": 3}, "the recipe of a_classification: title is 3; a text is needed"),
        ({"dataset": []}, r"dataset is \[\]; an object is needed"),
        ({"dataset": None}, "dataset is null; an object is needed"),
        ({"network": {"_target_": 3}}, "network#_target_ is 3; a text is needed"),
        ({"noise": [{"_target_": None}]}, "noise#0#_target_ is null; a text"),
        ({"noise": "x"}, 'noise is "x"; a list is needed'),
        ({"epochs": "two"}, 'epochs is "two"; a whole number'),
        ({"epochs": True}, "epochs is true; a whole number"),
        ({"transfer": 1}, "transfer is 1; true or false is needed"),
        ({"learning_rate": "0_1"}, "learning_rate is .*; a number"),
    ],
)
def test_values_of_another_kind(change, match):
    with pytest.raises(ValueError, match=match):
        render_bundle("a_classification", LEAST | change)


def test_a_bundle_is_not_written_over(tmp_path):
    path = write_bundle("a_classification", LEAST, tmp_path, overwrite=False)
    (path / "docs" / "README.md").write_text("mine")
    with pytest.raises(FileExistsError, match="exists and is not changed"):
        write_bundle("a_classification", LEAST, tmp_path, overwrite=False)
    assert (path / "docs" / "README.md").read_text() == "mine"


def test_every_shipped_recipe_says_question_recipe_and_result():
    for name, recipe in RECIPES.items():
        assert all(recipe[part] for part in ("question", "recipe", "result")), name
