"""The data part of a recipe: a MedMNIST set, the phantom or image files, as the template's
placeholders need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medmonai.data import PhantomDesign, dataset_info, positive_last
from medmonai.data.duplicates import NEAR_THRESHOLD
from medmonai.data.formats import FORMAT_NAMES
from medmonai.data.positive_class import require_binary
from medmonai.data.sources import PHANTOM_CLASSES, sets_of_same_classes
from medmonai.task import Task

from .decoding_form import decoding_form
from .file_source import SPLITS, file_source
from .recipe import refuse_unknown

_MEDMNIST_IDS = {"verify_checksum": True, "groups_file": None, "cache_dir": None}


def source_values(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the placeholders about data stand for: data sets of the splits, ids of their own,
    task, size, licence.

    Args:
        recipe: its "dataset" names a MedMNIST set (`medmnist`, `size`), the phantom (`phantom`,
            `train_cases`), or image files (`listing`: how they are listed; see `file_source`).

    Raises:
        ValueError: an unknown set, or one that is not of the kinds above.
    """
    dataset = recipe["dataset"]
    kinds = {"medmnist": _medmnist_source, "phantom": _phantom_source, "listing": file_source}
    for kind, function in kinds.items():
        if kind in dataset:
            values = function(dataset)
            unnamed = ["image"] * values["in_channels"]
            return {"channel_names": unnamed, "image_columns": {}, **values}
    raise ValueError(
        f"dataset of a recipe holds {', '.join(dataset) or 'nothing'}; one of "
        f"{', '.join(kinds)} is needed."
    )


def _medmnist_source(source: Mapping[str, Any]) -> dict[str, Any]:
    info = dataset_info(source["medmnist"])
    size = source["size"]
    refuse_unknown(source, ("medmnist", "size", "positive_class", "class_names"), where="dataset")
    positive = source.get("positive_class")
    require_binary(info.task, positive)
    names = list(positive_last(info.class_names, positive))
    _check_fixed(source, names)
    chosen = {"positive_class": "@positive_class"} if info.task.kind == "binary" else {}
    # any other set is refused: a bundle has one order of classes
    others = sets_of_same_classes(info.name)
    files_of = {
        f"{split}_dataset": {
            "_target_": "medmonai.data.load_medmnist",
            "name": "@dataset_name" if others else info.name,
            "split": name,
            "size": "@image_size",
            "dataset_dir": {"path": "@dataset_dir", "verify": "@verify_checksum"},
            "groups_file": "@groups_file",
            "cache_dir": "@cache_dir",
            **chosen,
        }
        for split, name in SPLITS
    }
    ids = {
        **({"dataset_name": info.name} if others else {}),
        "image_size": size,
        **_MEDMNIST_IDS,
        **dict.fromkeys(chosen, positive),
    }
    return {
        **files_of,
        **decoding_form(info.spatial_dims),
        "needs_data": True,
        "source_ids": ids,
        "references": {},
        "listing": None,
        "task": info.task,
        "class_names": names,
        "in_channels": info.in_channels,
        "size": [size] * info.spatial_dims,
        "licence": info.licence,
        "citation": info.citation,
        "known_issues": list(info.known_issues),
        "source": f"MedMNIST: {info.name}",
        "near_threshold": NEAR_THRESHOLD,
        "leak_threshold": None,
        "data_type": f"npz, {FORMAT_NAMES}",
    }


def _phantom_source(source: Mapping[str, Any]) -> dict[str, Any]:
    size = list(source["phantom"]["spatial_size"])
    _check_fixed(source, list(PHANTOM_CLASSES))
    design = {
        "_target_": "medmonai.data.PhantomDesign",
        **source["phantom"],
        "spatial_size": "@spatial_size",
    }
    splits = {
        f"{split}_dataset": {
            "_target_": "medmonai.data.lesion_phantom",
            "split": name,
            "seed": "@phantom_seed",
            "design": "@phantom_design",
        }
        for split, name in SPLITS
    }
    splits["train_dataset"]["num_cases"] = "@train_cases"
    reference = {
        "_target_": "medmonai.data.ideal_observer_predictions",
        "cohort": "@test#dataset",
        "design": "@phantom_design",
    }
    PhantomDesign(tuple(size))  # an impossible size is an error of the recipe, not of the run
    return {
        **splits,
        **decoding_form(len(size)),
        "needs_data": False,
        "source_ids": {
            "phantom_seed": 0,
            "train_cases": source["train_cases"],
            "spatial_size": size,
            "phantom_design": design,
        },
        "references": {"ideal_observer": reference},
        "listing": None,
        "task": Task("binary", 2),
        "class_names": list(PHANTOM_CLASSES),
        "in_channels": 1,
        "size": size,
        "licence": "Apache-2.0 (drawn by medmonai)",
        "citation": "",
        "known_issues": [],
        "source": "drawn from a seed by medmonai.data.lesion_phantom",
        "data_type": f"npz, {FORMAT_NAMES}",
        "near_threshold": None,
        "leak_threshold": None,
    }


def _check_fixed(source: Mapping[str, Any], names: list[str]) -> None:
    """Raise ValueError if a recipe states other classes, or another order, than those of a fixed
    data set.
    """
    stated = list(source.get("class_names", names))
    if stated != names:
        turned = len(names) == 2 and sorted(stated) == sorted(names)
        other = " To look for the other class, give positive_class." if turned else ""
        raise ValueError(
            f"class_names={stated} in dataset, but the labels of this set mean {names}, in this "
            f"order; leave class_names out.{other}"
        )
