"""The data part of a recipe: a MedMNIST set, the phantom or image files, as the template's
placeholders need it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pydoc import locate
from typing import Any

from medmonai.config_text import recipe_texts
from medmonai.data import PhantomDesign, dataset_info, load_listing, positive_last, split_listing
from medmonai.data.duplicates import COPY_THRESHOLD, NEAR_THRESHOLD
from medmonai.data.files import FORMAT_NAMES
from medmonai.data.positive_class import require_binary
from medmonai.data.sources import PHANTOM_CLASSES, sets_of_same_classes
from medmonai.task import Task

from .class_order import listing_classes
from .recipe import refuse_unknown, require_entries

# How inference brings images to a size, where the training images have theirs already; see
# `medmonai.data.ImageForm`.
_FORM = {
    "intensity_range": None,
    "aspect": "stretch",
    "orientation": "RAS",
    "spacing": None,
    "jpeg_scaling": False,
}
_OF_PICTURES = ("aspect", "jpeg_scaling")
_OF_VOLUMES = ("orientation", "spacing")
_SPLITS = (("train", "train"), ("validate", "val"), ("test", "test"))
_FILES_NEED = ("listing", "task", "class_names", "in_channels", "size", "source")
_FILES_MAY_SAY = (
    "positive_class",
    "splits",
    "form",
    "ids",
    "licence",
    "citation",
    "known_issues",
    "data_type",
)


def source_values(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the placeholders about data stand for: data sets of the splits, ids of their own,
    task, size, licence.

    Args:
        recipe: its "dataset" names a MedMNIST set (`medmnist`, `size`), the phantom (`phantom`,
            `train_cases`), or image files (`listing`: how they are listed; see `_file_source`).

    Raises:
        ValueError: an unknown set, or one that is not of the kinds above.
    """
    dataset = recipe["dataset"]
    kinds = {"medmnist": _medmnist_source, "phantom": _phantom_source, "listing": _file_source}
    for kind, function in kinds.items():
        if kind in dataset:
            return function(dataset)
    raise ValueError(
        f"dataset of a recipe holds {', '.join(dataset) or 'nothing'}; one of "
        f"{', '.join(kinds)} is needed."
    )


def _form(axes: int, **stated: Any) -> dict[str, Any]:
    """Return the placeholders of how images are decoded: only what acts on images of that many axes
    is an id.

    Raises:
        ValueError: the recipe states an argument that does nothing there.
    """
    idle, kind = (_OF_VOLUMES, "pictures") if axes == 2 else (_OF_PICTURES, "volumes")
    for name in idle:
        if name in stated and stated[name] != _FORM[name]:
            raise ValueError(
                f"form holds {name}={stated[name]!r}, which does nothing to {kind} ({axes} axes); "
                "leave it out."
            )
    ids = {name: stated.get(name, value) for name, value in _FORM.items() if name not in idle}
    return {"form_ids": ids, "form_arguments": {name: f"@{name}" for name in ids}}


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
            "dataset_dir": "@dataset_dir",
            "verify": "@verify_checksum",
            "groups_file": "@groups_file",
            "cache_dir": "@cache_dir",
            **chosen,
        }
        for split, name in _SPLITS
    }
    ids = {
        **({"dataset_name": info.name} if others else {}),
        "image_size": size,
        "verify_checksum": True,
        "groups_file": None,
        "cache_dir": None,
        **dict.fromkeys(chosen, positive),
    }
    return {
        **files_of,
        **_form(info.spatial_dims),
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
        for split, name in _SPLITS
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
        **_form(len(size)),
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


def _file_source(source: Mapping[str, Any]) -> dict[str, Any]:
    """Image files: listed (`listing`), split (`splits`) and decoded once at `size` in a stated form
    (`form`).

    `listing`, `splits` and `form` are arguments of the listing function, of `split_listing` and of
    `load_listing`; what a user may want to change of them are ids of their own (`ids`).
    """
    _check_files(source)
    listing, classes = _handed_classes(source)
    size = list(source["size"])
    splits = {"val_fraction": None, "test_fraction": None, **source.get("splits", {})}
    form = _form(len(size), **source.get("form", {}))
    ids = {
        "spatial_size": size,
        **form["form_ids"],
        **splits,
        "split_seed": 0,
        "splits_file": None,
        "splits_file_missing": "error",
        "skip_unreadable": False,
        "cache_dir": None,
        **recipe_texts(source.get("ids", {})),
        **classes,
        "listing": listing,
        "split_plan": {
            "_target_": "medmonai.data.split_listing",
            "listing": "@listing",
            "seed": "@split_seed",
            "file": "@splits_file",
            "file_missing": "@splits_file_missing",
            **{
                name: f"$None if @splits_file else @{name}"
                if name.endswith("_fraction")
                else f"@{name}"
                for name in splits
            },
        },
        "images": {
            "_target_": "medmonai.data.load_listing",
            "listing": "@split_plan",
            "spatial_size": "@spatial_size",
            "in_channels": source["in_channels"],
            "skip_unreadable": "@skip_unreadable",
            "cache_dir": "@cache_dir",
            **form["form_arguments"],
        },
    }
    datasets = {f"{split}_dataset": f"$@images['{name}']" for split, name in _SPLITS}
    task = Task(source["task"], len(source["class_names"]))
    return {
        **datasets,
        **form,
        "needs_data": True,
        "source_ids": ids,
        "references": {},
        "listing": "$@images.listing",
        "task": task,
        "near_threshold": NEAR_THRESHOLD,
        "leak_threshold": COPY_THRESHOLD,
        "class_names": list(source["class_names"]),
        "in_channels": source["in_channels"],
        "size": size,
        **{
            name: source.get(name, empty)
            for name, empty in (("licence", ""), ("citation", ""), ("known_issues", []))
        },
        "source": source["source"],
        "data_type": source.get("data_type", FORMAT_NAMES),
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


def _handed_classes(source: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the listing of a recipe with the recipe's classes handed to it, and the ids that it
    takes them from.

    A function without `class_names` is called as it is: the training compares its classes when it
    starts.
    """
    listing = recipe_texts(source["listing"])
    stated = recipe_texts({"class_names": listing_classes(source)})["class_names"]
    function = locate(listing["_target_"])
    taken = inspect.signature(function).parameters if callable(function) else {}
    if "class_names" not in listing and "class_names" not in taken:
        return listing, {}
    listing.pop("positive_class", None)
    if source["task"] != "binary":
        return {**listing, "class_names": "@class_names"}, {"class_names": stated}
    ordered = "$medmonai.data.positive_last(@class_names, @positive_class)"
    return {**listing, "class_names": ordered}, {"class_names": stated, "positive_class": None}


def _check_files(source: Mapping[str, Any]) -> None:
    """Raise ValueError for arguments that the functions that list, split and decode would refuse in
    a run.
    """
    require_entries(source, _FILES_NEED, where="dataset")
    refuse_unknown(source, [*_FILES_NEED, *_FILES_MAY_SAY], where="dataset")
    require_entries(source["listing"], ("_target_",), where="listing")
    # None: a module of the user's, which is found beside the bundle only
    function = locate(source["listing"]["_target_"])
    if callable(function):
        _check_arguments(source["listing"], function, where="listing", of_bundle=())
    _check_arguments(
        source.get("splits", {}),
        split_listing,
        where="splits",
        of_bundle=("listing", "seed", "file", "file_missing"),
    )
    _check_arguments(
        source.get("form", {}),
        load_listing,
        where="form",
        of_bundle=("listing", "spatial_size", "in_channels", "skip_unreadable", "cache_dir"),
    )


def _check_arguments(
    given: Mapping[str, Any], function: Any, *, where: str, of_bundle: tuple[str, ...]
) -> None:
    """Raise ValueError if a part of a recipe gives a function an unknown argument, or lacks one
    that it needs.
    """
    taken = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in of_bundle
    }
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        refuse_unknown([name for name in given if not name.startswith("_")], taken, where=where)
    needed = [
        name
        for name, parameter in taken.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    require_entries(given, needed, where=where)
