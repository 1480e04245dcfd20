"""The rules, each at its bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from medmonai.planning import Division, choose_division, look
from medmonai.planning.augmentation_rules import augmentation_choice
from medmonai.planning.division import decision_choice, division_choice
from medmonai.planning.kept_weights import kept_weights_choice
from medmonai.planning.network_rules import network_choice
from medmonai.planning.rules import (
    balance_choice,
    form_choice,
    normalization_choice,
    schedule_choice,
    size_choice,
)
from medmonai.task import Task

nibabel = pytest.importorskip("nibabel")


def pictures(folder, counts, size=(20, 24), mode="L"):
    rng = np.random.default_rng(0)
    for name, n in counts.items():
        (folder / name).mkdir(parents=True)
        for i in range(n):
            shape = size if mode == "L" else (*size, 3)
            Image.fromarray(rng.integers(0, 200, shape).astype(np.uint8)).save(
                folder / name / f"{i}.png"
            )
    return folder


def volumes(folder, spacing=(0.5, 0.5, 4.0), low=-1000):
    rng = np.random.default_rng(0)
    for name in ("control", "disease"):
        (folder / name).mkdir(parents=True)
        for i in range(15):
            values = rng.integers(low, 900, (40, 30, 10)).astype(np.int16)
            image = nibabel.Nifti1Image(values, np.diag([*spacing, 1.0]))
            nibabel.save(image, folder / name / f"{i}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def grey(tmp_path_factory):
    return look(str(pictures(tmp_path_factory.mktemp("grey"), {"a": 40, "b": 20})))


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    return look(str(volumes(tmp_path_factory.mktemp("ct"))))


def test_what_a_look_sees(grey, ct):
    assert (grey.spatial_dims, grey.in_channels, grey.size, grey.spacing) == (2, 1, (20, 24), None)
    assert grey.levels[0].eight_bits and not grey.levels[0].hounsfield and grey.rarest == 20
    assert ct.spatial_dims == 3 and ct.size == (40, 30, 10)
    assert ct.spacing == pytest.approx((0.5, 0.5, 4.0)) and ct.levels[0].hounsfield


def test_small_images_keep_their_size_and_large_ones_get_128_pixels(grey):
    assert size_choice(grey)[0] == {"size": [20, 24]}
    assert size_choice(replace(grey, size=(1000, 2000)))[0] == {"size": [64, 128]}
    assert size_choice(replace(grey, size=(1000, 2000)), scale=0.5)[0] == {"size": [32, 64]}


@pytest.mark.parametrize("size", [(512, 512, 40), (200, 200, 200), (60, 60, 60)])
@pytest.mark.parametrize("spacing", [(0.7, 0.7, 5.0), (1.5, 1.5, 1.5), (3.0, 1.0, 1.0)])
def test_volumes_fit_the_budget_and_are_never_finer_than_the_files(ct, size, spacing):
    chosen, _ = size_choice(replace(ct, size=size, spacing=spacing))
    assert np.prod(chosen["size"]) <= 1.25 * 48**3
    assert all(new >= old - 0.01 for new, old in zip(chosen["spacing"], spacing))
    covered = np.multiply(chosen["size"], chosen["spacing"]) / np.multiply(size, spacing)
    assert (covered > 0.85).all()


def test_grey_values(grey, ct):
    assert form_choice(grey)[0] == {}
    low, high = form_choice(ct)[0]["intensity_range"]
    assert low == pytest.approx(-995, abs=8) and 880 < high < 900
    mr = replace(ct.levels[0], lowest=0.0, low=10.0, high=700.0)
    assert form_choice(replace(ct, levels=(mr,)))[0] == {"intensity_range": [10, 700]}
    value, _ = normalization_choice(grey, {})
    assert value["subtrahend"] == pytest.approx(99.5 / 255, abs=0.02)


def test_networks(grey, ct):
    assert network_choice(grey, [28, 28])[0]["stem"] == "small"
    assert network_choice(grey, [96, 128])[0]["stem"] == "standard"
    assert network_choice(ct, [48, 48, 48])[0] == {
        "_target_": "medmonai.networks.resnet18", "stem": "small_stride2", "width": 16,
    }  # fmt: skip


@pytest.mark.parametrize(("cases", "batch"), [(11, 4), (23, 8), (30, 16), (300, 32), (5000, 128)])
def test_schedule(grey, cases, batch):
    values, _ = schedule_choice(grey, cases)
    assert values["batch_size"] == batch and 4 <= values["epochs"] <= 60
    assert 0 < values["average_decay"] < 1
    assert schedule_choice(grey, cases, share=0.2)[0]["epochs"] <= values["epochs"]


def test_more_images_and_several_classes_get_more_steps(grey, ct):
    def steps(seen, cases):
        values, _ = schedule_choice(seen, cases)
        return values["epochs"] * (cases // values["batch_size"])

    several = replace(grey.description, task=Task("multiclass", 7))
    assert steps(grey, 5000) == pytest.approx(700, rel=0.05)
    assert steps(grey, 1000) == pytest.approx(400, rel=0.05)
    assert steps(grey, 80_000) == pytest.approx(4 * 700, rel=0.15)
    assert steps(replace(grey, description=several), 5000) == pytest.approx(1400, rel=0.05)
    of_volumes = replace(ct.description, task=Task("multiclass", 7))
    assert steps(replace(ct, description=of_volumes), 1000) == steps(ct, 1000)


def test_rare_classes_are_shown_more_often(grey):
    assert balance_choice(grey)[0] == "oversample"


def test_the_side_is_kept_where_it_may_be_the_label(tmp_path, grey):
    assert augmentation_choice(grey, [20, 24])[0]["flip_axes"] == [1]
    sided = look(str(pictures(tmp_path, {"left lung": 15, "right lung": 15}, mode="RGB")))
    values, choices = augmentation_choice(sided, [20, 24])
    assert values["flip_axes"] == [] and "the side may be the label" in choices[0].reason
    assert "RandRotate90" not in str(values)


def test_the_axes_of_volumes_without_directions_are_not_exchanged_where_the_side_counts(ct):
    free = replace(ct, spacing=None)
    assert "RandAxisPermute" in str(augmentation_choice(free, [32, 32, 32])[0])
    assert "RandAxisPermute" not in str(augmentation_choice(free, [32, 32, 16])[0])
    named = replace(ct.description, counts={"all": {"left": 15, "right": 15}})
    sided = replace(free, description=named)
    values = augmentation_choice(sided, [32, 32, 32])[0]
    assert values["flip_axes"] == [] and "RandAxisPermute" not in str(values)


def test_divisions(tmp_path, grey):
    assert choose_division(grey).kind == "rotation"
    few = look(str(pictures(tmp_path / "few", {"a": 40, "b": 14})))
    with pytest.raises(ValueError, match=r"14 cases of class .b.; at least 15 are needed"):
        choose_division(few)
    for split, counts in (("train", {"a": 20, "b": 20}), ("test", {"a": 5, "b": 5})):
        pictures(tmp_path / "given" / split, counts)
    assert choose_division(look(str(tmp_path / "given"))).kind == "folds"


@pytest.mark.parametrize("kind", ["rotation", "folds", "given"])
def test_the_division_is_named_with_its_members(grey, kind):
    said = division_choice(grey, Division(kind, 3))
    assert "3" in said.value + said.reason
    assert "members" not in division_choice(grey, Division("given", 1)).reason
    assert "never on a test split" in decision_choice(grey, Division(kind, 3)).reason


@pytest.mark.parametrize("task", [Task("binary", 2), Task("multiclass", 3), Task("multilabel", 3)])
def test_only_a_binary_task_is_decided_by_a_threshold_of_all(grey, task):
    described = replace(grey, description=replace(grey.description, task=task))
    said = decision_choice(described, Division("folds", 3)).value
    assert (
        said
        == {
            "binary": "temperature, threshold (Youden)",
            "multiclass": "temperature, highest probability",
            "multilabel": "temperature, a threshold for each label",
        }[task.kind]
    )


@pytest.mark.parametrize(("cases", "kept"), [(100, "stage"), (1000, "run")])
def test_few_validation_cases_do_not_choose_between_the_stages(grey, cases, kept):
    assert kept_weights_choice(grey, cases)[0] == {"keep_best": kept}
    several = replace(grey.description, task=Task("multiclass", 7))
    assert kept_weights_choice(replace(grey, description=several), cases)[0] == {}


def test_large_volumes_get_the_stem_of_the_paper(grey):
    volume = replace(grey, spatial_dims=3, size=(64, 64, 64))
    assert network_choice(volume, [48, 48, 48])[0]["stem"] == "small_stride2"
    assert network_choice(volume, [64, 64, 64])[0]["stem"] == "standard"


def test_gray_pictures_that_are_saved_as_rgb_are_planned_as_gray(tmp_path):
    folder = pictures(tmp_path / "rgb", {"a": 20, "b": 20})
    for path in folder.rglob("*.png"):
        Image.open(path).convert("RGB").save(path)
    seen = look(str(folder))
    assert seen.in_channels == 1 and not seen.in_color
    assert augmentation_choice(seen, [20, 24])[0]["flip_axes"] == [1]
    assert set(seen.colored) == {True, False}  # neither kind is unlike the training
    assert "gray images" in seen.modality
    for path in folder.rglob("*.png"):  # a tint that JPEG or a scanner leaves
        values = np.asarray(Image.open(path)).astype(np.int16)
        values[..., 0] += 4
        Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(path)
    assert not look(str(folder)).in_color
    noise = np.random.default_rng(0).integers(0, 255, (20, 24, 3)).astype(np.uint8)
    Image.fromarray(noise).save(next(folder.rglob("*.png")))
    assert look(str(folder)).in_color


@pytest.mark.parametrize(("axes", "views"), [(2, "2 views"), (3, "8 views")])
def test_the_average_over_flips_is_said(grey, axes, views):
    volume = replace(grey, spatial_dims=axes, size=(28,) * axes)
    choices = {c.name: c for c in augmentation_choice(volume, [28] * axes)[1]}
    assert choices["average over flips"].value == views


def test_mixed_axes_are_refused(tmp_path):
    folder = volumes(tmp_path)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "control" / "x.png")
    with pytest.raises(ValueError, match="mixes images of 3 axes with 1"):
        look(str(folder))


def test_a_test_split_alone_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "test" / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(np.full((8, 8), i, np.uint8)).save(
                tmp_path / "test" / name / f"{i}.png"
            )
    with pytest.raises(ValueError, match=r"all 6 cases of .* are in its test split.*fit then div"):
        look(str(tmp_path))


def test_a_small_validation_split_is_no_matter_since_it_is_divided_again(tmp_path):
    for split, count in (("train", 9), ("val", 1), ("test", 2)):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(count):
                values = np.full((8, 8), len(split) + i, np.uint8)
                Image.fromarray(values).save(tmp_path / split / name / f"{i}.png")
    assert not any("too few" in line for line in look(str(tmp_path)).lines())
