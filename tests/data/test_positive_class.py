"""The positive class: chosen in every source, the last one otherwise, and never in silence."""

from __future__ import annotations

import logging

import nibabel
import numpy as np
import pytest
from bundle_runs import write_medmnist
from source_files import write_class_folders, write_picture

from medmonai.data import DatasetFolder, list_class_folders, list_image_table, load_medmnist
from medmonai.data.describe.source import open_source
from medmonai.data.describe.source_description import describe_cohorts, describe_listing
from medmonai.data.options import grouped
from medmonai.data.positive_class import default_note, ordered_classes, positive_last
from medmonai.task import Task


def list_flat(table, **options):
    """`list_image_table` with its options side by side, as a command line has them."""
    return list_image_table(**grouped(list_image_table, {"table": table, **options}))


def volumes(root, counts):
    for c, (name, n) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for i in range(n):
            nibabel.save(
                nibabel.Nifti1Image(np.full((4, 4, 4), c + i, np.int16), np.eye(4)),
                root / name / f"p{i}.nii.gz",
            )
    return root


def pictures(root, counts):
    return write_class_folders(root, counts, size=(8, 8))


def table(root, counts, *, numbers=None):
    """A table of images with the label in a column, as a word or as a number."""
    lines = ["image,label"]
    for c, (name, n) in enumerate(counts.items()):
        for i in range(n):
            write_picture(root / "images" / f"{name}_{i}.png", np.full((8, 8), c + i, np.uint8))
            lines.append(f"{name}_{i}.png,{numbers[name] if numbers else name}")
    (root / "labels.csv").write_text("\n".join(lines))
    return root / "labels.csv"


def of_table(path, **options):
    return list_flat(
        path,
        name="set",
        image_column="image",
        label_column="label",
        image_folders="images",
        **options,
    )


SOURCES = {
    "pictures": lambda root, counts, **options: list_class_folders(
        pictures(root, counts), name="set", **options
    ),
    "volumes": lambda root, counts, **options: list_class_folders(
        volumes(root, counts), name="set", **options
    ),
    "table": lambda root, counts, **options: of_table(table(root, counts), **options),
}
COUNTS = {"disease": 3, "healthy": 5}


@pytest.fixture(params=SOURCES)
def listed(request, tmp_path):
    return lambda **options: SOURCES[request.param](
        tmp_path, options.pop("counts", COUNTS), **options
    )


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, ("disease", "healthy")),
        ({"positive_class": "healthy"}, ("disease", "healthy")),
        ({"positive_class": " Disease"}, ("healthy", "disease")),
        # a stated order is a choice too
        ({"class_names": ["healthy", "disease"]}, ("healthy", "disease")),
        (
            {"class_names": ["healthy", "disease"], "positive_class": "disease"},
            ("healthy", "disease"),
        ),
        (
            {"class_names": {"healthy": "control", "disease": "ill"}, "positive_class": "ill"},
            ("control", "ill"),
        ),
        (
            {"class_names": {"healthy": "control", "disease": "ill"}, "positive_class": "disease"},
            ("control", "ill"),
        ),
    ],
)
def test_the_positive_class_is_class_1(listed, options, order):
    listing = listed(**options)
    assert listing.class_names == order and listing.task == Task("binary", 2)
    sick = [str(name).lower().startswith("disease") for name in listing.ids]
    assert (listing.labels == (np.array(sick) == (order[1] in ("disease", "ill")))).all()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            {"positive_class": "ill"},
            "positive_class='ill' is not a class; there are 'disease' and 'healthy'",
        ),
        (
            {"class_names": ["disease", "healthy"], "positive_class": "disease"},
            (
                r"put 'healthy' last, which makes it the positive class.*give "
                r"class_names=\['healthy', 'disease'\]"
            ),
        ),
        (
            {"class_names": {"disease": "ill", "healthy": "control"}, "positive_class": "disease"},
            "put 'control' last",
        ),
        (
            {"task": "multiclass", "positive_class": "disease"},
            "a multiclass task; only a binary one has a positive class",
        ),
        ({"counts": {"a": 2, "b": 2, "c": 2}, "positive_class": "a"}, "3 classes; two are needed"),
    ],
)
def test_a_positive_class_that_cannot_be(listed, options, match):
    with pytest.raises(ValueError, match=match):
        listed(**options)


def test_a_positive_class_that_nobody_chose_and_that_means_healthy_is_pointed_out(listed, caplog):
    with caplog.at_level(logging.WARNING):
        notes = listed().notes
    assert any(
        "The positive class is 'healthy', the last in the alphabet" in note for note in notes
    )
    assert "give positive_class='disease' (--positive_class)" in caplog.text


@pytest.mark.parametrize(
    "options",
    [
        {"positive_class": "healthy"},
        {"class_names": ["disease", "healthy"]},
        {"task": "multiclass"},
        {"counts": {"NORMAL": 3, "PNEUMONIA": 3}},
    ],
)
def test_a_choice_or_an_illness_is_not(listed, options):
    assert not listed(**options).notes


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("abnormal", "Normal "), True),
        (("ja", "nein"), True),
        (("auffällig", "unauffällig"), True),
        (("Karzinom", "ohne_Befund"), True),
        (("hemorrhage", "no hemorrhage"), True),
        (("CT_COVID", "CT_NonCOVID"), True),
        (("Demented", "NonDemented"), True),
        (("fractured", "not_fractured"), True),
        (("Infected", "Un-infected"), True),
        (("Parasitized", "Uninfected"), True),
        (("+", "-"), True),
        (("Blutung", "keine Blutung"), True),
        (("healthy", "unhealthy"), False),
        (("norma", "normal 2"), False),
        (("no tumour", "tumour"), False),
        (("small cell", "squamous"), False),
        (("no tumour", "nothing"), False),
        (("a", "No finding"), True),
        (("benign", "malignant"), False),
        (("negative", "normal"), False),
        (("0", "1"), False),
    ],
)
def test_names_that_mean_healthy(names, expected):
    assert bool(default_note(names, Task("binary", 2))) is expected and not default_note(
        names, Task("multiclass", 2)
    )


def test_classes_that_are_numbers(tmp_path):
    path = table(tmp_path, {"ill": 3, "well": 3}, numbers={"ill": 1, "well": "2.0"})
    assert of_table(path).class_names == ("1", "2.0")
    turned = of_table(path, positive_class="1.0")
    assert turned.class_names == ("2.0", "1") and turned.labels.tolist() == [1, 1, 1, 0, 0, 0]
    assert ordered_classes({"0": 1, "1": 1}, {"0": "no", "1": "yes"}, 1)[0] == ("no", "yes")
    assert positive_last({"0": "no", "1": "yes"}, "0") == {"1": "yes", "0": "no"}
    given = open_source(
        str(path),
        {"image_column": "image", "label_column": "label", "images": "images", "positive-class": 1},
    )
    assert given.class_names == ("2.0", "1")


def test_labels_in_columns_have_no_positive_class_and_one_order(tmp_path):
    write_picture(tmp_path / "images" / "a.png", np.zeros((8, 8), np.uint8))
    write_picture(tmp_path / "images" / "b.png", np.ones((8, 8), np.uint8))
    (tmp_path / "t.csv").write_text("image,oedema,effusion\na.png,1,0\nb.png,0,1\n")

    def listing(**options):
        return list_flat(
            tmp_path / "t.csv",
            name="set",
            image_column="image",
            label_column=["oedema", "effusion"],
            image_folders="images",
            **options,
        )

    assert listing().class_names == ("oedema", "effusion") and listing(
        class_names=["A", "B"]
    ).class_names == ("A", "B")
    with pytest.raises(ValueError, match="name the columns oedema, effusion in another order"):
        listing(class_names=["effusion", "oedema"])
    with pytest.raises(ValueError, match="a multilabel task"):
        listing(positive_class="oedema")


def test_a_description_says_the_positive_class_first(listed):
    described = describe_listing(listed(positive_class="disease"))
    assert described.lines()[1] == (
        "positive class: disease (class 1, against healthy); recall, specificity, AUC and "
        "thresholds are about it"
    )
    assert described.as_dict()["positive_class"] == "disease" and described.as_dict()[
        "class_names"
    ] == ["healthy", "disease"]


def test_a_description_of_several_classes_says_their_order(tmp_path):
    described = describe_listing(
        list_class_folders(pictures(tmp_path, {"c": 2, "a": 2, "b": 2}), name="set")
    )
    assert (
        described.lines()[1] == "order of the labels: 0 a, 1 b, 2 c"
        and described.as_dict()["positive_class"] is None
    )
    write_medmnist(tmp_path, "breastmnist", (28, 28))
    cohort = load_medmnist(
        "breastmnist", split="val", dataset_dir=DatasetFolder(tmp_path, verify=False)
    )
    assert (
        describe_cohorts([cohort])
        .lines()[1]
        .startswith("positive class: normal, benign (class 1, against malignant)")
    )
