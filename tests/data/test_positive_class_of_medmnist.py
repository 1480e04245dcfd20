"""A binary MedMNIST set takes another positive class; one of several classes has none."""

from __future__ import annotations

import pytest
from bundle_runs import write_medmnist

from medmonai.data import DatasetFolder, load_medmnist


@pytest.mark.parametrize(
    ("name", "shape"), [("breastmnist", (28, 28)), ("vesselmnist3d", (28, 28, 28))]
)
def test_medmnist_sets_with_another_positive_class(name, shape, tmp_path):
    write_medmnist(tmp_path, name, shape, size={"train": 6, "val": 4, "test": 4})
    usual, turned = (
        load_medmnist(
            name,
            split="val",
            positive_class=positive,
            dataset_dir=DatasetFolder(tmp_path, verify=False),
        )
        for positive in (None, {"breastmnist": "malignant", "vesselmnist3d": "vessel"}[name])
    )
    assert (
        turned.class_names == usual.class_names[::-1]
        and turned.labels.tolist() == (1 - usual.labels).tolist()
    )
    assert turned.class_counts() == dict(reversed(usual.class_counts().items()))
    same = load_medmnist(
        name,
        split="val",
        positive_class=usual.class_names[1],
        dataset_dir=DatasetFolder(tmp_path, verify=False),
    )
    assert same.labels.tolist() == usual.labels.tolist()


def test_medmnist_sets_of_several_classes_have_none(tmp_path):
    write_medmnist(
        tmp_path, "organmnist3d", (28, 28, 28), size={"train": 11, "val": 11, "test": 11}
    )
    with pytest.raises(ValueError, match="positive_class='liver' and a multiclass task"):
        load_medmnist(
            "organmnist3d",
            split="val",
            positive_class="liver",
            dataset_dir=DatasetFolder(tmp_path, verify=False),
        )
