"""The dataset of a recipe is checked, and the recipe of the docs makes a bundle of volumes that
runs.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
from bundle_runs import RECIPES

from medmonai.bundle import complete_recipe, render_bundle, run_bundle, write_bundle
from medmonai.data.sources.groups import groups_by_pattern

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how_to" / "your_own_images.md"
NETWORK = {"_target_": "medmonai.networks.resnet18"}
LEAST = {"title": "t", "dataset": {"medmnist": "breastmnist", "size": 28}, "network": NETWORK}


def recipe_of_the_docs():
    (text,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return json.loads(text)


@pytest.mark.parametrize(
    ("part", "change", "match"),
    [
        (
            "listing",
            {"groupes": {}},
            "listing holds 'groupes', which no bundle reads; did you mean groups",
        ),
        (
            "listing",
            {"groups": {"grop_pattern": "x"}},
            "listing#groups holds 'grop_pattern', .*; did you mean group_pattern",
        ),
        ("listing", {"licence": "CC0"}, "'licence', which belongs in 'about': write \"about\": {"),
        ("listing", {"_target_": "medmonai.data.list_image_table"}, "listing holds 'root'"),
        (
            "splits",
            {"val_frac": 0.2},
            "splits holds 'val_frac', which no bundle reads; did you mean val_fraction",
        ),
        ("splits", {"file": "x"}, "splits holds 'file'"),
        ("form", {"spacings": [1, 1, 1]}, "form holds 'spacings', .*did you mean spacing"),
        ("", {"split": {}}, "dataset holds 'split', .*did you mean splits"),
    ],
)
def test_arguments_that_the_run_would_refuse(part, change, match):
    dataset = recipe_of_the_docs()["dataset"]
    dataset = {**dataset, part: {**dataset[part], **change}} if part else {**dataset, **change}
    with pytest.raises(ValueError, match=match):
        render_bundle("a_classification", {**LEAST, "dataset": dataset})


def test_arguments_that_are_missing():
    dataset = recipe_of_the_docs()["dataset"]
    with pytest.raises(ValueError, match="dataset lacks task, size; listing, task"):
        render_bundle(
            "a_classification",
            {**LEAST, "dataset": {k: v for k, v in dataset.items() if k not in ("task", "size")}},
        )
    with pytest.raises(ValueError, match="listing lacks _target_"):
        render_bundle("a_classification", {**LEAST, "dataset": {**dataset, "listing": {}}})
    table = {
        "_target_": "medmonai.data.list_image_table",
        "table": "t.csv",
        "name": "n",
        "columns": {"image_column": "id"},
    }
    with pytest.raises(ValueError, match="listing#columns lacks label_column; image_column, "):
        render_bundle("a_classification", {**LEAST, "dataset": {**dataset, "listing": table}})


def test_a_listing_of_ones_own_is_not_looked_into():
    dataset = {
        **recipe_of_the_docs()["dataset"],
        "listing": {"_target_": "scripts.listing.mine", "folder": "x"},
    }
    train = json.loads(
        render_bundle("a_classification", {**LEAST, "dataset": dataset})["configs/train.json"]
    )
    assert (
        train["splits_file_missing"] == "error"
        and train["planned_listing"]["file_missing"] == "@splits_file_missing"
    )


@pytest.mark.parametrize("names", [["one"], [], "control", [1, 2], ["a", ""], None])
def test_class_names_of_another_kind(names):
    dataset = recipe_of_the_docs()["dataset"] | {"class_names": names}
    with pytest.raises(
        ValueError, match=r"dataset#class_names is .*(at least two texts are|a list is) needed"
    ):
        render_bundle("a_classification", LEAST | {"dataset": dataset})


@pytest.fixture
def volumes(tmp_path):
    """36 patients with CT-like volumes of several sizes, orientations and spacings; disease is a
    bright ball.
    """
    rng = np.random.default_rng(0)
    for i in range(36):
        disease = i % 2
        size = tuple(rng.integers(16, 24, 3))
        places = (
            np.stack(np.meshgrid(*map(np.arange, size), indexing="ij"), axis=-1)
            - np.array(size) / 2
        )
        values = rng.normal(-800, 50, size) + 700 * disease * (np.linalg.norm(places, axis=-1) < 4)
        affine = np.diag([-3.0, 3.0, 4.0, 1.0]) if i % 3 else np.diag([3.0, 3.0, 3.0, 1.0])
        folder = tmp_path / "ct" / ("control", "disease")[disease]
        folder.mkdir(parents=True, exist_ok=True)
        nibabel.save(
            nibabel.Nifti1Image(values.astype(np.int16), affine), folder / f"p{i:03d}_scan.nii.gz"
        )
    return tmp_path / "ct"


def test_the_recipe_of_the_docs_trains_on_volumes_and_explains_them_in_their_own_space(
    volumes, tmp_path
):
    bundle = write_bundle("chest_ct_classification", recipe_of_the_docs(), tmp_path)
    settings = {
        "dataset_dir": str(volumes),
        "max_epochs": 15,
        "average_decay": 0.5,
        "network_def#width": 4,
        "spatial_size": [16, 16, 16],
    }
    metrics = run_bundle(bundle, output_dir=tmp_path / "out", overrides=settings)
    assert metrics["splits"]["test"]["auc"]["estimate"] > 0.7
    maps = sorted((tmp_path / "out" / "saliency").glob("*.nii.gz"))
    assert maps
    for path in maps:
        name = re.search(r"(control|disease)_(p\d+_scan)", path.name)
        own, found = nibabel.load(volumes / name[1] / f"{name[2]}.nii.gz"), nibabel.load(path)
        assert found.shape == own.shape and np.allclose(found.affine, own.affine)
    for file in (tmp_path / "out").rglob("*.json"):
        assert str(volumes) not in file.read_text() or file.name in (
            "config.json",
            "evaluate_config.json",
        )
    assert str(volumes) not in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("person100_virus_184.jpeg", "person100_virus"),
        (
            "person100_bacteria_475.jpeg",
            "person100_bacteria",
        ),  # another person: numbers are used again
        ("IM-0115-0001.jpeg", "IM-0115"),
        ("NORMAL2-IM-0366-0001-0002.jpeg", "NORMAL2-IM-0366"),
        # the same images, as another version names them
        ("NORMAL-1049278-0001.jpeg", "NORMAL-1049278"),
        ("BACTERIA-1008087-0002.jpeg", "BACTERIA-1008087"),
        ("VIRUS-1009-0001.jpeg", "VIRUS-1009"),
        ("00000042_001.png", "00000042"),  # NIH ChestX-ray8
    ],
)
def test_patients_of_chest_x_rays_by_their_names(name, patient):
    pattern = RECIPES["chest_xray_classification"]["dataset"]["ids"]["group_pattern"]
    assert groups_by_pattern([name], pattern).tolist() == [patient]


@pytest.mark.parametrize(
    "text",
    ["$__import__('os').system('touch canary')", "@output_dir", "%train.json", "stage #2", "a::b"],
)
def test_class_names_that_monai_would_evaluate_are_refused(text):
    dataset = {
        "listing": {},
        "class_names": ["healthy", text],
        "task": "binary",
        "in_channels": 1,
        "size": [8, 8],
    }
    recipe = {
        "title": "Mine",
        "dataset": dataset,
        "network": {"_target_": "medmonai.networks.resnet18"},
    }
    with pytest.raises(ValueError, match=r"class_names holds .*would not leave as text"):
        complete_recipe("mine_classification", recipe)
    of_source = {"listing": {"class_names": {text: "a", "y": "b"}}, "class_names": ["a", "b"]}
    if "#" in text or "::" in text:  # as a key of a config, MONAI would take it for two
        with pytest.raises(ValueError, match="class_names holds"):
            complete_recipe("mine_classification", {**recipe, "dataset": {**dataset, **of_source}})
    if text[0] in "$@%":
        with pytest.raises(ValueError, match="title holds"):
            complete_recipe(
                "mine_classification",
                {**recipe, "title": text, "dataset": {**dataset, "class_names": ["a", "b"]}},
            )
