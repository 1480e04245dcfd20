"""Overrides of a bundle: what is merged, what belongs to which config, and ids that nothing has."""

from __future__ import annotations

import json
import shutil

import pytest
from bundle_runs import BUNDLES, run, small

from medmonai.bundle import (
    EVALUATE,
    bundle_config,
    bundle_configs,
    commands,
    split_overrides,
    without_places,
)

PNEUMONIA = BUNDLES / "pneumoniamnist_classification"
PHANTOM = "lesion_phantom_classification"


def test_the_merged_config_is_the_one_that_runs(tmp_path):
    settings = small(PHANTOM, None, tmp_path)
    run(PHANTOM, "train.json", **settings)
    merged = json.loads(json.dumps(bundle_config(BUNDLES / PHANTOM, settings)))
    assert without_places(merged) == without_places(
        json.loads((tmp_path / "config.json").read_text())
    )


def test_overrides_change_what_they_name_and_nothing_else():
    plain = bundle_config(PNEUMONIA, files=EVALUATE)
    changed = bundle_config(
        PNEUMONIA, {"optimizer#lr": 1, "train::balance::strategy": "none"}, files=EVALUATE
    )
    assert changed["optimizer"]["lr"] == 1 and changed["train"]["balance"]["strategy"] == "none"
    changed["optimizer"]["lr"], changed["train"]["balance"] = (
        plain["optimizer"]["lr"],
        plain["train"]["balance"],
    )
    assert changed == plain and "_meta_" not in plain


def test_an_id_of_the_evaluation_is_not_given_to_the_training():
    given = {"max_epochs": 2, "flip_axes": [], "train#flips": [], "optimizer#lr": 2}
    of_train, of_evaluate = split_overrides(PNEUMONIA, given)
    assert of_evaluate == given and set(given) - set(of_train) == {"flip_axes"}
    first, second = commands(PNEUMONIA, given)
    assert "--flip_axes" not in first and "--flip_axes" in second


@pytest.mark.parametrize(
    "name",
    [
        "loss#label_smoothing",
        "stage#start_epoch",
        "validate::dataset::split",
        "optimizer#dampening",
        "train#augmentation",
        "checkpoint#_disabled_",
    ],
)
def test_ids_that_are_there_or_that_a_component_takes(name):
    assert split_overrides(PNEUMONIA, {name: 1})[0] == {name: 1}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("max_epoch", "did you mean --max_epochs"),
        ("train#augmentatoin", "did you mean --train#augmentation"),
        ("train::dataloader::batch_sise", "did you mean --train#dataloader#batch_size"),
        ("optimizer#nestorov", "did you mean --optimizer#nesterov"),
        (
            "train#handlers#99",
            (
                r"known are train#handlers#0; only a config file adds to a list or a dict: "
                r".*--config_file"
            ),
        ),
        ("early_stoping#patience", "did you mean --early_stopping"),
        ("max_epochs#value", r"max_epochs is a single value and has no parts\.$"),
        ("train#dataset#nam", "did you mean --train#dataset#name"),
        ("zzz", "known are "),
    ],
)
def test_ids_that_nothing_has(name, hint):
    with pytest.raises(
        ValueError,
        match=f"config id '{name}' does not exist in pneumoniamnist_classification; .*{hint}",
    ):
        split_overrides(PNEUMONIA, {name: 1})


@pytest.mark.parametrize("name", ["train.json", "evaluate.json"])
def test_a_config_that_is_not_valid_json_is_named_with_the_line(name, tmp_path):
    bundle = tmp_path / "mine_classification"
    shutil.copytree(PNEUMONIA, bundle)
    text = (bundle / "configs" / name).read_text()
    (bundle / "configs" / name).write_text(text.replace('",', '"', 1))
    with pytest.raises(
        ValueError,
        match=rf"^{name}, line \d+, column \d+: Expecting ',' delimiter; the file is not valid",
    ):
        split_overrides(bundle, {})


@pytest.mark.parametrize("name", ["+train#handlers", "+train::handlers", "+optimizer"])
def test_an_override_adds_to_nothing(name):
    """MONAI takes the "+" of a config file only; of an override it makes an id of that name."""
    with pytest.raises(
        ValueError, match=rf"'\{name}' cannot be an override; only a config file adds .*'mine.json'"
    ):
        split_overrides(PNEUMONIA, {name: []})


def test_a_bundle_that_is_not_there():
    with pytest.raises(FileNotFoundError, match=r"did you mean .*pneumoniamnist_classification"):
        bundle_configs(BUNDLES / "pneumoniamnist_clasification")
