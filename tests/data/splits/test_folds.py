"""The division of cohorts into folds: what must stay together, what a case keeps, and a bundle that
runs on it.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from medmonai.data import Cohort, Provenance, audit_cohorts, cross_validation_cohort, lesion_phantom
from medmonai.data.image_place import ImagePlace
from medmonai.task import Task

BINARY, THREE, LABELS = Task("binary", 2), Task("multiclass", 3), Task("multilabel", 3)


def cohort(labels, *, split="train", task=BINARY, groups=None, size=(4, 4), seed=0):
    n = len(labels)
    images = np.random.default_rng([seed, len(split)]).integers(
        0, 256, (n, 1, *size), dtype=np.uint8
    )
    return Cohort(
        images,
        labels=labels,
        ids=[f"{split}{i}" for i in range(n)],
        task=task,
        split=split,
        groups=groups,
        class_names=tuple("abc"[: task.num_classes]),
        provenance=Provenance("set", known_issues=("old",)),
    )


def two(n=40, **options):
    return [
        cohort(np.arange(n) % 3 == 0, **options),
        cohort(np.arange(n // 2) % 3 == 0, split="val", **options),
    ]


def parts(cohorts, folds=5, **options):
    return [
        [
            cross_validation_cohort(cohorts, folds=folds, fold=f, part=part, **options)
            for part in ("train", "validation")
        ]
        for f in range(folds)
    ]


@pytest.mark.parametrize("size", [(4, 4), (3, 4, 5)])
def test_every_case_is_validated_once_and_keeps_what_it_is(size):
    cohorts = two(size=size)
    whole = {c.ids[i]: (c.images[i], c.labels[i]) for c in cohorts for i in range(len(c))}
    validated = []
    for train, validation in parts(cohorts):
        assert (train.split, validation.split) == ("train", "val")
        assert sorted([*train.ids, *validation.ids]) == sorted(whole)
        for c in (train, validation):
            for image, label, name in zip(c.images, c.labels, c.ids):
                assert np.array_equal(image, whole[name][0]) and label == whole[name][1]
            assert "60 cases" in c.provenance.facts[-1] and c.provenance.known_issues == ("old",)
        validated += validation.ids.tolist()
    assert sorted(validated) == sorted(whole)


def test_the_seed_decides():
    cohorts = two()
    ids = [
        cross_validation_cohort(cohorts, folds=3, fold=0, part="validation", seed=s).ids.tolist()
        for s in (0, 0, 1)
    ]
    assert ids[0] == ids[1] != ids[2]


def test_identical_images_across_the_given_splits_end_in_one_part():
    train, val = two()
    images = val.images.copy()
    images[:10] = train.images[20:30]
    cohorts = [train, replace(val, images=images)]
    assert audit_cohorts(cohorts).leaks
    for pair in parts(cohorts):
        assert not audit_cohorts(pair, near_threshold=None).leaks


@pytest.mark.parametrize("numeric", [False, True])
def test_groups_are_kept_whole_and_given_on(numeric):
    names = np.arange(60) // 3 if numeric else np.array([f"p{i // 3}" for i in range(60)])
    train, val = two()
    cohorts = [replace(train, groups=names[:40]), replace(val, groups=names[40:])]
    for pair in parts(cohorts):
        assert not set(pair[0].groups) & set(pair[1].groups)
        assert all(c.groups.dtype.kind == names.dtype.kind for c in pair)
        assert not audit_cohorts(pair).leaks


def test_metadata_and_places_go_along():
    train, val = two()
    place = [
        ImagePlace(np.diag([i + 1.0, 1, 1, 1]), original_affine=np.eye(4), original_shape=(4, 4, 4))
        for i in range(60)
    ]
    cohorts = [
        replace(
            train,
            metadata={"sex": np.array(["f", "m"] * 20), "age": train.ids},
            places=tuple(place[:40]),
        ),
        replace(val, metadata={"sex": np.array(["f"] * 20)}, places=tuple(place[40:])),
    ]
    whole = {
        name: (sex, where)
        for c in cohorts
        for name, sex, where in zip(c.ids, c.metadata["sex"], c.places)
    }
    for pair in parts(cohorts):
        for part in pair:
            assert set(part.metadata) == {"sex"}
            assert [(sex, where) for sex, where in zip(part.metadata["sex"], part.places)] == [
                whole[name] for name in part.ids
            ]


def test_a_rare_label_of_a_multilabel_task_is_in_every_fold():
    rng = np.random.default_rng(0)
    labels = (rng.random((200, 3)) < [0.5, 0.05, 0.3]).astype(int)
    labels[:, 1] = np.arange(200) % 20 == 0
    found = [v.labels.sum(axis=0) for _, v in parts([cohort(labels, task=LABELS)])]
    assert [f[1] for f in found] == [2] * 5
    assert np.ptp(found, axis=0).max() <= 12 and all(
        len(v) == 40 for _, v in parts([cohort(labels, task=LABELS)])
    )


def test_images_on_disk_stay_there(tmp_path):
    cohorts = two()
    on_disk = []
    for c in cohorts:
        file = np.memmap(tmp_path / c.split, dtype=np.uint8, mode="w+", shape=c.images.shape)
        file[:] = c.images
        on_disk.append(replace(c, images=file))
    for part in ("train", "validation"):
        here, there = (
            cross_validation_cohort(x, folds=4, fold=1, part=part) for x in (cohorts, on_disk)
        )
        assert isinstance(there.images, np.memmap) and not isinstance(here.images, np.memmap)
        assert np.array_equal(here.images, there.images)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["train", "val"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "folds=1; a whole number of at least 2"),
        ({"fold": 5}, "fold=5; 5 folds are numbered 0 to 4"),
        ({"fold": -1}, "fold=-1"),
        ({"part": "val"}, "part='val' is unknown; use 'train' or 'validation'"),
    ],
)
def test_impossible_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        cross_validation_cohort(two(), **{"folds": 5, "fold": 0, "part": "train", **options})


@pytest.mark.parametrize(
    ("cohorts", "message"),
    [
        ([], "cohorts are empty"),
        (
            [cohort([0, 1]), cohort([0, 1], split="val", size=(4, 5))],
            "cohorts differ in spatial_size.*'val'",
        ),
        ([cohort([0, 1]), cohort([0, 2], split="val", task=THREE)], "cohorts differ in task"),
        (
            [
                cohort([0, 1]),
                replace(cohort([0, 1], split="val"), images=np.zeros((2, 1, 4, 4), np.float32)),
            ],
            "differ in dtype",
        ),
        (
            [cohort([0, 1]), cohort([0, 1], split="val", groups=["p", "q"])],
            "train has no groups and the others have",
        ),
        ([cohort([0, 1]), cohort([0, 1])], "occurs 2 times; every case needs its own id"),
        (
            [cohort([0] * 20 + [1])],
            "folds=2: class 'b', 1 cases, would be missing in 1 of the validation parts; use fewer",
        ),
        (
            [cohort(np.eye(3, dtype=int)[[0] * 9 + [1, 1, 2]], task=LABELS)],
            "positives of 'c', 1 cases, would be missing",
        ),
        ([cohort([0, 1] * 8, groups=["p"] * 16)], "class 'a', 8 cases, would be missing in 1"),
    ],
)
def test_cohorts_that_cannot_be_divided(cohorts, message):
    with pytest.raises(ValueError, match=message):
        cross_validation_cohort(cohorts, folds=2, fold=0, part="train")


def test_a_bundle_trains_on_a_fold(tmp_path):
    """The override of a study, through MONAI's parser: the bundle's own definitions, divided
    again.
    """
    from bundle_runs import BUNDLES, run, small

    name = "lesion_phantom3d_classification"
    content = json.loads((BUNDLES / name / "configs" / "train.json").read_text())
    own = [content[section]["dataset"] for section in ("train", "validate")]
    divided = {
        "_target_": "medmonai.data.cross_validation_cohort",
        "cohorts": [own[0], own[1] | {"num_cases": 12}],
        "folds": 3,
        "fold": 1,
    }
    overrides = {
        f"{section}#dataset": divided | {"part": part}
        for section, part in (("train", "train"), ("validate", "validation"))
    }
    settings = {
        k: v for k, v in small(name, None, tmp_path / "out").items() if not k.startswith("validate")
    }
    run(name, "train.json", **settings, **overrides)
    assert (tmp_path / "out" / "models" / "model.pt").is_file()


def test_real_pneumoniamnist_without_its_leak(real_data):
    from medmonai.data import load_medmnist

    folder = real_data / "medmnist"
    cohorts = [
        load_medmnist("pneumoniamnist", split=split, size=28, dataset_dir=folder)
        for split in ("train", "val")
    ]
    assert audit_cohorts(cohorts, near_threshold=None).leaks
    for pair in parts(cohorts):
        assert not audit_cohorts(pair, near_threshold=None).leaks
        assert abs(pair[1].labels.sum() - 3883 / 5) <= 1 and abs(len(pair[1]) - 5232 / 5) <= 1


def test_lesion_phantom_example():
    cohorts = [
        lesion_phantom(split=s, num_cases=20, spatial_size=(12, 12)) for s in ("train", "val")
    ]
    assert [len(v) for _, v in parts(cohorts, folds=4)] == [10] * 4
