"""A checkpoint is used as it was trained: the same network, size, normalization; and words that are
no truth values.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from bundle_runs import run, small, workflow, write_medmnist
from ignite.engine import Events
from PIL import Image

from medmonai.atomic_files import write_json
from medmonai.bundle.config import check_words
from medmonai.bundle.trained_input import difference, require_trained_input
from medmonai.errors import one_line

NAME = "pneumoniamnist_classification"
PLAIN = {"_target_": "medmonai.networks.resnet18", "width": 4}
TRAINED = {
    "network_def": {**PLAIN, "pretrained": "@pretrained", "freeze": "backbone"},
    "spatial_size": "$[@image_size] * 2",
    "image_size": 28,
    "normalization": [{"divisor": 0.25}],
    "learning_rate": 0.1,
}


def checkpoint(folder, **record):
    (folder / "run" / "models").mkdir(parents=True)
    write_json(TRAINED, folder / "run" / "config.json")
    write_json(record, folder / "run" / "run.json")
    return folder / "run" / "models" / "model.pt"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, ""),
        ({"a": 1}, {"a": 1, "b": None}, ""),
        ({"a": 1}, {"a": 1, "b": 2}, "b (null there, 2 now)"),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, "a#b#1#c (2 there, 3 now)"),
        ({"a": [1]}, {"a": [1, 2]}, "a ([1] there, [1, 2] now)"),
        (
            {"a": {"_target_": "x", "n": 1}},
            {"a": {"_target_": "y", "n": 1}},
            'a ({"_target_": "x", "n": 1} there, {"_target_": "y", "n": 1} now)',
        ),
    ],
)
def test_the_first_difference_is_named(old, new, expected):
    assert difference(old, new) == expected


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({}, ""),
        ({"learning_rate": 3, "batch_size": 7}, ""),  # says nothing about what the network sees
        ({"network_def": {**PLAIN, "pretrained": False}}, ""),
        ({"spatial_size": (28, 28)}, ""),
        ({"network_def": {**PLAIN, "width": 8}}, r"network_def#width \(4 there, 8 now\)"),
        ({"spatial_size": [64, 64]}, r"spatial_size#0 \(28 there, 64 now\)"),
        ({"image_size": 64}, r"image_size \(28 there, 64 now\)"),
        ({"normalization": []}, r"normalization .* was trained|trained otherwise: normalization"),
    ],
)
def test_another_input_than_in_training_is_refused(change, match, tmp_path):
    config, path = {**TRAINED, **change}, checkpoint(tmp_path, spatial_size=[28, 28])
    if not match:
        require_trained_input(config, path)
        return
    with pytest.raises(ValueError, match=match):
        require_trained_input(config, path)


def test_an_expression_is_no_size_to_compare_with(tmp_path):
    path = checkpoint(tmp_path)  # a run of a version that did not record the size
    require_trained_input({**TRAINED, "spatial_size": [28, 28]}, path)
    with pytest.raises(ValueError, match="image_size"):
        require_trained_input({**TRAINED, "image_size": 64}, path)


def test_a_checkpoint_without_its_run_is_taken_as_it_is(tmp_path):
    path = checkpoint(tmp_path)
    path.touch()
    path.rename(tmp_path / "model.pt")
    require_trained_input({**TRAINED, "normalization": []}, tmp_path / "model.pt")


@pytest.mark.parametrize(
    ("config", "match"),
    [
        (
            {"allow_leakage": "false"},
            r"allow_leakage is the text 'false'; .* takes False \(--allow_leakage False\)",
        ),
        (
            {"train": {"handlers": [{"overwrite": "TRUE"}]}},
            r"train#handlers#0#overwrite is the text 'TRUE'",
        ),
        ({"patience": "null"}, "--patience None"),
    ],
)
def test_words_that_are_no_truth_values(config, match):
    with pytest.raises(ValueError, match=match):
        check_words(config)
    check_words({"class_names": ["false", "true"], "freeze": "none", "a": False, "b": "@c"})


def test_evaluation_and_inference_take_a_checkpoint_as_it_was_trained(tmp_path):
    sources, out = write_medmnist(tmp_path, "pneumoniamnist", (28, 28)), tmp_path / "out"
    settings = small(NAME, sources, out)
    run(NAME, "train.json", **settings)
    assert json.loads((out / "run.json").read_text())["spatial_size"] == [28, 28]
    with pytest.raises(RuntimeError) as caught:
        run(
            NAME,
            "train.json",
            "evaluate.json",
            **small(NAME, sources, out, evaluate=True) | {"normalization": []},
        )
    assert (
        "was trained otherwise: normalization" in one_line(caught.value)
        and not (out / "test_opened.json").exists()
    )
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / "a.png")
    given = {
        "dataset_dir": str(tmp_path / "a.png"),
        "ckpt_path": str(out / "models" / "model.pt"),
        "network_def::network::width": 4,
        "device": torch.device("cpu"),
    }
    run(NAME, "inference.json", output_dir=str(tmp_path / "good"), **given)
    assert (tmp_path / "good" / "predictions.csv").is_file()
    with pytest.raises(RuntimeError) as caught:
        run(
            NAME,
            "inference.json",
            output_dir=str(tmp_path / "bad"),
            **given | {"spatial_size": [32, 32]},
        )
    assert "spatial_size#0 (28 there, 32 now)" in one_line(caught.value)


def test_an_inference_without_weights_says_that_it_means_nothing(tmp_path, capsys):
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / "a.png")
    given = {
        "dataset_dir": str(tmp_path / "a.png"),
        "ckpt_path": str(tmp_path / "none.pt"),
        "network_def::network::width": 4,
        "load_pretrain": False,
    }
    run(NAME, "inference.json", output_dir=str(tmp_path / "out"), **given)
    assert (tmp_path / "out" / "predictions.csv").is_file()
    assert (
        "the network has random weights, and its predictions mean nothing"
        in capsys.readouterr().out
    )
    with pytest.raises(RuntimeError) as caught:
        run(NAME, "inference.json", output_dir=str(tmp_path / "mistyped"), **given, batch_sizes=3)
    assert "config id 'batch_sizes' is not read by anything" in one_line(caught.value)
    assert not (tmp_path / "mistyped").exists()


def test_a_run_that_never_finished_an_epoch_does_not_keep_its_folder(tmp_path):
    sources, out = write_medmnist(tmp_path, "pneumoniamnist", (28, 28)), tmp_path / "out"
    settings = small(NAME, sources, out)
    flow = workflow(NAME, "train.json", **settings | {"learning_rate": 0.5})
    flow.initialize()
    flow.parser.get_parsed_content("train#trainer").add_event_handler(
        Events.EPOCH_STARTED, lambda: 1 / 0
    )
    with pytest.raises(RuntimeError):
        flow.run()
    assert (out / "config.json").is_file() and not (out / "models").exists()
    run(NAME, "train.json", **settings)
    assert json.loads((out / "run.json").read_text())["finished"]
