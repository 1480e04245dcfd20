"""A user's own npz file: layouts, shapes, labels, and what is refused before it is read."""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.data import ImageForm, list_npz, load_listing, split_listing
from medmonai.data.describe import describe_listing, open_source

RNG = np.random.default_rng(0)


def write(path, **arrays):
    np.savez_compressed(path / "a.npz", **arrays)
    return path / "a.npz"


def images(*shape):
    return RNG.integers(0, 255, shape).astype(np.uint8)


def listed(path, **options):
    return list_npz(path, name="a", cache_dir=path.parent / "cache", **options)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("channels", [0, 1, 3, 4])
@pytest.mark.parametrize("first", [False, True], ids=["last", "first"])
def test_every_image_is_found_in_its_row(tmp_path, channels, dims, first):
    spatial = (20, 19, 18)[:dims]
    shape = spatial if not channels else (channels, *spatial) if first else (*spatial, channels)
    values = images(12, *shape)
    path = write(tmp_path, images=values, labels=np.arange(12) % 2)
    found = listed(path, spatial_dims=dims)
    headers = describe_listing(found).headers
    assert headers.spatial_dims == dims
    assert headers.in_channels == (channels or 1)
    assert headers.colored == (channels == 3 and dims == 2,)  # volumes are not in color
    form = ImageForm(spatial, in_channels=channels or 1)
    whole = split_listing(found, val_fraction=0.3, test_fraction=0.3, min_validation=0)
    cohorts = load_listing(whole, form, cache_dir=tmp_path / "cache")
    wanted = values.reshape(12, 1, *spatial) if not channels else values
    wanted = wanted if first or not channels else np.moveaxis(values, -1, 1)
    for cohort in cohorts.values():
        for name, image, label in zip(cohort.ids, cohort.images, cohort.labels):
            row = int(name.rpartition("-")[2])
            np.testing.assert_array_equal(image, wanted[row])
            assert label == row % 2


def test_the_layout_of_medmnist(tmp_path):
    arrays = {}
    for split, n in (("train", 8), ("val", 4), ("test", 6)):
        arrays[f"{split}_images"] = images(n, 12, 12, 3)
        arrays[f"{split}_labels"] = np.arange(n).reshape(-1, 1) % 2
        arrays[f"{split}_groups"] = np.arange(n) // 2 + 100 * len(split)
    found = listed(write(tmp_path, **arrays))
    assert [int((found.splits == split).sum()) for split in ("train", "val", "test")] == [8, 4, 6]
    assert found.ids[0] == "a-train-000000" and found.groups[0] == "500"
    assert found.class_names == ("0", "1") and found.task.kind == "binary"
    assert found.labels[:4].tolist() == [0, 1, 0, 1]
    del arrays["val_images"], arrays["val_labels"], arrays["val_groups"]
    assert set(listed(write(tmp_path, **arrays)).splits) == {"train", "test"}


EYE = np.eye(3, dtype=int)[np.arange(12) % 3]
SHOWN = {"class_names": {"1": "ill", "0": "well"}}


@pytest.mark.parametrize(
    ("labels", "options", "names", "first"),
    [
        (np.arange(12) % 3, {}, ("0", "1", "2"), [0, 1, 2]),
        (np.arange(12.0) % 2, {}, ("0", "1"), [0, 1, 0]),
        (np.array(["b", "a"] * 6), {}, ("a", "b"), [1, 0, 1]),
        (np.array(["b", "a"] * 6), {"positive_class": "a"}, ("b", "a"), [0, 1, 0]),
        (np.arange(12) % 2, SHOWN, ("ill", "well"), [1, 0, 1]),
        (EYE, {}, ("label 0", "label 1", "label 2"), EYE[:3].tolist()),
        (EYE, {"class_names": ["x", "y", "z"]}, ("x", "y", "z"), EYE[:3].tolist()),
    ],
)
def test_labels(tmp_path, labels, options, names, first):
    found = listed(write(tmp_path, images=images(12, 8, 8), labels=labels), **options)
    kind = "multilabel" if labels.ndim == 2 else "binary" if len(names) == 2 else "multiclass"
    assert (found.class_names, found.task.kind) == (names, kind)
    assert found.labels[:3].tolist() == first


def test_names_in_the_file(tmp_path):
    """Numbers are places in the file's class_names, also where a recipe hands the names in."""
    names = np.array(["well", "ill"])
    path = write(tmp_path, images=images(6, 8, 8), labels=np.arange(6) % 2, class_names=names)
    for options in ({}, {"class_names": ["well", "ill"]}):
        found = listed(path, **options)
        assert found.class_names == ("well", "ill") and found.labels[:2].tolist() == [0, 1]
    assert listed(path, class_names=["ill", "well"]).labels[:2].tolist() == [1, 0]
    path = write(tmp_path, images=images(6, 8, 8), labels=np.arange(6) % 3, class_names=names)
    with pytest.raises(
        ValueError, match="a label is 2 and class_names holds only well, ill, for labels from 0 on"
    ):
        listed(path)


@pytest.mark.parametrize("names", [["sick", "healthy"], ["healthy", "sick"]])
def test_names_in_the_file_set_the_order_of_texts(tmp_path, names):
    labels = np.array(["healthy", "sick"])[np.arange(6) % 2]
    found = listed(write(tmp_path, images=images(6, 8, 8), labels=labels, class_names=names))
    assert found.class_names == tuple(names)
    assert [found.class_names[label] for label in found.labels] == labels.tolist()


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"patient_id": np.arange(6) // 2}, "Not read: patient_id. Patients are read from groups"),
        ({"groups": np.arange(6), "ids": np.arange(6), "class_names": ["a", "b"]}, None),
    ],
)
def test_arrays_that_are_not_read_are_noted(tmp_path, arrays, told):
    arrays = {"images": images(6, 8, 8), "labels": np.arange(6) % 2, **arrays}
    notes = " ".join(listed(write(tmp_path, **arrays)).notes)
    assert (told in notes) if told else ("Not read" not in notes)


def test_no_image(tmp_path):
    path = write(tmp_path, images=images(0, 8, 8), labels=np.arange(0))
    with pytest.raises(ValueError, match=r"a.npz holds no image"):
        listed(path)


def test_ids_groups_and_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDMONAI_CACHE", str(tmp_path / "cache"))
    path = write(
        tmp_path,
        images=images(6, 8, 8),
        labels=np.arange(6) % 2,
        ids=np.array([f"case {i}" for i in range(6)]),
        groups=np.array(list("aabbcc")),
    )
    found = open_source(str(path), {"positive_class": "0"})
    assert found.ids.tolist() == [f"case {i}" for i in range(6)]
    assert found.groups.tolist() == list("aabbcc") and found.labels.tolist() == [1, 0] * 3
    with pytest.raises(ValueError, match="--label_column is not an option for"):
        open_source(str(path), {"label_column": "y"})


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"x": images(2, 8, 8)}, r"a.npz holds x; `images` and `labels`, or"),
        ({"images": images(2, 8, 8)}, "holds images and no labels"),
        ({"images": images(2, 8, 8), "train_images": images(2, 8, 8)}, "holds both layouts"),
        ({"val_images": images(2, 8, 8), "val_labels": [0, 1]}, "holds val_images"),
        ({"images": images(4, 8, 8), "labels": [0, 1]}, r"labels has shape \(2,\) and images"),
        ({"images": images(4, 8, 8), "labels": [0, 0.5, 1, 1]}, "hold fractions or NaN"),
        ({"images": images(4, 8, 8), "labels": [0, 0, 0, 0]}, "holds one class, '0'; two are"),
        ({"images": images(4, 8, 8), "labels": np.full((4, 2), 2)}, "0 or 1 is needed"),
        ({"images": np.array([None] * 4), "labels": [0, 1] * 2}, "images is an object array"),
        ({"images": images(4, 8, 8), "labels": np.array([0, 1] * 2, object)}, "an object array"),
        ({"images": images(4, 8), "labels": [0, 1] * 2}, r"shape \(4, 8\); images \(N, "),
        ({"images": images(4, 64, 64, 8), "labels": [0, 1] * 2}, r"Say it with spatial_dims=2 or"),
        (
            {
                "train_images": images(4, 8, 8),
                "train_labels": [0, 1] * 2,
                "test_images": images(4, 9, 8),
                "test_labels": [0, 1] * 2,
            },
            r"test_images has shape \(4, 9, 8\) and dtype uint8, and train_images",
        ),
        (
            {"images": images(4, 8, 8), "labels": [0, 1] * 2, "ids": np.array(list("aabc"))},
            "'a' occurs 2 times",
        ),
    ],
)
def test_what_is_refused(tmp_path, arrays, match):
    with pytest.raises(ValueError, match=match) as raised:
        listed(write(tmp_path, **arrays))
    assert "\n" not in str(raised.value)


def test_no_such_file_and_a_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a file; give an npz file"):
        listed(tmp_path / "b.npz")
    path = write(tmp_path, images=images(4, 8, 8), labels=[0, 1] * 2)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="is not a complete npz file"):
        listed(path)


def test_a_changed_file_is_read_again(tmp_path):
    values = images(24, 8, 8)
    form = ImageForm((8, 8), in_channels=1)

    def first():
        path = write(tmp_path, images=values, labels=np.arange(24) % 2)
        whole = split_listing(listed(path), val_fraction=0.3, test_fraction=0.3, min_validation=0)
        cohorts = load_listing(whole, form, cache_dir=tmp_path / "cache")
        return next(
            image
            for cohort in cohorts.values()
            for name, image in zip(cohort.ids, cohort.images)
            if name == "a-000000"
        )

    np.testing.assert_array_equal(first()[0], values[0])
    values = 255 - values
    np.testing.assert_array_equal(first()[0], values[0])
