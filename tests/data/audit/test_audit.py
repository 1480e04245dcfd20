from __future__ import annotations

import csv
import itertools
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from scipy.ndimage import gaussian_filter

from medmonai.data import (
    Cohort,
    DatasetFolder,
    ImageForm,
    Provenance,
    audit_cohorts,
    lesion_phantom,
    list_class_folders,
    load_listing,
    load_medmnist,
    shape_features,
    split_listing,
    write_audit,
)
from medmonai.data.duplicates.turned import turned_pairs
from medmonai.task import Task

SIZES = [(28, 28), (14, 14, 14)]
EXACT, NEAR, CONSTANT, COPIES = (
    "exact duplicates",
    "near duplicates",
    "constant images",
    "almost identical images",
)
TURNED = "mirrored or turned copies"


# What happens to a picture that is saved again.
CHANGES = {
    "quality 50": lambda picture, path: picture.save(path.with_suffix(".jpg"), quality=50),
    "half the size": lambda picture, path: ImageOps.scale(picture, 0.5).save(
        path.with_suffix(".png")
    ),
    "twice the size": lambda picture, path: ImageOps.scale(picture, 2).save(
        path.with_suffix(".tif")
    ),
    "colour": lambda picture, path: picture.convert("RGB").save(
        path.with_suffix(".jpeg"), quality=80
    ),
}


def smooth(n, size, seed):
    shapes = gaussian_filter(
        np.random.default_rng(seed).standard_normal((n, 1, *size)), (0, 0) + (1.5,) * len(size)
    )
    return (120 + 30 * shapes / shapes.std()).clip(0, 255).astype(np.uint8)


def splits(size=(28, 28), n=(12, 8), **changes):
    """Two splits of different images; `changes` go to both."""
    made = []
    for split, count in zip(("train", "val", "test"), n):
        values = {
            "labels": np.arange(count) % 2,
            "ids": [f"{split}{i}" for i in range(count)],
            "task": Task("binary", 2),
            "class_names": ("normal", "lesion"),
            "provenance": Provenance("set", checksum="md5:0"),
            **changes,
        }
        made.append(Cohort(smooth(count, size, len(made)), split=split, **values))
    return made


def ids(found):
    return [[case.id for case in example] for example in found.examples]


@pytest.mark.parametrize("size", SIZES)
def test_clean_splits(size):
    audit = audit_cohorts(splits(size), leak_threshold=0.94)
    assert not audit.leaks and not any(found.count for found in audit.findings)
    assert audit.verdict == (
        "no leakage found between the splits; patients are not known, so theirs cannot be ruled out"
    )
    assert audit.name == "set" and audit.checksum == "md5:0" and audit.near_complete


def test_a_source_without_splits_and_other_tasks():
    whole = replace(splits()[0], split="all")
    assert audit_cohorts([whole]).verdict == "no splits yet, so none can leak"
    three = [replace(c, task=Task("multiclass", 3), class_names=("a", "b", "c")) for c in splits()]
    assert audit_cohorts(three).lines()[1] == "order of the labels: 0 a, 1 b, 2 c"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_what_was_planted_is_found(size, dtype):
    train, val = splits(size)
    rng = np.random.default_rng(3)
    val.images[5] = train.images[4]  # labels 1 and 0
    train.images[9] = train.images[7]
    near = 0.7 * train.images[2] + 40 + rng.normal(0, 2, train.images[2].shape)
    val.images[0] = np.rint(near).clip(0, 255)
    # near one that occurs twice
    val.images[3] = np.rint(1.2 * train.images[7].astype(float) - 20).clip(0, 255)
    train, val = (replace(c, images=c.images.astype(dtype)) for c in (train, val))
    audit = audit_cohorts([train, val], leak_threshold=None)
    exact, near = audit.finding(EXACT), audit.finding(NEAR)
    assert ids(exact) == [["train4", "val5"], ["train7", "train9"]] and (
        exact.count,
        exact.across_count,
    ) == (2, 1)
    assert (
        sorted(ids(near)) == [["train2", "val0"], ["train7", "val3"]] and min(near.scores) >= 0.94
    )
    assert ids(audit.finding("label conflicts of exact duplicates")) == [["train4", "val5"]]
    assert ids(audit.finding("label conflicts of near duplicates")) == []
    assert [leak.kind for leak in audit.leaks] == [EXACT]
    assert audit.verdict.startswith(
        "leakage between splits: exact duplicates 1 (train/val 1); 2 near duplicates across "
        "splits, to be looked at; patients"
    )
    strict = audit_cohorts([train, val], leak_threshold=0.94)
    assert [leak.kind for leak in strict.leaks] == [EXACT, COPIES] and strict.near_across is None
    assert "to be looked at" not in strict.verdict
    without = audit_cohorts([train, val], near_threshold=None)
    assert (
        "near duplicates: not looked for" in without.lines()
        and NEAR not in without.compact()["counts"]
    )
    with pytest.raises(ValueError, match="kind='near duplicates' is unknown"):
        without.finding(NEAR)
    assert audit_cohorts([train]).leaks == ()  # duplicates within a split are no leak


@pytest.mark.parametrize("size", SIZES)
def test_the_twin_in_another_split_stands_for_identical_images(size):
    train, val = splits(size)
    train.images[6] = train.images[1]
    val.images[2] = train.images[1]
    train.images[3] = np.rint(0.8 * train.images[1] + 20)
    near = audit_cohorts([train, val]).finding(NEAR)
    assert (near.count, near.across_count) == (1, 1) and ids(near) == [["val2", "train3"]]


@pytest.mark.parametrize("size", SIZES)
def test_blank_images_do_not_match(size):
    train, val = splits(size)
    train.images[[0, 3]], val.images[[1, 2]] = 0, 0
    train.images[5] = 200
    val.images[6] = 0
    val.images[(6, 0) + (4,) * len(size)] = 9  # almost blank
    audit = audit_cohorts([train, val], leak_threshold=0.94)
    assert not audit.leaks and audit.finding(EXACT).count == audit.finding(NEAR).count == 0
    assert ids(audit.finding(CONSTANT)) == [["train0"], ["train3"], ["train5"], ["val1"], ["val2"]]
    assert ids(audit.finding("images of low contrast")) == [["val6"]]


def test_all_images_blank():
    train, val = splits()
    train.images[:], val.images[:] = 0, 7
    audit = audit_cohorts([train, val])
    assert audit.finding(CONSTANT).count == 20 and not audit.leaks


@pytest.mark.parametrize("kind", [str, int])
def test_groups_in_two_splits(kind):
    train, val, test = splits(n=(12, 8, 6))
    groups = [np.arange(12) // 2, 4 + np.arange(8) // 2, 100 + np.arange(6)]
    train, val, test = (
        replace(c, groups=g.astype(kind)) for c, g in zip((train, val, test), groups)
    )
    audit = audit_cohorts([train, val, test])
    found = audit.finding("groups in several splits")
    assert (found.count, found.cases) == (2, 8) and dict(found.across) == {
        "train/val": 2,
        "train/test": 0,
        "val/test": 0,
    }
    assert ids(found)[0] == ["train8", "train9", "val0", "val1"] and audit.leaks == (found,)
    assert audit.verdict == "leakage between splits: groups in several splits 2 (train/val 2)"
    partly = audit_cohorts([train, replace(val, groups=None), test])
    assert not partly.leaks and not partly.groups_known


def test_ids_in_several_splits_are_a_note():
    train, val = splits()
    audit = audit_cohorts([train, replace(val, ids=[f"train{i + 4}" for i in range(8)])])
    assert audit.finding("ids in several splits").count == 8 and not audit.leaks


def test_multilabel_conflicts():
    labels = [[1, 0, 1], [0, 1, 1]] * 4
    train, val = splits(
        n=(8, 8), task=Task("multilabel", 3), class_names=("a", "b", "c"), labels=labels
    )
    val.images[0], val.images[1] = train.images[1], train.images[3]
    conflicts = audit_cohorts([train, val]).finding("label conflicts of exact duplicates")
    assert ids(conflicts) == [["train1", "val0"]] and conflicts.examples[0][0].label == "b; c"


def test_json_lines_and_compact():
    train, val = splits()
    val.images[5] = train.images[4]
    audit = audit_cohorts([train, val])
    for content in (audit.as_dict(), audit.compact(allowed=True)):
        assert json.loads(json.dumps(content, allow_nan=False)) == content
    compact = audit.compact(allowed=True)
    assert compact["leakage"] and compact["leakage_allowed"] and compact["counts"][EXACT] == 1
    assert compact["leaks"] == {
        EXACT: {"across": {"train/val": 1}, "examples": [["train4", "val5"]]}
    }
    assert len(json.dumps(compact)) < 1500
    lines = audit.lines()
    assert (
        lines[0] == f"set: {audit.verdict}"
        and all("\n" not in line for line in lines)
        and len(lines) == 2 + 4 + 11
    )
    assert lines[1].startswith("positive class: lesion (class 1, against normal)")
    with pytest.raises(ValueError, match=r"kind='x' is unknown; use one of 'exact duplicates'"):
        audit.finding("x")


def test_the_number_of_examples_is_bounded():
    train, val = splits(n=(12, 12))
    val.images[:] = train.images
    audit = audit_cohorts([train, val], examples=3)
    assert audit.finding(EXACT).count == 12 and len(audit.finding(EXACT).examples) == 3
    train.images[:] = train.images[0]
    assert len(audit_cohorts([train]).finding(EXACT).examples[0]) == 8


def test_a_search_that_stopped_says_so():
    train, val = splits()
    train.images[:] = np.rint(
        train.images[0] + np.random.default_rng(0).normal(0, 1, train.images.shape)
    ).clip(0, 255)
    audit = audit_cohorts([train, val], max_pairs=5)
    assert not audit.near_complete and "search for near duplicates stopped early" in audit.verdict
    assert "a search stopped" in audit.lines()[-1]


def test_copies_are_found_where_too_many_are_only_alike():
    train, val = splits()
    rng = np.random.default_rng(0)
    # pairs below .99
    train.images[:] = np.rint(train.images[0] + rng.normal(0, 12, train.images.shape)).clip(0, 255)
    val.images[2] = np.rint(0.9 * train.images[5] + 5)
    audit = audit_cohorts([train, val], near_threshold=0.8, max_pairs=20)
    assert not audit.near_complete and ids(audit.finding(COPIES)) == [["train5", "val2"]]
    assert [leak.kind for leak in audit.leaks] == [COPIES]


def test_pictures_saved_again_leak_and_other_patients_do_not(real_data, tmp_path):
    files = sorted((real_data / "chest_xray" / "test").glob("*/*"))[:24]
    for number, (file, change) in enumerate(zip(files, itertools.cycle(CHANGES))):
        label = "AB"[number % 2]
        for split in ("train", "test", "val"):
            (tmp_path / split / label).mkdir(parents=True, exist_ok=True)
        with Image.open(file) as picture:
            grey = picture.convert("L")
            grey.save(tmp_path / ("train" if number < 16 else "val") / label / f"{number}.png")
            if number < 8:
                CHANGES[change](grey, tmp_path / "test" / label / f"again{number}")
    listing = split_listing(list_class_folders(tmp_path, name="again"), min_validation=0)
    cohorts = load_listing(
        listing, ImageForm((64, 64), in_channels=1), cache_dir=tmp_path / "cache"
    )
    found = audit_cohorts([cohorts[split] for split in ("train", "val", "test")]).finding(COPIES)
    pairs = {
        tuple(Path(name).stem for name in sorted(example, reverse=True)) for example in ids(found)
    }
    assert pairs == {(f"{i}", f"again{i}") for i in range(8)} and found.across == (
        ("train/val", 0),
        ("train/test", 8),
        ("val/test", 0),
    )


def test_wrong_cohorts():
    train, val = splits()
    with pytest.raises(
        ValueError,
        match=r"leak_threshold=0\.9 with near_threshold=0\.94; leak_threshold must lie between",
    ):
        audit_cohorts([train, val], leak_threshold=0.9)
    with pytest.raises(ValueError, match="cohorts are empty"):
        audit_cohorts([])
    with pytest.raises(
        ValueError, match=r"splits \['train', 'train'\]; each needs a name of its own"
    ):
        audit_cohorts([train, train])
    with pytest.raises(
        ValueError,
        match=r"cohorts differ in spatial_size: \{'train': \(28, 28\), 'val': \(14, 14\)\}",
    ):
        audit_cohorts([train, splits((14, 14))[1]])
    with pytest.raises(ValueError, match=r"cohorts differ in class_names"):
        audit_cohorts([train, replace(val, class_names=("a", "b"))])


def test_memmaps_are_read_in_chunks(tmp_path):
    cohort = lesion_phantom(split="train", num_cases=8)
    images = np.lib.format.open_memmap(
        tmp_path / "a.npy", mode="w+", dtype=np.uint8, shape=(1500, 1, 224, 224)
    )
    images[:, :, ::8, ::8] = np.random.default_rng(0).integers(1, 255, (1500, 1, 28, 28))
    big = Cohort(
        images,
        labels=np.arange(1500) % 2,
        ids=[str(i) for i in range(1500)],
        task=cohort.task,
        class_names=cohort.class_names,
        provenance=cohort.provenance,
        split="train",
    )
    audit_cohorts([cohort])
    tracemalloc.start()
    audit_cohorts([big])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * images.nbytes  # 33 MB of 75: what the features of a chunk take


def test_phantoms_are_clean():
    for size in SIZES:
        cohorts = [
            lesion_phantom(split=s, spatial_size=size, num_cases=60)
            for s in ("train", "val", "test")
        ]
        assert not any(found.count for found in audit_cohorts(cohorts).findings)


@pytest.mark.parametrize(
    ("name", "size", "exact", "near", "across"),
    [
        (
            "pneumoniamnist",
            28,
            (27, 56, 8),
            (1, 1),
            {"train/val": 8, "train/test": 0, "val/test": 0},
        ),
        ("vesselmnist3d", 28, (0, 0, 0), (13, 7), {}),
    ],
)
def test_the_real_sets_hold_what_the_page_says(real_data, name, size, exact, near, across):
    cohorts = [
        load_medmnist(
            name,
            split=split,
            size=size,
            dataset_dir=DatasetFolder(real_data / "medmnist", download=False),
        )
        for split in ("train", "val", "test")
    ]
    audit = audit_cohorts(cohorts)
    found = audit.finding(EXACT)
    assert (found.count, found.cases, found.across_count) == exact and dict(found.across) == across
    assert (audit.finding(NEAR).count, audit.finding(NEAR).across_count) == near
    assert audit.finding(CONSTANT).count == 0 and audit.finding("images of low contrast").count == 1
    pixels = [image.tobytes() for c in cohorts for image in c.images]
    # another way to the same number
    assert len(pixels) - len(set(pixels)) == found.cases - found.count


TURNS = {
    "left to right": lambda image: image[:, :, ::-1],
    "top to bottom": lambda image: image[:, ::-1],
    "half a turn": lambda image: image[:, ::-1, ::-1],
    "diagonal": lambda image: image.swapaxes(1, 2),
    "a quarter": lambda image: np.rot90(image, 1, (1, 2)),
    "three quarters": lambda image: np.rot90(image, 3, (1, 2)),
    "other diagonal": lambda image: np.rot90(image, 2, (1, 2)).swapaxes(1, 2),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [20, 45])
def test_turned_copies_are_leakage(channels, side):
    train, test = (
        replace(c, images=np.repeat(c.images, channels, axis=1).copy())
        for c in splits((side, side))
    )
    for row, change in enumerate(TURNS.values()):
        test.images[row] = np.rint(0.9 * change(train.images[row + 2]) + 10)
    train.images[0] = train.images[2]  # the twin in another split stands for both
    audit = audit_cohorts([train, test])
    found = audit.finding(TURNED)
    assert (found.count, found.across_count) == (7, 7) and min(found.scores) >= 0.99
    assert {tuple(pair) for pair in ids(found)} == {
        (f"train{row + 2 if row else 0}", f"val{row}") for row in range(7)
    }
    assert [leak.kind for leak in audit.leaks] == [TURNED] and audit.finding(COPIES).count == 0
    assert audit_cohorts([train, test], leak_threshold=None).leaks == ()


def test_turned_copies_of_other_shapes():
    train, test = splits((20, 30))
    test.images[0], test.images[1] = (
        TURNS["half a turn"](train.images[3]),
        TURNS["left to right"](train.images[4]),
    )
    assert ids(audit_cohorts([train, test]).finding(TURNED)) == [
        ["train3", "val0"],
        ["train4", "val1"],
    ]
    volumes = audit_cohorts(splits((14, 14, 14)))
    assert "mirrored or turned copies: not looked for in volumes" in volumes.lines()
    with pytest.raises(ValueError, match="kind='mirrored or turned copies' is unknown"):
        volumes.finding(TURNED)


def test_a_search_for_turned_copies_that_stopped_says_so():
    train, test = splits()
    rng = np.random.default_rng(5)
    for cohort, image in ((train, train.images[0]), (test, train.images[0, :, :, ::-1].copy())):
        cohort.images[:] = np.rint(image + rng.normal(0, 0.4, cohort.images.shape)).clip(0, 255)
    whole = audit_cohorts([train, test])
    assert whole.near_complete and whole.finding(TURNED).across_count == len(train) * len(test)
    # 66 and 28 pairs within the splits are alike as they are; across them 96 more, once turned.
    short = audit_cohorts([train, test], max_pairs=100)
    assert not short.near_complete and "search stopped" in short.lines()[-1]


def test_an_image_that_is_its_own_mirror_is_one_finding():
    train, test = splits()
    train.images[1] = train.images[1, :, :, ::-1] // 2 + train.images[1] // 2
    test.images[2] = np.rint(0.8 * train.images[1] + 20)
    audit = audit_cohorts([train, test])
    assert ids(audit.finding(COPIES)) == [["train1", "val2"]] and audit.finding(TURNED).count == 0


def test_turned_pairs_equal_comparing_all():
    features = shape_features(smooth(30, (28, 28), 4))
    turned = [
        shape_features(np.stack([change(image) for image in smooth(30, (28, 28), 4)]))
        for change in TURNS.values()
    ]
    best = np.max([features @ other.T for other in turned], axis=0)
    pairs, scores, complete = turned_pairs(
        30, lambda rows: features[rows], (1, 28, 28), threshold=0.2
    )
    expected = {(i, j) for i, j in zip(*np.nonzero(best >= 0.2)) if i < j}
    assert complete and {tuple(pair) for pair in pairs.tolist()} == expected and len(expected) > 20
    np.testing.assert_allclose(scores, best[pairs[:, 0], pairs[:, 1]], atol=1e-5)
    assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("size", SIZES)
def test_twins_with_another_label(size):
    train, test = splits(size)
    test.images[1] = train.images[2]  # lesion and normal
    test.images[2] = np.rint(0.9 * train.images[3].astype(float) + 10)  # normal and lesion, near
    test.images[4] = train.images[4]  # both normal
    test.images[6] = test.images[7]  # within the split
    twins = audit_cohorts([train, test]).twins("val")
    assert twins == {
        "val1": [{"split": "train", "id": "train2", "label": "normal"}],
        "val2": [{"split": "train", "id": "train3", "label": "lesion"}],
        "val6": [{"split": "val", "id": "val7", "label": "lesion"}],
        "val7": [{"split": "val", "id": "val6", "label": "normal"}],
    }
    assert json.loads(json.dumps(twins)) == twins and audit_cohorts([train]).twins("val") == {}


def test_patients_with_cases_of_several_classes():
    train, test = (
        replace(c, groups=groups)
        for c, groups in zip(
            splits(n=(6, 4)), (["p1", "p1", "p2", "p3", "p2", "p4"], ["q1", "q2", "q1", "q2"])
        )
    )
    audit = audit_cohorts([train, test])
    found = audit.finding("groups with cases of several classes")
    assert (found.count, found.cases, found.names) == (1, 2, ("p1",)) and not audit.leaks
    assert found.line().endswith("e.g. p1: train0 (train, normal), train1 (train, lesion)")
    labels = np.eye(2, dtype=int)[train.labels]
    # several labels at once are no contradiction
    with pytest.raises(ValueError, match="is unknown"):
        audit_cohorts([replace(train, task=Task("multilabel", 2), labels=labels)]).finding(
            found.kind
        )


@pytest.mark.parametrize("size", SIZES)
def test_the_files_hold_every_pair(size, tmp_path):
    train, val = (
        replace(c, groups=np.arange(len(c)) // 2 + 3 * (c.split == "val"))
        for c in splits(size, n=(40, 40))
    )
    val.images[:30] = train.images[:30]
    val.images[35] = np.rint(0.95 * train.images[36].astype(float) + 5)
    audit = audit_cohorts([train, val], examples=2)
    for name, stem in (
        ("audit.csv", "audit"),
        ("audit.JSON", "audit"),
        ("set.v2", "set.v2"),
        ("audit", "audit"),
    ):
        files = write_audit(audit, tmp_path / name)
        assert [file.name for file in files] == [f"{stem}.json", f"{stem}.csv"]
    content = json.loads(files[0].read_text())
    exact = next(f for f in content["findings"] if f["kind"] == EXACT)
    assert [[case["id"] for case in found["cases"]] for found in exact["sets"]] == [
        [f"train{i}", f"val{i}"] for i in range(30)
    ]
    with open(files[1], newline="") as file:
        rows = list(csv.DictReader(file))
    pairs = [f"{split}{i}" for i in range(30) for split in ("train", "val")]
    assert [row["id"] for row in rows if row["finding"] == EXACT] == pairs
    (near,) = {(row["set"], row["similarity"]) for row in rows if row["finding"] == NEAR}
    assert float(near[1]) > 0.99
    assert {row["group"] for row in rows if row["finding"] == "groups in several splits"} == set(
        map(str, range(3, 20))
    )
