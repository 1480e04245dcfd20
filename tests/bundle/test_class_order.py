"""One order of the classes in recipe, listing and metadata; another one is refused."""

from __future__ import annotations

import json

import pytest
from class_order_recipes import FOLDERS, NETWORK, recipe

from medmonai.bundle import render_bundle
from medmonai.bundle.class_order import check_metadata

LEAST = {"title": "t", "network": NETWORK}
TABLE = {
    "_target_": "medmonai.data.list_image_table",
    "table": "t.csv",
    "name": "set",
    "columns": {"image_column": "image", "label_column": "label"},
    "images": {"image_folders": "."},
}


def configs(content):
    rendered = render_bundle("a_classification", content)
    return [
        json.loads(rendered[f"configs/{name}.json"]) for name in ("train", "inference", "metadata")
    ]


@pytest.mark.parametrize(
    ("task", "names", "listing"),
    [
        ("binary", ["normal", "abnormal"], FOLDERS),
        ("multiclass", ["c", "a", "b"], FOLDERS),
        ("ordinal", ["mild", "bad"], FOLDERS),
        (
            "multilabel",
            ["Oedema", "Effusion"],
            {**TABLE, "columns": {"image_column": "image", "label_column": ["oedema", "effusion"]}},
        ),
        ("binary", ["ill", "0"], TABLE),
    ],
)
def test_the_classes_of_the_dataset_are_handed_to_a_listing_that_says_none(task, names, listing):
    train, inference, metadata = configs(recipe(names, task=task, listing=listing))
    ordered = (
        "$medmonai.data.positive_last(@class_names, @positive_class)"
        if task == "binary"
        else "@class_names"
    )
    assert (
        train["listing"]["class_names"] == ordered
        and train["class_names"] == names == inference["class_names"]
    )
    assert ("positive_class" in train) == (task == "binary")
    channels = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    assert channels == {str(c): name for c, name in enumerate(names)}


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (
            recipe(["b", "a"], listing={**FOLDERS, "class_names": ["a", "b"]}),
            r"class_names=\['b', 'a'\] in dataset and \['a', 'b'\] in",
        ),
        (
            recipe(["ill", "well"], listing={**FOLDERS, "class_names": {"1": "well", "0": "ill"}}),
            r"\['well', 'ill'\] in listing",
        ),
        (
            recipe(
                ["a", "b", "c"], task="ordinal", listing={**TABLE, "class_names": ["a", "c", "b"]}
            ),
            "both are the order of the labels",
        ),
        (
            recipe(
                ["a", "b"],
                task="multilabel",
                listing={**TABLE, "columns": {"image_column": "image", "label_column": ["B", "A"]}},
            ),
            "name the columns B, A in another order",
        ),
        (
            recipe(["a", "b"], positive_class="a"),
            r"dataset: class_names=\['a', 'b'\] put 'b' last.*give class_names=\['b', 'a'\]",
        ),
        (recipe(["a", "b"], listing={**FOLDERS, "positive_class": "a"}), "listing: class_names"),
        (recipe(["a", "b"], positive_class="c"), "positive_class='c' is not a class"),
        (
            recipe(["a", "b", "c"], task="multiclass", positive_class="c"),
            "positive_class='c' in dataset of a multiclass task",
        ),
        (
            {
                **LEAST,
                "dataset": {
                    "medmnist": "breastmnist",
                    "size": 28,
                    "class_names": ["normal, benign", "malignant"],
                },
            },
            (
                r"the labels of this set mean \['malignant', 'normal, benign'\], in this "
                r"order.*give positive_class"
            ),
        ),
        (
            {
                **LEAST,
                "dataset": {"medmnist": "organmnist3d", "size": 28, "positive_class": "liver"},
            },
            "a multiclass task",
        ),
        (
            {
                **LEAST,
                "dataset": {"medmnist": "breastmnist", "size": 28, "positive_class": "benign"},
            },
            "positive_class='benign' is not a",
        ),
        (
            {
                **LEAST,
                "dataset": {
                    "phantom": {"spatial_size": [12, 12]},
                    "train_cases": 48,
                    "class_names": ["lesion", "normal"],
                },
            },
            "the labels of this set mean",
        ),
    ],
)
def test_two_orders_in_one_recipe_are_refused(content, match):
    with pytest.raises(ValueError, match=match):
        render_bundle("a_classification", content)


def test_a_medmnist_set_with_another_positive_class():
    content = {
        **LEAST,
        "dataset": {"medmnist": "breastmnist", "size": 28, "positive_class": "malignant"},
    }
    train, inference, metadata = configs(content)
    assert (
        train["positive_class"] == "malignant"
        and train["train"]["dataset"]["positive_class"] == "@positive_class"
    )
    assert inference["class_names"] == ["normal, benign", "malignant"]
    assert metadata["label_classes"] == "0: normal, benign, 1: malignant"
    check_metadata(inference["class_names"], metadata)


@pytest.mark.parametrize(
    ("names", "metadata", "match"),
    [
        (["a", "b"], {}, ""),
        (None, {"label_classes": "0: x"}, ""),
        (["a", "b"], {"label_classes": "0: a, 1: b"}, ""),
        (["a", "b"], {"label_classes": "healthy or ill"}, ""),
        (
            ["a", "b"],
            {"label_classes": "0: b, 1: a"},
            "label_classes '0: b, 1: a', inference.json class_names 0 a, 1 b",
        ),
        (["a, b", "c"], {"label_classes": "0: a, b, 1: c"}, ""),
        (["c", "a, b"], {"label_classes": "0: a, b, 1: c"}, "in two ways"),
        (["a", "b"], {"channels": {"0": "b"}}, ""),
        (["a", "b"], {"channels": {"0": "a"}}, "channel_def 0 a, inference"),
        (["a", "b", "c"], {"channels": {"0": "a", "1": "b", "2": "c"}}, ""),
        (
            ["a", "b", "c"],
            {"channels": {"0": "a", "1": "c", "2": "b"}},
            "channel_def 0 a, 1 c, 2 b",
        ),
    ],
)
def test_metadata_that_names_the_classes_otherwise(names, metadata, match):
    channels = metadata.get("channels")
    content = (
        {"network_data_format": {"outputs": {"pred": {"channel_def": channels}}}}
        if channels
        else metadata
    )
    if not match:
        check_metadata(names, content)
        return
    with pytest.raises(ValueError, match=match):
        check_metadata(names, content)
