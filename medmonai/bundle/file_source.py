"""The data part of a recipe that names image files, as the template's placeholders need it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pydoc import locate
from typing import Any

from medmonai.config_text import recipe_texts
from medmonai.data import ImageForm, split_listing
from medmonai.data.duplicates import COPY_THRESHOLD, NEAR_THRESHOLD
from medmonai.data.formats import FORMAT_NAMES
from medmonai.data.options import flat_parameters, option_groups
from medmonai.task import Task

from .class_order import listing_classes
from .covariate_parts import covariate_ids, with_covariate_columns
from .decoding_form import decoding_form
from .recipe import refuse_unknown, require_entries

SPLITS = (("train", "train"), ("validate", "val"), ("test", "test"))
_ABOUT: dict[str, Any] = {"licence": "", "citation": "", "known_issues": []}
_FILES_NEED = ("listing", "task", "class_names", "in_channels", "size", "source")
_FILES_MAY_SAY = (
    "positive_class",
    "covariates",
    "splits",
    "form",
    "ids",
    "licence",
    "citation",
    "known_issues",
    "data_type",
)


def file_source(source: Mapping[str, Any]) -> dict[str, Any]:
    """Image files: listed (`listing`), split (`splits`) and decoded once at `size` in a stated form
    (`form`).

    `listing`, `splits` and `form` are arguments of the listing function, of `split_listing` and of
    `ImageForm`; what a user may want to change of them are ids of their own (`ids`).
    """
    _check_files(source)
    listing, classes = _handed_classes(source)
    size = list(source["size"])
    splits = {"val_fraction": None, "test_fraction": None, **source.get("splits", {})}
    form = decoding_form(len(size), **source.get("form", {}))
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
        **covariate_ids(source),
        "listing": with_covariate_columns(listing, source),
        "planned_listing": _planned_listing(splits),
        "images": {
            "_target_": "medmonai.data.load_listing",
            "listing": "@planned_listing",
            "form": {
                "spatial_size": "@spatial_size",
                "in_channels": source["in_channels"],
                **form["form_arguments"],
            },
            "skip_unreadable": "@skip_unreadable",
            "cache_dir": "@cache_dir",
        },
    }
    return {
        **{f"{split}_dataset": f"$@images['{name}']" for split, name in SPLITS},
        **form,
        "needs_data": True,
        "source_ids": ids,
        "references": {},
        "listing": "$@images.listing",
        "task": Task(source["task"], len(source["class_names"])),
        "near_threshold": NEAR_THRESHOLD,
        "leak_threshold": COPY_THRESHOLD,
        "class_names": list(source["class_names"]),
        "in_channels": source["in_channels"],
        **_channels(source),
        "size": size,
        **{name: source.get(name, empty) for name, empty in _ABOUT.items()},
        "source": source["source"],
        "data_type": source.get("data_type", FORMAT_NAMES),
    }


def _channels(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names of the channels, and the image columns of tables for inference.

    Raises:
        ValueError: a form that `ImageForm` refuses, or another number of image columns than
            channels.
    """
    stated = source.get("form", {})
    indicators = list(stated.get("indicators", []))
    form = ImageForm(
        tuple(source["size"]),
        in_channels=source["in_channels"],
        indicators=tuple(indicators),
        intensity_range=None
        if "$" in str(stated) or "@" in str(stated)
        else stated.get("intensity_range"),
    )
    stated = source["listing"].get("columns", {})
    columns = stated.get("image_column") if isinstance(stated, Mapping) else None
    if not isinstance(columns, list) or len(columns) < 2:
        return {}
    if len(columns) != form.image_channels:
        raise ValueError(
            f"image_column names {len(columns)} columns, and in_channels={form.in_channels} less "
            f"{len(indicators)} indicators are {form.image_channels} channels; give one column for "
            "each channel."
        )
    names = [*columns, *(f"{columns[i]} is there" for i in indicators)]
    return {
        "channel_names": names,
        "image_columns": recipe_texts({"image_column": columns}),
    }


def _planned_listing(splits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the id that divides the listing: by fractions, or by a file of splits."""
    arguments = {
        name: f"$None if @splits_file else @{name}" if name.endswith("_fraction") else f"@{name}"
        for name in splits
    }
    return {
        "_target_": "medmonai.data.split_listing",
        "listing": "@listing",
        "seed": "@split_seed",
        "file": "@splits_file",
        "file_missing": "@splits_file_missing",
        **arguments,
    }


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
        ImageForm,
        where="form",
        of_bundle=("spatial_size", "in_channels"),
    )


def _check_arguments(
    given: Mapping[str, Any], function: Any, *, where: str, of_bundle: tuple[str, ...]
) -> None:
    """Raise ValueError if a part of a recipe gives a function an unknown argument, or lacks one
    that it needs; arguments in a dictionary of their own (`columns`) are checked the same way.
    """
    groups = option_groups(function)
    fields = {field: name for name in groups for field in flat_parameters(groups[name])}
    misplaced = [entry for entry in given if entry in fields and fields[entry] not in given]
    for entry in misplaced:
        if entry not in inspect.signature(function).parameters:
            raise ValueError(
                f"{where} holds {entry!r}, which belongs in {fields[entry]!r}: write "
                f'"{fields[entry]}": {{"{entry}": ...}}.'
            )
    for name, kind in groups.items():
        options = given.get(name)
        if isinstance(options, Mapping) and "_target_" not in options:
            _check_arguments(options, kind, where=f"{where}#{name}", of_bundle=())
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
