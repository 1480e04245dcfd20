"""Cells: what the key of one depends on, and which overrides are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from bundle_runs import BUNDLES, write_medmnist
from tiny_bundle import write_study, write_tiny_bundle

from medmonai.data import DatasetFolder, PhantomDesign, lesion_phantom, load_medmnist
from medmonai.data.containers.npz import NpzArray
from medmonai.data.duplicates.case_digests import cohort_digest
from medmonai.studies import Study, plan_cells, read_study
from medmonai.studies.pools import Resources


def keys(tmp_path, settings=None, **content):
    return {
        cell.name: cell.key
        for cell in plan_cells(read_study(write_study(tmp_path, **content)), settings=settings)
    }


def test_every_bundle_arm_and_seed_is_a_cell(tmp_path):
    cells = plan_cells(read_study(write_study(tmp_path)))
    assert [(cell.variant, cell.seed) for cell in cells] == [
        ("none", 1),
        ("strong", 1),
        ("none", 2),
        ("strong", 2),
    ]
    assert len({cell.key for cell in cells}) == 4
    assert cells[1].overrides == {"effect": 3.0, "seed": 1}
    assert cells[1].folder_name == f"tiny_classification-{cells[1].key}"


def test_the_key_follows_from_what_is_computed_and_not_from_names(tmp_path):
    first = keys(tmp_path)
    again = keys(
        tmp_path, arms={"plain": {}, "strong": {"effect": 3.0}}, baseline="plain", seeds=[2, 1]
    )
    assert set(first.values()) == set(again.values())
    # other data, another config
    assert set(keys(tmp_path, settings={"cases": 70}).values()).isdisjoint(first.values())


def test_a_changed_arm_changes_its_own_cells_only(tmp_path):
    first = keys(tmp_path)
    changed = keys(tmp_path, arms={"none": {}, "strong": {"effect": 4.0}, "more": {"effect": 5.0}})
    same = {name for name in first if changed.get(name) == first[name]}
    assert same == {name for name in first if "none" in name} and len(changed) == 6


def test_a_changed_config_of_the_bundle_changes_the_key(tmp_path):
    first = keys(tmp_path)
    path = tmp_path / "tiny_classification" / "configs" / "train.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"effect": 1.5}))
    second = keys(tmp_path)
    assert first["tiny_classification: none, seed 1"] != second["tiny_classification: none, seed 1"]
    assert (
        first["tiny_classification: strong, seed 1"]
        == second["tiny_classification: strong, seed 1"]
    )


@pytest.mark.parametrize("size", [(16, 16), (10, 10, 10)])
def test_the_data_hash_sees_every_part_of_a_cohort(size):
    cohort = lesion_phantom(split="train", num_cases=20, design=PhantomDesign(size))
    images, labels = cohort.images.copy(), cohort.labels.copy()
    images[3].flat[0] += 1
    labels[0] = 1 - labels[0]
    others = [
        replace(cohort, images=images),
        replace(cohort, labels=labels),
        replace(cohort, groups=cohort.ids),
        replace(cohort, class_names=("a", "b")),
        cohort.subset(range(19)),
    ]
    assert len({cohort_digest(c) for c in [cohort, *others]}) == 6
    assert cohort_digest(cohort) == cohort_digest(replace(cohort, images=cohort.images.copy()))


def test_the_data_of_a_study_is_decoded_once(tmp_path, monkeypatch):
    write_medmnist(tmp_path, "pneumoniamnist", (28, 28))
    reads, read = [], NpzArray.read_images
    monkeypatch.setattr(
        NpzArray, "read_images", lambda self, *a, **b: reads.append(self.key) or read(self, *a, **b)
    )
    settings = {"dataset_dir": str(tmp_path), "verify_checksum": False}
    arms = {"none": {}, "long": {"max_epochs": 9}}
    study = Study((str(BUNDLES / "pneumoniamnist_classification"),), arms, tuple(range(50)))
    with Resources().in_this_process():
        assert len(plan_cells(study, settings=settings)) == 100
        assert sorted(reads) == ["test_images", "train_images", "val_images"]
        # What a cell does: the images are mapped, and read from the npz file never again.
        cohort = load_medmnist(
            "pneumoniamnist", split="train", dataset_dir=DatasetFolder(tmp_path, verify=False)
        )
    assert isinstance(cohort.images, np.memmap) and len(reads) == 3


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (
            {"arms": {"none": {}, "b": {"efect": 2}}},
            "'efect' does not exist in tiny_classification; did you mean --effect",
        ),
        (
            {"arms": {"none": {}, "b": {"train#augmentatoin": []}}},
            "did you mean --train#augmentation",
        ),
        (
            {"arms": {"none": {}, "b": {"effect#size": 1}}},
            r"'effect#size' does not exist .*; effect is a single value and has no",
        ),
        (
            {"arms": {"none": {}, "b": {"optimizer#momentun": 1}}},
            "did you mean --optimizer#momentum",
        ),
        (
            {"arms": {"none": {}, "b": {"effect": 1.0}}},
            "none, seed 1 and tiny_classification: b, seed 1 are the same run",
        ),
        (
            {"grid": {"effect": [1, 2]}, "baseline": None},
            "effect is set by arm 'strong' and in the grid",
        ),
        ({"arms": {"none": {"seed": 3}}}, "arm 'none': seed is given by the study itself"),
        ({"overrides": {"output_dir": "x"}}, "overrides: output_dir is given by the study itself"),
    ],
)
def test_overrides_that_are_refused(content, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        keys(tmp_path, **content)


def test_settings_from_the_command_line_are_checked_too(tmp_path):
    with pytest.raises(ValueError, match="did you mean --cases"):
        keys(tmp_path, settings={"casses": 5})
    with pytest.raises(ValueError, match="effect is set by arm 'strong' and on the command line"):
        keys(tmp_path, settings={"effect": 5})
    with pytest.raises(ValueError, match="optimizer#lr is set in the grid and on the command line"):
        keys(
            tmp_path, grid={"optimizer#lr": [0.1, 0.2]}, baseline=None, settings={"optimizer#lr": 5}
        )


def test_a_wider_override_takes_the_place_of_what_lies_within_it(tmp_path):
    sgd = {"_target_": "torch.optim.SGD", "lr": 0.5}
    content = {
        "overrides": {"optimizer": {"_target_": "torch.optim.Adam"}, "optimizer::lr": 0.3},
        "arms": {
            "none": {},
            "sgd": {"optimizer": sgd},
            "fast": {"optimizer#lr": 0.9, "optimizer#amsgrad": True},
        },
    }
    found = {
        cell.arm: cell.overrides
        for cell in plan_cells(read_study(write_study(tmp_path, seeds=[1], **content)))
    }
    assert "optimizer::lr" not in found["sgd"] and found["sgd"]["optimizer"] == sgd
    assert list(found["fast"])[:3] == ["optimizer", "optimizer#lr", "optimizer#amsgrad"]
    with pytest.raises(ValueError, match="optimizer is set by arm 'sgd' and on the command line"):
        keys(tmp_path, settings={"optimizer::lr": 1}, **content)


def test_the_values_of_an_arm_are_its_own(tmp_path):
    common = {"_target_": "torch.optim.SGD", "lr": 0.1}
    content = {
        "overrides": {"optimizer": common},
        "arms": {"none": {}, "fast": {"optimizer#lr": 0.9}},
    }
    study = read_study(write_study(tmp_path, **content))
    first = [cell.key for cell in plan_cells(study)]
    assert study.overrides["optimizer"] == common and first == [
        cell.key for cell in plan_cells(study)
    ]
    assert len(set(first)) == 4


def test_the_key_sees_the_steps_and_the_modules_of_a_bundle(tmp_path):
    first = keys(tmp_path)
    module = tmp_path / "tiny_classification" / "tiny_cell.py"
    module.write_text(module.read_text() + "# another\n")
    second = keys(tmp_path)
    path = tmp_path / "tiny_classification" / "configs" / "evaluate.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({"run": [*config["run"], "$print('more')"]}))
    third = keys(tmp_path)
    assert not set(first.values()) & set(second.values()) and not set(second.values()) & set(
        third.values()
    )


def test_one_baseline_may_run_on_two_bundles_of_the_same_data(tmp_path):
    write_tiny_bundle(tmp_path, "other_classification")
    arms = {"none": {}, "majority": {"estimator": {"name": "majority"}}}
    study = read_study(
        write_study(tmp_path, bundles=["tiny_classification", "other_classification"], arms=arms)
    )
    assert len({cell.folder_name for cell in plan_cells(study)}) == 8


@pytest.mark.parametrize(
    ("estimator", "match"),
    [
        ({"name": "random_forrest"}, "arm 'sk': .*random_forest"),
        ({"name": "random_forest", "features": "pixel"}, "features='pixel'; use one of pixels"),
        ({"name": "random_forest", "parameters": {"n_estimator": 3}}, "n_estimators"),
    ],
)
def test_baselines_are_checked_before_anything_runs(estimator, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        keys(tmp_path, arms={"none": {}, "sk": {"estimator": estimator}})


def test_an_arm_goes_before_what_the_study_says_for_all(tmp_path):
    content = {
        "overrides": {"effect": 2.0, "cases": 50},
        "bundle_overrides": {"tiny_classification": {"cases": 70}},
    }
    cells = plan_cells(read_study(write_study(tmp_path, **content)))
    assert [cell.overrides["effect"] for cell in cells] == [2.0, 3.0, 2.0, 3.0]
    assert {cell.overrides["cases"] for cell in cells} == {70}


def test_an_argument_a_component_takes_may_be_new(tmp_path):
    assert len(keys(tmp_path, arms={"none": {}, "momentum": {"optimizer#momentum": 0.9}})) == 4
