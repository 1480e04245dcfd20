"""What the README of a bundle says of the ids that its kind of data or network has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_NO_DATA = ("\nTraining and evaluation draw their images: `dataset_dir`, which every bundle of MONAI has, does nothing there. "
            "In inference it is the folder of your images.\n")

# Ids that only bundles of one kind of data or network have, for their README.
_OWN_IDS = {
    "phantom_seed": "of the images: another seed draws other cases, in every split",
    "train_cases": "how many training cases are drawn",
    "dataset_name": "another set of MedMNIST with the same classes (organamnist, organcmnist, organsmnist); others are refused",
    "image_size": "28, 64, 128 or 224 (volumes: 28 or 64), where there is such a file",
    "groups_file": "a CSV (id, group) of the patient or lesion of every case: val and test lose what shares one with an "
                   "earlier split",
    "verify_checksum": "false takes any file of this layout",
    "spatial_size": "what the images are decoded to",
    "enlarged_size": "what the images are enlarged to before the network, after the augmentation; null leaves them as they are "
                     "decoded; give it in inference too",
    "aspect": "stretch, crop or pad, where an image has another shape",
    "intensity_range": "`[low, high]` grey values that become 0 and 255; needed for anything but 8-bit images (CT in HU)",
    "orientation": "of volumes",
    "spacing": "of volumes, in mm; null stretches them to `spatial_size`",
    "jpeg_scaling": "true decodes large JPEGs at 1/2, 1/4 or 1/8: faster, with small differences; give it in inference too",
    "val_fraction": "share of the cases that are drawn for validation, by class and group",
    "test_fraction": "the same for test; null where the source has a test split, which stays (to draw all three again, also "
                     "`--split_plan#keep_given False`)",
    "split_seed": "of that draw",
    "splits_file": "a CSV (id, split) instead, such as splits.csv of an earlier run",
    "splits_file_missing": "skip: images that the file does not name, and rows of it without an image, are left out",
    "cache_dir": "folder of the decoded or expanded images; null: what MEDMONAI_CACHE names, else the user's cache folder",
    "skip_unreadable": "true leaves damaged files out and lists them in left_out.csv",
    "rows_without_image": "error, or skip",
    "image_folders": "where the images lie, beside the table",
    "group_pattern": "regular expression in the file name whose first group is the patient",
    "published_images": "true where the images are those of the published set named above: its licence, citation and known "
                        "issues are then stated of this run",
    "group_column": "of the table: patient or slide",
    "class_names": "the classes in the order of their labels, or `{name in the source: name to show}`; inference takes the "
                   "same ones",
    "positive_class": "the class that recall, specificity, AUC and thresholds are about, if not the last of the classes; "
                      "inference then takes `--class_names` in that order",
    "pretrained": "true: ImageNet weights (downloaded once, SHA-256 checked); false: random ones, of little use in a frozen "
                  "backbone: then also `--network_def#freeze none`",
    "cache_features": "true computes the features of the frozen backbone once and trains the head on them, without "
                      "augmentation",
    "unfreeze": "parts of the frozen backbone that learn from an epoch on, in a ResNet "
                "`'{\"3\": \"layer4\", \"6\": \"layer3\"}'`: names of modules, or lists of them; `\"\"` is the whole backbone",
}


# Inference decodes a person's own images, whatever the training images were.
_OF_INFERENCE = {
    "spatial_size": "the size that images are brought to; as in the training",
    "jpeg_scaling": "true decodes large JPEGs at 1/2, 1/4 or 1/8; as in the training",
    "enlarged_size": "what the images are enlarged to before the network; as in the training",
}


def own_id_rows(ids: Mapping[str, Any]) -> str:
    """Return the rows of the README's table for ids that not every bundle has."""
    return "".join(f"| `{name}` | {_OWN_IDS[name]} |\n" for name in ids if name in _OWN_IDS)


def inference_id_rows(ids: Iterable[str]) -> str:
    """Return the rows of the README's table of inference.json for ids that decide how images are read."""
    said = {**_OWN_IDS, **_OF_INFERENCE}
    return "".join(f"| `{name}` | {said[name]} |\n" for name in ids if name in said)


def balance_words(balance: Mapping[str, Any]) -> str:
    """Return what other strategies of balancing need where a bundle's own has a number of cases."""
    numbers = [f"`--train#balance#{name} None`" for name in ("cap", "target") if balance.get(name) is not None]
    return f" (with {' and '.join(numbers)})" if numbers else ""


def data_words(*, needs_data: bool) -> dict[str, str]:
    """Return what the README says of `dataset_dir`: an argument of the commands, or that a training needs none."""
    if not needs_data:
        return {"data_argument": "", "data_id": "", "data_sentence": _NO_DATA}
    return {"data_argument": "--dataset_dir DIR ", "data_id": ", `dataset_dir`", "data_sentence": ""}
