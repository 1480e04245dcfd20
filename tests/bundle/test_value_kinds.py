"""Values of the wrong kind are refused with their id before any data is read, in every bundle."""

from __future__ import annotations

import json

import pytest
from bundle_runs import BUNDLES, STEPS, is_plain

from medmonai.bundle import split_overrides
from medmonai.bundle.value_kinds import KINDS, check_values

NAMES = sorted(path.name for path in BUNDLES.glob("*_classification"))


@pytest.mark.parametrize("name", NAMES)
def test_every_plain_id_of_every_bundle_has_a_kind_that_its_value_fits(name):
    for file in ("train.json", "evaluate.json", "inference.json"):
        config = json.loads((BUNDLES / name / "configs" / file).read_text())
        plain = {
            key for key, value in config.items() if is_plain(value) and "::" not in key
        } - STEPS
        lists = {key for key in plain if config[key] == [] or key == "normalization"}
        assert plain - lists <= set(KINDS), f"{file}: {plain - lists - set(KINDS)}"
        check_values(config)
    split_overrides(BUNDLES / name, {})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_epochs", "two"),
        ("max_epochs", 0),
        ("max_epochs", -1),
        ("max_epochs", 2.5),
        ("max_epochs", True),
        ("device", "gpu"),
        ("device", "cuda:99"),
        ("seed", "x"),
        ("seed", 2**32),
        ("batch_size", 0),
        ("learning_rate", -1),
        ("learning_rate", float("nan")),
        ("learning_rate", "1e-3"),
        ("precision", "fp8"),
        ("spatial_size", 28),
        ("spatial_size", [28]),
        ("label_smoothing", 1),
        ("patience", 0),
        ("allow_leakage", "yes"),
        ("class_weights", [1, 0]),
    ],
)
def test_wrong_kinds_are_refused_by_name(key, value):
    with pytest.raises(ValueError, match=f"^{key}=.*needed"):
        split_overrides(BUNDLES / "lesion_phantom_classification", {key: value})


def test_shares_ranges_and_names():
    for given, message in (
        ({"val_fraction": 1.5}, "val_fraction=1.5; a share"),
        ({"intensity_range": [1, 1]}, r"intensity_range=\[1, 1\]; a list \[low, high\]"),
        ({"group_pattern": "("}, r"group_pattern='\('; a regular expression"),
        (
            {"class_names": ["a", "b", "c"], "network_def": {"num_classes": 1}},
            "holds 3 names; the network has 2 classes",
        ),
        (
            {"class_names": ["a", "b"], "network_def": {"num_classes": 4}},
            "holds 2 names; the network has 4 classes",
        ),
        (
            {"network_def": {"_target_": "medmonai.networks.resnet19"}},
            "did you mean medmonai.networks.resnet1",
        ),
        (
            {"network_def": {"_target_": "monai.networks.nets.DenseNet122"}},
            "did you mean monai.networks.nets.DenseNet12",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            check_values(given)


def test_expressions_references_and_null_are_left_to_monai():
    check_values(
        {
            "max_epochs": "$2 + 1",
            "warmup_epochs": "@max_epochs",
            "patience": None,
            "val_fraction": None,
        }
    )


TWICE = (
    "class_weights='balanced' with .*=.* corrects the classes' sizes twice; set .* to none or "
    "class_weights to null"
)


# both oversample
@pytest.mark.parametrize("name", ["pneumoniamnist_classification", "vesselmnist3d_classification"])
def test_classes_are_balanced_once(name):
    bundle = BUNDLES / name
    with pytest.raises(ValueError, match=TWICE):
        split_overrides(bundle, {"class_weights": "balanced"})
    for value in ("cap", "target", "dual"):
        with pytest.raises(ValueError, match=f"train#balance#strategy='{value}' corrects"):
            split_overrides(bundle, {"train#balance#strategy": value, "class_weights": "balanced"})
    with pytest.raises(ValueError, match=TWICE):
        split_overrides(bundle, {"loss#class_weights": "balanced"})
    split_overrides(bundle, {"class_weights": "balanced", "train#balance#strategy": "none"})
    split_overrides(bundle, {"class_weights": [1.0, 3.0]})  # numbers are meant


@pytest.mark.parametrize(
    "study",
    sorted((BUNDLES.parent / "scripts" / "ablations").glob("*.json")),
    ids=lambda path: path.stem,
)
def test_no_study_that_is_shipped_balances_twice(study):
    content = json.loads(study.read_text())
    for bundle in content["bundles"]:
        for arm in content.get("arms", {}).values():
            overrides = {**content.get("overrides", {}), **arm}
            known = {
                key: value
                for key, value in overrides.items()
                if key.startswith(("train#balance", "class_weights"))
            }
            split_overrides((study.parent / bundle).resolve(), known)
