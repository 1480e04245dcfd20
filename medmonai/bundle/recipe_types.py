"""The kinds of values in a recipe, checked before anything is rendered from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_KINDS = {
    "a text": str,
    "an object": dict,
    "a list": list,
    "a number": (int, float),
    "a whole number": int,
    "true or false": bool,
}
_RECIPE = {
    "title": "a text",
    "question": "a text",
    "recipe": "a text",
    "result": "a text",
    "dataset": "an object",
    "epochs": "a whole number",
    "batch_size": "a whole number",
    "learning_rate": "a number",
    "auc_learning_rate": "a number",
    "average_decay": "a number",
    "label_smoothing": "a number",
    "optimizer": "an object",
    "normalization": "an object",
    "flip_axes": "a list",
    "affine": "a list",
    "noise": "a list",
    "transfer": "true or false",
    "allow_leakage": "true or false",
}
_DATASET = {
    "medmnist": "a text",
    "phantom": "an object",
    "train_cases": "a whole number",
    "listing": "an object",
    "splits": "an object",
    "form": "an object",
    "ids": "an object",
    "task": "a text",
    "class_names": "a list",
    "in_channels": "a whole number",
    "source": "a text",
    "licence": "a text",
    "citation": "a text",
    "known_issues": "a list",
    "data_type": "a text",
    "covariates": "a list",
}


def check_types(recipe: Mapping[str, Any], *, where: str) -> None:
    """Raise ValueError if an entry of a recipe is not of its kind; a config expression ("@id",
    "$...") may stand for any.

    Args:
        recipe: as it was read, or given in Python.
        where: the recipe, for the message.

    Example:
        >>> check_types({"title": 3}, where="the recipe")
        Traceback (most recent call last):
        ValueError: the recipe: title is 3; a text is needed.
    """
    _check(recipe, _RECIPE, where, "")
    dataset = recipe.get("dataset", {})
    _check(dataset, _DATASET, where, "dataset#")
    names = dataset.get("class_names")
    if isinstance(names, list) and (
        len(names) < 2 or not all(isinstance(name, str) and name.strip() for name in names)
    ):
        raise ValueError(
            f"{where}: dataset#class_names is {_shown(names)}; at least two texts are needed, one "
            "for each class."
        )
    for name, target in _targets(recipe, ""):
        if not isinstance(target, str) or not target.strip():
            raise ValueError(
                f"{where}: {name} is {_shown(target)}; a text is needed, such as "
                "'medmonai.networks.resnet18'."
            )


def _check(given: Mapping[str, Any], kinds: Mapping[str, str], where: str, above: str) -> None:
    for name, kind in kinds.items():
        value = given.get(name)
        if name not in given or (
            isinstance(value, str) and kind != "a text" and value.startswith(("$", "@"))
        ):
            continue
        right = isinstance(value, _KINDS[kind]) and (
            kind == "true or false" or not isinstance(value, bool)
        )
        if not right:
            raise ValueError(f"{where}: {above}{name} is {_shown(value)}; {kind} is needed.")


def _targets(content: Any, above: str) -> Iterator[tuple[str, Any]]:
    """Yield the id and the value of every `_target_`, wherever it stands."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            if name == "_target_":
                yield f"{above}{name}", value
            else:
                yield from _targets(value, f"{above}{name}#")
    elif isinstance(content, list):
        for place, value in enumerate(content):
            yield from _targets(value, f"{above}{place}#")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else f"{text[:57]}..."
