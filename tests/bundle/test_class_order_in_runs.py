"""One order of the classes in training, weights, evaluation and inference; another is refused."""

from __future__ import annotations

import csv
import json

import nibabel
import numpy as np
import pytest
import torch
from bundle_runs import run, small, write_medmnist
from class_order_recipes import recipe
from PIL import Image

from medmonai.bundle import run_bundle, write_bundle
from medmonai.engines import load_checkpoint, recorded_classes
from medmonai.errors import one_line
from medmonai.predictions import read_predictions


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
    metadata.write_text(kept.replace('"1": "abnormal"', '"1": "normal"'))
    try:
        for call in (
            lambda: infer(folder, tmp_path / "inference"),
            lambda: run_bundle(
                folder / "order_classification", output_dir=tmp_path / "out", overrides=settings
            ),
        ):
            with pytest.raises(RuntimeError) as caught:
                call()
            assert "metadata.json has channel_def 0 normal, 1 normal" in one_line(caught.value)
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
