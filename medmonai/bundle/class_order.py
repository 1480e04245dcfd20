"""The classes of a bundle in the order of their labels: the same order in configs, data and
weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medmonai.atomic_files import read_json
from medmonai.data.positive_class import check_positive_class, positive_last
from medmonai.data.tables import check_column_names

from .config import evaluated


def names_shown(class_names: Sequence[Any] | Mapping[Any, Any]) -> list[str]:
    """Return the names that are shown of a list, or of a mapping of names in the source to them."""
    return [
        str(name)
        for name in (class_names.values() if isinstance(class_names, Mapping) else class_names)
    ]


def listing_classes(dataset: Mapping[str, Any]) -> Any:
    """Return the classes that a recipe hands to its listing, after a check that the recipe states
    one order.

    Args:
        dataset: of the recipe, with its `listing`, `class_names` and maybe `positive_class`.

    Returns:
        `class_names` of the listing, or those of the dataset where the listing has none.

    Raises:
        ValueError: other classes or another order in the listing, another positive class than the
            last one, or names of several label columns in another order than the columns.
    """
    listing = dataset["listing"]
    names = names_shown(dataset["class_names"])
    stated = listing.get("class_names", names)
    if names_shown(stated) != names:
        raise ValueError(
            f"class_names={names} in dataset and {names_shown(stated)} in listing; both are the "
            "order of the labels, so give the same ones, or leave those of the listing out."
        )
    for part, where in ((dataset, "dataset"), (listing, "listing")):
        if part.get("positive_class") is not None:
            if dataset["task"] != "binary":
                raise ValueError(
                    f"positive_class={part['positive_class']!r} in {where} of a "
                    f"{dataset['task']} task; only a binary one has a positive class."
                )
            check_positive_class(stated, part["positive_class"], what=f"{where}: ")
    stated_columns = listing.get("columns")
    columns = stated_columns.get("label_column") if isinstance(stated_columns, Mapping) else None
    if isinstance(columns, list) and not isinstance(stated, Mapping):
        check_column_names(names, columns)
    return stated


def require_one_order(config: Mapping[str, Any], class_names: Sequence[str], *, what: str) -> None:
    """Refuse classes of data, or an order of them, that are not those of the bundle that is
    running.

    The bundle's are the id `class_names` with `positive_class`, or, where a config has no such id,
    `class_names` of the bundle's inference.json. metadata.json must not contradict inference.json:
    readers of either call the cases by it.

    Args:
        config: the merged config.
        class_names: of the data, in the order of the labels.
        what: name of the data, for the message.

    Raises:
        ValueError: they differ, or the bundle contradicts itself.
    """
    described = _described(config)
    stated = evaluated("class_names") if "class_names" in config else described
    if not stated:
        return
    wanted = names_shown(
        positive_last(stated, evaluated("positive_class") if "positive_class" in config else None)
    )
    if wanted != list(class_names):
        turned = sorted(wanted) == sorted(class_names) and "positive_class" in config
        hint = "give the data of this bundle, or make a bundle for these with `medmonai init`"
        if turned:
            hint = (
                f"--positive_class {json.dumps(class_names[-1], ensure_ascii=False)} makes their "
                "order the bundle's"
            )
        raise ValueError(
            f"the classes of {what} are {_in_order(class_names)}, those of the bundle "
            f"{_in_order(wanted)}: a label would mean two things; {hint}."
        )


def _described(config: Mapping[str, Any]) -> list[str] | None:
    """Return the classes in the bundle's inference.json, after a check that metadata.json does not
    name others.
    """
    if "bundle_root" not in config:
        return None
    configs = Path(str(evaluated("bundle_root"))) / "configs"
    names = read_json(configs / "inference.json").get("class_names")
    check_metadata(names, read_json(configs / "metadata.json"))
    return names


def require_trained_classes(
    class_names: Sequence[str], trained: Sequence[str] | None, *, checkpoint: str | Path
) -> None:
    """Refuse other classes, or another order, than those that a checkpoint was trained for.

    Args:
        class_names: of the evaluation or inference.
        trained: the classes recorded by the run or by the file of the weights; None where nothing
            is known.
        checkpoint: the file of the weights.

    Raises:
        ValueError: they differ.
    """
    if trained is not None and list(trained) != list(class_names):
        raise ValueError(
            f"{checkpoint} was trained for the classes {_in_order(trained)}, and this config says "
            f"{_in_order(class_names)}; a case would be called by another name. Give class_names "
            "or positive_class as in the training, in an inference --class_names "
            f"'{json.dumps(list(trained), ensure_ascii=False)}'."
        )


def require_inference_classes(
    config: Mapping[str, Any], trained: Sequence[str] | None, *, checkpoint: str | Path
) -> None:
    """Refuse class names of an inference that are not those its weights were trained for.

    Weights from another tool may not name their classes. They count as the bundle's own: the id
    must then equal inference.json.

    Args:
        config: the merged config; without an id `class_names` nothing is compared.
        trained: see `require_trained_classes`.
        checkpoint: the file of the weights.

    Raises:
        ValueError: other classes, another order, or a bundle that contradicts itself.
    """
    if "class_names" not in config:
        return
    stated = names_shown(evaluated("class_names"))
    require_trained_classes(stated, trained, checkpoint=checkpoint)
    described = _described(config)
    if trained is None and described and stated != names_shown(described):
        raise ValueError(
            f"class_names are {_in_order(stated)}, in the bundle's inference.json "
            f"{_in_order(described)}, and {checkpoint} does not say what it was trained for; leave "
            "class_names as they are, or correct the bundle (inference.json and metadata.json)."
        )


def check_metadata(class_names: Sequence[str] | None, metadata: Mapping[str, Any]) -> None:
    """Raise ValueError if a bundle's metadata.json names the classes otherwise than its
    inference.json.

    Args:
        class_names: of inference.json, in the order of the labels.
        metadata: the content of metadata.json; entries that are missing are not compared.
    """
    if not class_names:
        return
    outputs = metadata.get("network_data_format", {}).get("outputs", {}).get("pred", {})
    channels = list(outputs.get("channel_def", {}).values())
    wanted = (
        list(class_names)[-1:]
        if len(class_names) == 2 and len(channels) == 1
        else list(class_names)
    )
    said = metadata.get("label_classes")
    moved = [
        name
        for c, name in enumerate(class_names)
        if isinstance(said, str)
        and (match := re.search(rf"(?:^|, )(\d+): {re.escape(str(name))}(?:,|$)", said))
        and int(match[1]) != c
    ]
    if (channels and channels != wanted) or moved:
        where = (
            f"channel_def {_in_order(channels)}"
            if channels and channels != wanted
            else f"label_classes {said!r}"
        )
        raise ValueError(
            f"metadata.json has {where}, inference.json class_names {_in_order(class_names)}: the "
            "bundle names its classes in two ways; correct the file that is wrong."
        )


def _in_order(names: Sequence[str]) -> str:
    return ", ".join(f"{c} {name}" for c, name in enumerate(names))
