"""One order of the classes in recipe, listing, training, weights, metadata and inference; another
one is refused.
"""

from __future__ import annotations

import csv
import json

import nibabel
import numpy as np
import pytest
import torch
from bundle_runs import run, small, write_medmnist
from PIL import Image

from medmonai.bundle import render_bundle, run_bundle, write_bundle
from medmonai.bundle.class_order import check_metadata
from medmonai.engines import load_checkpoint, recorded_classes
from medmonai.errors import one_line
from medmonai.predictions import read_predictions

NETWORK = {"_target_": "medmonai.networks.resnet10"}
LEAST = {"title": "t", "network": NETWORK}
FOLDERS = {
    "_target_": "medmonai.data.list_class_folders",
    "root": "$medmonai.data.in_dataset_dir(@dataset_dir)",
    "name": "set",
}
TABLE = {
    "_target_": "medmonai.data.list_image_table",
    "table": "t.csv",
    "name": "set",
    "columns": {"image_column": "image", "label_column": "label"},
    "images": {"image_folders": "."},
}


def recipe(names, *, task="binary", listing=FOLDERS, size=(8, 8), **more):
    """A recipe whose listing says no order of its own, unless one is given."""
    dataset = {
        "listing": listing,
        "task": task,
        "class_names": names,
        "in_channels": 1,
        "size": list(size),
        "source": "drawn",
        "splits": {"val_fraction": 0.25, "test_fraction": 0.25},
        **more,
    }
    return {"title": "t", "dataset": dataset, "network": {**NETWORK, "width": 4}}


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
    assert channels == (
        {"0": names[1]} if task == "binary" else {str(c): name for c, name in enumerate(names)}
    )


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


@pytest.fixture(scope="module", params=[(8, 8), (8, 8, 8)], ids=["2D", "3D"])
def trained(request, tmp_path_factory):
    """Folders `abnormal` and `normal`, whose recipe wants abnormal to be class 1; the bundle is
    trained on them.
    """
    folder, size = tmp_path_factory.mktemp("set"), request.param
    rng = np.random.default_rng(0)
    for c, name in enumerate(("abnormal", "normal")):
        (folder / "data" / name).mkdir(parents=True)
        for i in range(24):
            image = np.clip(rng.integers(0, 120, size) + 120 * (1 - c), 0, 255).astype(np.uint8)
            if len(size) == 2:
                Image.fromarray(image).save(folder / "data" / name / f"{i}.png")
            else:
                nibabel.save(
                    nibabel.Nifti1Image(image, np.eye(4)), folder / "data" / name / f"{i}.nii.gz"
                )
    bundle = write_bundle("order_classification", recipe(["normal", "abnormal"], size=size), folder)
    settings = {
        "dataset_dir": str(folder / "data"),
        "max_epochs": 2,
        "batch_size": 16,
        "cache_dir": str(folder / "cache"),
    }
    run_bundle(bundle, output_dir=folder / "out", overrides=settings)
    (folder / "alone").mkdir()
    (folder / "alone" / "model.pt").write_bytes(
        (folder / "out" / "models" / "model.pt").read_bytes()
    )
    return folder, settings


def infer(folder, output, **overrides):
    run(
        str(folder / "order_classification"),
        "inference.json",
        dataset_dir=str(folder / "data"),
        output_dir=str(output),
        device=torch.device("cpu"),
        **{"ckpt_path": str(folder / "alone" / "model.pt"), **overrides},
    )
    return list(csv.DictReader((output / "predictions.csv").open()))


def test_training_and_inference_with_loose_weights_call_a_case_by_the_same_name(trained, tmp_path):
    folder, _ = trained
    table = read_predictions(folder / "out" / "predictions_test.csv")
    assert table.class_names == ("normal", "abnormal")
    assert [table.class_names[label] for label in table.y_true] == [
        name.split("/")[0] for name in table.ids
    ]
    assert json.loads((folder / "out" / "run.json").read_text())["class_names"] == [
        "normal",
        "abnormal",
    ]
    rows = {row["id"]: row for row in infer(folder, tmp_path)}
    for case, scores in zip(table.ids, table.y_score):
        found = [float(rows[case][f"score_{name}"]) for name in table.class_names]
        np.testing.assert_allclose(found, scores, atol=1e-5)


@pytest.mark.parametrize("checkpoint", ["alone/model.pt", "out/models/model.pt"])
def test_inference_refuses_another_order_than_its_weights_were_trained_for(
    trained, checkpoint, tmp_path
):
    folder, _ = trained
    with pytest.raises(RuntimeError) as caught:
        infer(
            folder, tmp_path, class_names=["abnormal", "normal"], ckpt_path=str(folder / checkpoint)
        )
    said = one_line(caught.value)
    assert (
        "was trained for the classes 0 normal, 1 abnormal, and this config says 0 abnormal, 1 "
        "normal"
    ) in said
    assert not (tmp_path / "predictions.csv").exists()


def test_weights_that_say_nothing_are_taken_for_the_bundles(trained, tmp_path):
    folder, _ = trained
    state = load_checkpoint(folder / "alone" / "model.pt")
    assert recorded_classes(state) == ["normal", "abnormal"] == recorded_classes({"model": state})
    del state.class_names
    torch.save(state, tmp_path / "silent.pt")
    assert infer(folder, tmp_path / "good", ckpt_path=str(tmp_path / "silent.pt"))
    with pytest.raises(RuntimeError) as caught:
        infer(
            folder,
            tmp_path / "bad",
            ckpt_path=str(tmp_path / "silent.pt"),
            class_names=["abnormal", "normal"],
        )
    assert "silent.pt does not say what it was trained for" in one_line(caught.value)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            {"listing#class_names": ["abnormal", "normal"]},
            "the classes of train#dataset are 0 abnormal, 1 normal, those of the bundle 0 n",
        ),
        (
            {"listing#class_names": {"normal": "no", "abnormal": "yes"}},
            "are 0 no, 1 yes, those of the bundle 0 normal, 1 abnormal",
        ),
    ],
)
def test_training_refuses_data_in_another_order_than_the_bundles(trained, change, match, tmp_path):
    folder, settings = trained
    with pytest.raises(RuntimeError) as caught:
        run_bundle(
            folder / "order_classification",
            output_dir=tmp_path / "out",
            overrides={**settings, **change},
        )
    assert match in one_line(caught.value) and not (tmp_path / "out").exists()


def test_a_bundle_that_contradicts_itself_neither_trains_nor_infers(trained, tmp_path):
    folder, settings = trained
    metadata = folder / "order_classification" / "configs" / "metadata.json"
    kept = metadata.read_text()
    metadata.write_text(kept.replace('"0": "abnormal"', '"0": "normal"'))
    try:
        for call in (
            lambda: infer(folder, tmp_path / "inference"),
            lambda: run_bundle(
                folder / "order_classification", output_dir=tmp_path / "out", overrides=settings
            ),
        ):
            with pytest.raises(RuntimeError) as caught:
                call()
            assert "metadata.json has channel_def 0 normal" in one_line(caught.value)
    finally:
        metadata.write_text(kept)
    assert not (tmp_path / "out").exists() and not (tmp_path / "inference").exists()


def test_another_positive_class_on_the_command_line_is_that_of_the_weights(trained, tmp_path):
    folder, settings = trained
    settings = {**settings, "positive_class": "Normal", "max_epochs": 1}
    metrics = run_bundle(
        folder / "order_classification", output_dir=tmp_path / "out", overrides=settings
    )
    assert metrics["splits"]["test"]["positive_class"] == "normal"
    weights = str(tmp_path / "out" / "models" / "model.pt")
    with pytest.raises(RuntimeError) as caught:
        infer(folder, tmp_path / "bad", ckpt_path=weights)
    assert """--class_names '["abnormal", "normal"]'""" in one_line(caught.value)
    assert infer(folder, tmp_path / "good", ckpt_path=weights, class_names=["abnormal", "normal"])


def test_the_evaluation_of_a_medmnist_set_needs_the_positive_class_of_its_training(tmp_path):
    name = "breastmnist_classification"
    sources, out = write_medmnist(tmp_path, "breastmnist", (28, 28)), tmp_path / "out"
    run(name, "train.json", **small(name, sources, out), positive_class="malignant")
    assert json.loads((out / "run.json").read_text())["class_names"] == [
        "normal, benign",
        "malignant",
    ]
    evaluation = small(name, sources, out, evaluate=True)
    with pytest.raises(RuntimeError) as caught:
        run(name, "train.json", "evaluate.json", **evaluation)
    assert "was trained for the classes 0 normal, benign, 1 malignant" in one_line(caught.value)
    assert not (out / "test_opened.json").exists()
    run(name, "train.json", "evaluate.json", **evaluation, positive_class="malignant")
    assert (
        json.loads((out / "metrics.json").read_text())["splits"]["test"]["positive_class"]
        == "malignant"
    )


def test_another_set_than_the_bundles_is_refused(tmp_path):
    name = "pneumoniamnist_classification"
    sources, out = write_medmnist(tmp_path, "breastmnist", (28, 28)), tmp_path / "out"
    with pytest.raises(RuntimeError) as caught:
        run(
            name,
            "train.json",
            **small(name, sources, out),
            **dict.fromkeys(
                ("train::dataset::name", "validate::dataset::name", "audit::cohorts::2::name"),
                "breastmnist",
            ),
        )
    assert "those of the bundle 0 normal, 1 pneumonia: a label would mean two things" in one_line(
        caught.value
    )
    assert not out.exists()
