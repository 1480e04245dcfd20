"""What each id of a bundle's configs is for: the tables in the README of every bundle are rendered
from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_STRATEGIES = "none, oversample, cap, target or dual: how the classes are balanced within an epoch"

# Ids of train.json. Those within `train` follow the others in the table.
_OF_TRAINING = {
    "dataset_dir": "folder of the data set",
    "output_dir": (
        "run folder; MONAI's command takes the bundle's own folder by default, `medmonai run` a "
        "new one in runs/"
    ),
    "device": "cpu, cuda or another device of PyTorch",
    "seed": "seed of the weights, the batches and the augmentation",
    "max_epochs": "number of epochs of both stages together",
    "warmup_epochs": (
        "epochs with cross-entropy, at the beginning; those after them maximize the AUC with PESG. "
        "`'$@max_epochs'` is cross-entropy alone, 0 is PESG from scratch"
    ),
    "batch_size": "cases per batch and process",
    "learning_rate": "learning rate of the cross-entropy stage",
    "auc_learning_rate": "learning rate of PESG",
    "average_decay": "decay of the moving average of the weights; 0 keeps no average",
    "label_smoothing": "label smoothing of the cross-entropy",
    "class_weights": (
        "class weights of the cross-entropy: `balanced` (with `train#balance#strategy none`), or "
        "one number per class; PESG takes none"
    ),
    "precision": "auto, fp32, bf16 or fp16 (CUDA)",
    "val_interval": "epochs from one validation to the next",
    "patience": (
        "early stopping: epochs without a better validation AUC, counted within PESG where there "
        "is such a stage; null trains all epochs"
    ),
    "keep_best": (
        "run: the weights of the best epoch of the whole run are kept; stage: those of the best "
        "epoch of PESG, even if the warm-up was better"
    ),
    "allow_leakage": (
        "true trains although validation or test cases are copies of training cases; the report "
        "states it"
    ),
    "federated": (
        "true for a client of federated learning: a client that is restarted in each round "
        "continues with its epochs and optimizers"
    ),
    "normalization": "list of transforms; `'[]'` is an arm without",
    "optimizer": "optimizer of the cross-entropy stage",
    "train#flips": "part of `train#augmentation`: list of transforms, `'[]'` for none",
    "train#affine": "part of `train#augmentation`: list of transforms, `'[]'` for none",
    "train#noise": "part of `train#augmentation`: list of transforms, `'[]'` for none",
    "train#augmentation": "all random transforms; `'[]'` is an arm without",
    "train#balance#strategy": _STRATEGIES,
}

# Ids that only bundles of one kind of data or network have.
_OF_SOURCES = {
    "phantom_seed": "seed of the images: another seed draws other cases, in every split",
    "train_cases": "number of training cases that are drawn",
    "dataset_name": (
        "another set of MedMNIST with the same classes (organamnist, organcmnist, organsmnist); "
        "others are refused"
    ),
    "image_size": "28, 64, 128 or 224 (volumes: 28 or 64), where there is such a file",
    "groups_file": (
        "CSV (id, group) with the patient or lesion of every case: validation and test lose the "
        "cases that share one with an earlier split"
    ),
    "verify_checksum": "false accepts any file of this layout",
    "spatial_size": "what the images are decoded to",
    "enlarged_size": (
        "what the images are enlarged to before the network, after the augmentation; null leaves "
        "them as they are decoded; give it in inference too"
    ),
    "aspect": "stretch, crop or pad images of another shape",
    "intensity_range": (
        "`[low, high]` gray values that become 0 and 255, or one such pair per channel; needed "
        "for anything but 8-bit images (CT in HU)"
    ),
    "orientation": "orientation that volumes are brought to, such as RAS",
    "spacing": (
        "voxel spacing that volumes are brought to, in mm; null stretches them to `spatial_size`"
    ),
    "jpeg_scaling": (
        "true decodes large JPEGs at 1/2, 1/4 or 1/8: faster, with small differences; give it in "
        "inference too"
    ),
    "val_fraction": "share of the cases that is drawn for validation, by class and group",
    "test_fraction": (
        "share of the cases that is drawn for test; null where the source has a test split, which "
        "is kept (to draw all three splits again, also give `--planned_listing#keep_given False`)"
    ),
    "split_seed": "seed of the draw of the splits",
    "splits_file": "CSV (id, split) instead of a draw, such as splits.csv of an earlier run",
    "splits_file_missing": (
        "error, or skip: images that the file does not name, and rows without an image, are left "
        "out"
    ),
    "cache_dir": (
        "folder of the decoded or expanded images; null: the folder in MEDMONAI_CACHE, else the "
        "user's cache folder"
    ),
    "skip_unreadable": "true leaves damaged files out and lists them in left_out.csv",
    "rows_without_image": "rows of the table without an image: error, or skip",
    "image_folders": "folders of the images, beside the table",
    "group_pattern": "regular expression; its first group in a file name is the patient",
    "published_images": (
        "true if the images are those of the published set named above: the run then states its "
        "licence, citation and known issues"
    ),
    "covariates": (
        "columns that the network sees beside the image: names, or dictionaries with `name`, "
        "`kind` (`number` or `category`) and, of a category, `categories`"
    ),
    "group_column": "column of the table with the patient or slide",
    "class_names": (
        "the classes in the order of their labels, or `{name in the source: name to show}`; give "
        "inference the same names"
    ),
    "positive_class": (
        "the class of recall, specificity, AUC and thresholds, if not the last class; inference "
        "then needs `--class_names` in that order"
    ),
    "pretrained": (
        "true: ImageNet weights (downloaded once, SHA-256 checked); `medicalnet` for ResNets on "
        "volumes; a file with the backbone's weights; false: random weights, of little use in a "
        "frozen backbone: then also give `--network_def#freeze none`"
    ),
    "cache_features": (
        "true computes the features of the frozen backbone once and trains the head on them, "
        "without augmentation"
    ),
    "unfreeze": "parts of the frozen backbone that learn from an epoch on, in a ResNet "
    '`\'{"3": "layer4", "6": "layer3"}\'`: names of modules, or lists of them; `""` is the whole '
    "backbone",
}

_OF_EVALUATION = {
    "ckpt_path": "the checkpoint that is evaluated; by default model.pt of the run folder",
    "operating_point_rule": (
        "how the threshold is chosen on validation, such as `youden` or `sensitivity=0.9`"
    ),
    "saliency_layer": "layer of the saliency maps; null: chosen automatically",
    "flip_axes": "axes of the flip averaging; `'[]'` for none",
    "audit#near_threshold": (
        "correlation from which two images are near duplicates; null: not looked for"
    ),
}

# Inference decodes a person's own images, whatever the training images were.
_OF_INFERENCE = {
    "dataset_dir": "the images: a folder or a file",
    "output_dir": "folder of predictions.csv",
    "ckpt_path": "the trained weights",
    "decision_path": (
        "decision.json with the threshold for `predicted`; by default the file beside the weights"
    ),
    "covariates_file": (
        "table with a column `id` (path of the image inside `dataset_dir`) and the covariates of "
        "the images"
    ),
    "load_pretrain": (
        "false loads no weights: the network is random, and its predictions mean nothing"
    ),
    "spatial_size": "the size that images are brought to; as in the training",
    "jpeg_scaling": "true decodes large JPEGs at 1/2, 1/4 or 1/8; as in the training",
    "enlarged_size": "what the images are enlarged to before the network; as in the training",
    "class_names": "the classes in the order of the labels, as in the training; others are refused",
    "flip_axes": "axes of the flip averaging; `'[]'` for none",
    "normalization": "list of transforms; as in the training",
}
_OF_EVERY_CONFIG = {"bundle_root": "the folder of the bundle"}
_NO_DATA = "does nothing here: training and evaluation draw their images"


def id_tables(configs: Mapping[str, Mapping[str, Any]], *, needs_data: bool) -> dict[str, str]:
    """Return the rows of the README's tables, one per id that a person may set, in the order of the
    configs.

    Args:
        configs: rendered "train.json", "evaluate.json" and "inference.json".
        needs_data: whether the training reads a data set, so that `dataset_dir` acts there.

    Returns:
        "train_ids", "evaluate_ids" and "inference_ids" -> rows of a Markdown table.
    """
    of_training = {**_OF_EVERY_CONFIG, **_OF_TRAINING, **_OF_SOURCES}
    of_training |= {} if needs_data else {"dataset_dir": _NO_DATA}
    balance = configs["train.json"]["train"]["balance"]
    of_training["train#balance#strategy"] += _numbers_to_unset(balance)
    within = [name for name in _OF_TRAINING if name.startswith("train#")]
    of_inference = {**of_training, **_OF_INFERENCE}
    return {
        "train_ids": _rows([*configs["train.json"], *within], of_training),
        "evaluate_ids": _rows(configs["evaluate.json"], _OF_EVALUATION),
        "inference_ids": _rows(configs["inference.json"], of_inference),
    }


def _rows(ids: Iterable[str], said: Mapping[str, str]) -> str:
    named = [name.replace("::", "#") for name in ids]
    return "".join(f"| `{name}` | {said[name]} |\n" for name in named if name in said)


def _numbers_to_unset(balance: Mapping[str, Any]) -> str:
    """Return what other strategies need where a bundle's own strategy has a number of cases."""
    numbers = [
        f"`--train#balance#{name} None`"
        for name in ("cap", "target")
        if balance.get(name) is not None
    ]
    return (
        f"; for another strategy than the bundle's own, also give {' and '.join(numbers)}"
        if numbers
        else ""
    )
